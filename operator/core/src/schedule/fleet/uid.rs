//! The UID of a machine, small.

use std::fmt;

use uuid::{Uuid, fmt::Hyphenated};

/// A UID: what is written as UUIDs usually are is kept as its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Uid {
    Uuid([u8; 16]),
    Other(Box<str>),
}

impl Uid {
    pub(crate) fn new(text: &str) -> Self {
        let uuid = Uuid::try_parse(text).ok();
        let same = |uuid: &Uuid| {
            let mut buffer = [0; Hyphenated::LENGTH];
            uuid.hyphenated().encode_lower(&mut buffer) == text
        };
        match uuid.filter(same) {
            Some(uuid) => Self::Uuid(uuid.into_bytes()),
            None => Self::Other(text.into()),
        }
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
