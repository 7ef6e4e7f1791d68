//! The UID of a machine, small.

use std::fmt;
use std::hash::Hasher;

use uuid::{Uuid, fmt::Hyphenated};

use super::hash::Mixer;

/// A UID: what is written as UUIDs usually are is kept as its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Uid {
    Uuid([u8; 16]),
    Other(Box<str>),
}

impl Uid {
    pub(crate) fn new(text: &str) -> Self {
        // Of the forms that can be read one alone is so long.
        let usual = text.len() == Hyphenated::LENGTH;
        let usual = usual && !text.bytes().any(|it| it.is_ascii_uppercase());
        match Uuid::try_parse(text).ok().filter(|_| usual) {
            Some(uuid) => Self::Uuid(uuid.into_bytes()),
            None => Self::Other(text.into()),
        }
    }

    /// Where it is in a table.
    pub(crate) fn hash(&self) -> u64 {
        let mut mixer = Mixer::default();
        match self {
            Self::Uuid(bytes) => mixer.write(bytes),
            Self::Other(text) => mixer.write(text.as_bytes()),
        }
        mixer.finish()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(bytes) => Uuid::from_bytes(*bytes).hyphenated().fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Uid;

    #[test]
    fn a_uid_is_said_as_it_was_given() {
        let usual = "4f1c1e38-0000-4000-8000-00010abcdef0";
        assert!(matches!(Uid::new(usual), Uid::Uuid(_)));
        for text in [
            "",
            "web-1",
            usual,
            &usual.to_uppercase(),
            &usual.replace('-', ""),
        ] {
            assert_eq!(Uid::new(text).to_string(), text);
        }
    }
}
