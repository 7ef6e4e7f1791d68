//! What whoever may send has to show. Only its hash is kept.

use std::fmt;

use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(super) type Hash = [u8; 32];

/// A token, for the one who may send.
pub struct Token(String);

impl Token {
    pub(super) fn random() -> Self {
        // Two of the system's random numbers of 122 bits.
        let half = || Uuid::new_v4().simple().to_string();
        Self(half() + &half())
    }

    pub(super) fn hash(&self) -> Hash {
        hash(&self.0)
    }

    /// The token itself, to be given to nobody else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

// It is not for printing.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

pub(super) fn hash(token: &str) -> Hash {
    Sha256::digest(token).into()
}

// How long it takes says nothing of where they differ.
pub(super) fn same(one: &Hash, other: &Hash) -> bool {
    let pairs = one.iter().zip(other);
    pairs.fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::{Token, hash, same};

    #[test]
    fn no_two_are_the_same_and_none_is_printed() {
        let (one, other) = (Token::random(), Token::random());
        assert!(one.reveal().len() == 64 && one.reveal() != other.reveal());
        assert!(same(&one.hash(), &hash(one.reveal())));
        assert!(!same(&one.hash(), &other.hash()));
        assert_eq!(format!("{one:?}"), "Token");
    }
}
