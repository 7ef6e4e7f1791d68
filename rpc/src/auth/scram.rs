//! SCRAM (RFC 5802, RFC 7677): proving that both sides know a password without saying it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;

/// More rounds than that are no care for passwords but a way to keep us busy.
const MOST_ROUNDS: u32 = 1_000_000;
/// Fewer rounds than that would let who listens guess the password (RFC 5802, section 5.1).
const FEWEST_ROUNDS: u32 = 4096;
/// No channel binding: libvirt offers none.
const GS2: &str = "n,,";

/// A hash function with which SCRAM is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        }
    }
}

/// Why a conversation cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScramError {
    #[error("the user or the password has characters that are not allowed: {0}")]
    Prohibited(&'static str),
    #[error("the server's message {0:?} is none of SCRAM")]
    Malformed(String),
    #[error("the server answers to another conversation")]
    Nonce,
    #[error("the server asks for {0} rounds: {FEWEST_ROUNDS} to {MOST_ROUNDS} are allowed")]
    Rounds(u64),
    #[error("the server says {0:?}")]
    Refused(String),
    #[error("the server does not know the password")]
    Server,
}

/// A conversation of which the first message has gone out.
pub(crate) struct Scram {
    hash: Hash,
    password: String,
    nonce: String,
    first_bare: String,
}

/// A conversation of which the last message has gone out.
#[derive(Debug)]
pub(crate) struct Proved {
    server_key: hmac::Key,
    said: String,
}

impl Scram {
    /// Begins a conversation; the first message. The nonce is random, printable and without commas.
    pub(crate) fn begin(
        hash: Hash,
        user: &str,
        password: &str,
        nonce: String,
    ) -> Result<(Self, String), ScramError> {
        let prepared = |what, text: &str| {
            let prepared = stringprep::saslprep(text).map_err(|_| ScramError::Prohibited(what));
            prepared.map(|text| text.into_owned())
        };
        let user = prepared("user", user)?
            .replace('=', "=3D")
            .replace(',', "=2C");
        let first_bare = format!("n={user},r={nonce}");
        let first = format!("{GS2}{first_bare}");
        let scram = Self {
            hash,
            password: prepared("password", password)?,
            nonce,
            first_bare,
        };
        Ok((scram, first))
    }

    /// Answers the server's first message. This takes as long as the server's rounds take.
    pub(crate) fn prove(self, server_first: &str) -> Result<(Proved, String), ScramError> {
        let malformed = || ScramError::Malformed(server_first.to_owned());
        let mut parts = server_first.split(',');
        let mut part = |prefix| {
            let part = parts.next().and_then(|part| part.strip_prefix(prefix));
            part.ok_or_else(malformed)
        };
        let nonce = part("r=")?;
        let salt = BASE64.decode(part("s=")?).map_err(|_| malformed())?;
        let rounds: u64 = part("i=")?.parse().map_err(|_| malformed())?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(ScramError::Nonce);
        }
        let rounds = u32::try_from(rounds)
            .ok()
            .filter(|rounds| (FEWEST_ROUNDS..=MOST_ROUNDS).contains(rounds))
            .and_then(NonZeroU32::new)
            .ok_or(ScramError::Rounds(rounds))?;
        let mut salted = vec![0; self.hash.digest().output_len()];
        let password = self.password.as_bytes();
        pbkdf2::derive(self.hash.pbkdf2(), rounds, &salt, password, &mut salted);
        let without_proof = format!("c={},r={nonce}", BASE64.encode(GS2));
        let said = format!("{},{server_first},{without_proof}", self.first_bare);
        let mac = |key: &[u8], text: &str| {
            let key = hmac::Key::new(self.hash.hmac(), key);
            hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
        };
        let client_key = mac(&salted, "Client Key");
        let stored_key = digest::digest(self.hash.digest(), &client_key);
        let signature = mac(stored_key.as_ref(), &said);
        let proof: Vec<u8> = client_key
            .iter()
            .zip(&signature)
            .map(|(key, sign)| key ^ sign)
            .collect();
        let server_key = hmac::Key::new(self.hash.hmac(), &mac(&salted, "Server Key"));
        let answer = format!("{without_proof},p={}", BASE64.encode(proof));
        Ok((Proved { server_key, said }, answer))
    }
}

impl Proved {
    /// Looks at the server's last message: it must know the password too.
    pub(crate) fn verify(&self, server_final: &str) -> Result<(), ScramError> {
        let first = server_final.split(',').next().unwrap_or_default();
        if let Some(error) = first.strip_prefix("e=") {
            return Err(ScramError::Refused(error.to_owned()));
        }
        let malformed = || ScramError::Malformed(server_final.to_owned());
        let signature = first.strip_prefix("v=").ok_or_else(malformed)?;
        let signature = BASE64.decode(signature).map_err(|_| malformed())?;
        hmac::verify(&self.server_key, self.said.as_bytes(), &signature)
            .map_err(|_| ScramError::Server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(
        hash: Hash,
        nonce: &str,
        server_first: &str,
    ) -> Result<(Proved, String), ScramError> {
        let (scram, first) = Scram::begin(hash, "user", "pencil", nonce.to_owned())?;
        assert_eq!(first, format!("n,,n=user,r={nonce}"));
        scram.prove(server_first)
    }

    #[test]
    fn the_example_of_rfc_5802() {
        let (proved, answer) = conversation(
            Hash::Sha1,
            "fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        )
        .unwrap();
        assert_eq!(
            answer,
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
        );
        proved.verify("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=").unwrap();
    }

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                         s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    #[test]
    fn the_example_of_rfc_7677() {
        let (proved, answer) = conversation(Hash::Sha256, NONCE, FIRST).unwrap();
        assert!(answer.ends_with(",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
        let last = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        proved.verify(last).unwrap();
        assert_eq!(proved.verify("v=AAAA"), Err(ScramError::Server));
        let refused = ScramError::Refused("unknown-user".to_owned());
        assert_eq!(proved.verify("e=unknown-user"), Err(refused));
        assert!(matches!(proved.verify("?"), Err(ScramError::Malformed(_))));
    }

    #[test]
    fn a_server_that_means_no_good() {
        let failure = |first: &str| conversation(Hash::Sha256, NONCE, first).unwrap_err();
        assert_eq!(failure(&FIRST.replace("rOpr", "xxxx")), ScramError::Nonce);
        let short = format!("r={NONCE},s=AAAA,i=4096");
        assert_eq!(failure(&short), ScramError::Nonce);
        for rounds in [0, 1, 4095, 1_000_001, 4_294_967_297] {
            let first = FIRST.replace("4096", &rounds.to_string());
            assert_eq!(failure(&first), ScramError::Rounds(rounds));
        }
        for first in ["", "r=", "x", "m=ext,r=a,s=AAAA,i=4096", "r=a,s=*,i=1"] {
            let failed = failure(first);
            assert!(
                matches!(failed, ScramError::Malformed(_)),
                "{first}: {failed}"
            );
        }
    }

    #[test]
    fn names_are_escaped_and_prepared() {
        let begin = |user: &str| Scram::begin(Hash::Sha256, user, "x", "n".to_owned());
        assert_eq!(begin("a=b,c").unwrap().1, "n,,n=a=3Db=2Cc,r=n");
        assert_eq!(begin("I\u{ad}X").unwrap().1, "n,,n=IX,r=n");
        assert!(matches!(
            begin("\u{7}"),
            Err(ScramError::Prohibited("user"))
        ));
    }
}
