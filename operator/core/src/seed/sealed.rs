//! What nobody is to read in a log, a status, an event or an error.

use std::fmt;

/// Bytes of a Secret, or made from them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// The bytes, for the one place that needs them.
    #[must_use]
    pub fn open(&self) -> &[u8] {
        &self.0
    }
}

impl<T: Into<Vec<u8>>> From<T> for Sealed {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

// Not even how long it is.
impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed")
    }
}

#[cfg(test)]
mod tests {
    use super::Sealed;

    #[test]
    fn it_is_not_printed() {
        assert_eq!(format!("{:?}", Sealed::from("hunter2")), "Sealed");
    }
}
