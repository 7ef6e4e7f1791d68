//! Who calls: RFC 5531, sections 8.2 and 9, and appendix A.

use alloc::vec::Vec;
use core::fmt;

use crate::{Decode, Decoder, Encode, Encoder, Error, Text, from_bytes, to_bytes};

/// How a caller says who it is. Flavors without a name here are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flavor(pub u32);

impl Flavor {
    /// `AUTH_NONE`: not at all.
    pub const NONE: Self = Self(0);
    /// `AUTH_SYS`: by the numbers of user and groups, which nobody proves.
    pub const SYS: Self = Self(1);
    /// `AUTH_SHORT`: by a short form that the server gave out.
    pub const SHORT: Self = Self(2);
    /// `RPCSEC_GSS`.
    pub const GSS: Self = Self(6);
}

/// A credential or a verifier: a flavor, and what only that flavor understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpaqueAuth {
    /// How `body` is to be read.
    pub flavor: Flavor,
    /// At most [`OpaqueAuth::MOST`] bytes.
    pub body: Vec<u8>,
}

impl OpaqueAuth {
    /// The longest body, in bytes.
    pub const MOST: usize = 400;

    /// Nobody in particular.
    #[must_use]
    pub fn none() -> Self {
        Self {
            flavor: Flavor::NONE,
            body: Vec::new(),
        }
    }

    /// A user and its groups.
    ///
    /// # Errors
    /// When the name is over 255 bytes or holds a NUL, or there are over 16 groups.
    pub fn sys(who: &AuthSys) -> Result<Self, Error> {
        Ok(Self {
            flavor: Flavor::SYS,
            body: to_bytes(who)?,
        })
    }

    /// The user and its groups, if the flavor is [`Flavor::SYS`].
    ///
    /// # Errors
    /// When the flavor says so and the body is none.
    pub fn as_sys(&self) -> Result<Option<AuthSys>, Error> {
        match self.flavor {
            Flavor::SYS => from_bytes(&self.body).map(Some),
            _ => Ok(None),
        }
    }
}

impl Encode for OpaqueAuth {
    fn encode(&self, out: &mut Encoder) -> Result<(), Error> {
        out.word(self.flavor.0);
        out.opaque(&self.body, Self::MOST)
            .map_err(|error| error.within("body"))
    }
}

impl Decode for OpaqueAuth {
    const MIN_SIZE: usize = 8;

    fn decode(input: &mut Decoder<'_>) -> Result<Self, Error> {
        let flavor = Flavor(input.word().map_err(|error| error.within("flavor"))?);
        let body = input.opaque_owned(Self::MOST);
        Ok(Self {
            flavor,
            body: body.map_err(|error| error.within("body"))?,
        })
    }
}

/// What `AUTH_SYS` says. Nothing of it is proven.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthSys {
    /// Any number of the caller's.
    pub stamp: u32,
    /// The caller's machine, at most 255 bytes.
    pub machine: Text,
    /// The user.
    pub uid: u32,
    /// The user's first group.
    pub gid: u32,
    /// Its other groups, at most 16.
    pub gids: Vec<u32>,
}

impl Encode for AuthSys {
    fn encode(&self, out: &mut Encoder) -> Result<(), Error> {
        out.word(self.stamp);
        let machine = self.machine.encode_bounded(out, 255);
        machine.map_err(|error| error.within("machine"))?;
        out.word(self.uid);
        out.word(self.gid);
        out.list(&self.gids, 16)
            .map_err(|error| error.within("gids"))
    }
}

impl Decode for AuthSys {
    const MIN_SIZE: usize = 20;

    fn decode(input: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(Self {
            stamp: input.word()?,
            machine: Text::decode_bounded(input, 255).map_err(|error| error.within("machine"))?,
            uid: input.word()?,
            gid: input.word()?,
            gids: input.list(16).map_err(|error| error.within("gids"))?,
        })
    }
}

/// What is wrong with who a caller says it is. Numbers without a name here are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthStatus(pub u32);

impl AuthStatus {
    /// `AUTH_BADCRED`: the credential cannot be read.
    pub const BAD_CREDENTIAL: Self = Self(1);
    /// `AUTH_REJECTEDCRED`: a new credential is needed.
    pub const REJECTED_CREDENTIAL: Self = Self(2);
    /// `AUTH_BADVERF`: the verifier cannot be read.
    pub const BAD_VERIFIER: Self = Self(3);
    /// `AUTH_REJECTEDVERF`: the verifier is over or was seen before.
    pub const REJECTED_VERIFIER: Self = Self(4);
    /// `AUTH_TOOWEAK`: a stronger flavor is asked for.
    pub const TOO_WEAK: Self = Self(5);
    /// `AUTH_INVALIDRESP`: the verifier of the reply is wrong.
    pub const INVALID_RESPONSE: Self = Self(6);
    /// `AUTH_FAILED`: for a reason not told.
    pub const FAILED: Self = Self(7);

    /// The name in RFC 5531, if it has one here.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "AUTH_BADCRED",
            2 => "AUTH_REJECTEDCRED",
            3 => "AUTH_BADVERF",
            4 => "AUTH_REJECTEDVERF",
            5 => "AUTH_TOOWEAK",
            6 => "AUTH_INVALIDRESP",
            7 => "AUTH_FAILED",
            8 => "AUTH_KERB_GENERIC",
            9 => "AUTH_TIMEEXPIRE",
            10 => "AUTH_TKT_FILE",
            11 => "AUTH_DECODE",
            12 => "AUTH_NET_ADDR",
            13 => "RPCSEC_GSS_CREDPROBLEM",
            14 => "RPCSEC_GSS_CTXPROBLEM",
            _ => return None,
        })
    }
}

impl fmt::Display for AuthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "status {}", self.0),
        }
    }
}
