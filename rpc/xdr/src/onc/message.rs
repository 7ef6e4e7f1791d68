//! What goes before the arguments and before the reply: RFC 5531, section 9.

use super::{AuthStatus, OpaqueAuth, Refusal};
use crate::{Decode, Decoder, Encode, Encoder, Error, Problem};

/// The version of RPC itself.
pub const RPC_VERSION: u32 = 2;

const CALL: u32 = 0;
const REPLY: u32 = 1;

/// The head of a call; the arguments follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Ties the reply to the call.
    pub xid: u32,
    /// The version of RPC itself, [`RPC_VERSION`].
    pub rpc_version: u32,
    /// The program.
    pub program: u32,
    /// The program's version.
    pub version: u32,
    /// The procedure.
    pub procedure: u32,
    /// Who calls.
    pub credential: OpaqueAuth,
    /// What proves it.
    pub verifier: OpaqueAuth,
}

impl Encode for Call {
    fn encode(&self, out: &mut Encoder) -> Result<(), Error> {
        for word in [
            self.xid,
            CALL,
            self.rpc_version,
            self.program,
            self.version,
            self.procedure,
        ] {
            out.word(word);
        }
        let credential = self.credential.encode(out);
        credential.map_err(|error| error.within("credential"))?;
        let verifier = self.verifier.encode(out);
        verifier.map_err(|error| error.within("verifier"))
    }
}

impl Decode for Call {
    const MIN_SIZE: usize = 40;

    fn decode(input: &mut Decoder<'_>) -> Result<Self, Error> {
        let xid = kind(input, CALL)?;
        Ok(Self {
            xid,
            rpc_version: input.word()?,
            program: input.word()?,
            version: input.word()?,
            procedure: input.word()?,
            credential: OpaqueAuth::decode(input).map_err(|error| error.within("credential"))?,
            verifier: OpaqueAuth::decode(input).map_err(|error| error.within("verifier"))?,
        })
    }
}

/// The head of a reply; what the procedure answers follows, if it is no refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// That of the call.
    pub xid: u32,
    /// What proves who answers; a denial has none.
    pub verifier: OpaqueAuth,
    /// Whether the call was done.
    pub outcome: Result<(), Refusal>,
}

impl Encode for Reply {
    fn encode(&self, out: &mut Encoder) -> Result<(), Error> {
        out.word(self.xid);
        out.word(REPLY);
        let denied = self.outcome.err().filter(Refusal::is_denial);
        out.word(u32::from(denied.is_some()));
        if denied.is_none() {
            let verifier = self.verifier.encode(out);
            verifier.map_err(|error| error.within("verifier"))?;
        }
        let (state, more): (u32, &[u32]) = match &self.outcome {
            Ok(()) => (0, &[]),
            Err(Refusal::ProgramUnavailable) => (1, &[]),
            Err(Refusal::ProgramMismatch { low, high }) => (2, &[*low, *high]),
            Err(Refusal::ProcedureUnavailable) => (3, &[]),
            Err(Refusal::GarbageArguments) => (4, &[]),
            Err(Refusal::SystemError) => (5, &[]),
            Err(Refusal::RpcMismatch { low, high }) => (0, &[*low, *high]),
            Err(Refusal::Auth(status)) => (1, &[status.0]),
        };
        out.word(state);
        more.iter().for_each(|word| out.word(*word));
        Ok(())
    }
}

impl Decode for Reply {
    const MIN_SIZE: usize = 16;

    fn decode(input: &mut Decoder<'_>) -> Result<Self, Error> {
        let xid = kind(input, REPLY)?;
        let (verifier, outcome) = match input.word()? {
            0 => (
                OpaqueAuth::decode(input).map_err(|error| error.within("verifier"))?,
                accepted(input)?,
            ),
            1 => (OpaqueAuth::none(), Err(denied(input)?)),
            other => return Err(unknown(other, "reply_stat")),
        };
        Ok(Self {
            xid,
            verifier,
            outcome,
        })
    }
}

fn accepted(input: &mut Decoder<'_>) -> Result<Result<(), Refusal>, Error> {
    Ok(Err(match input.word()? {
        0 => return Ok(Ok(())),
        1 => Refusal::ProgramUnavailable,
        2 => Refusal::ProgramMismatch {
            low: input.word()?,
            high: input.word()?,
        },
        3 => Refusal::ProcedureUnavailable,
        4 => Refusal::GarbageArguments,
        5 => Refusal::SystemError,
        other => return Err(unknown(other, "accept_stat")),
    }))
}

fn denied(input: &mut Decoder<'_>) -> Result<Refusal, Error> {
    Ok(match input.word()? {
        0 => Refusal::RpcMismatch {
            low: input.word()?,
            high: input.word()?,
        },
        1 => Refusal::Auth(AuthStatus(input.word()?)),
        other => return Err(unknown(other, "reject_stat")),
    })
}

// The transaction's number, if the message is of the kind that is awaited.
fn kind(input: &mut Decoder<'_>, wanted: u32) -> Result<u32, Error> {
    let xid = input.word().map_err(|error| error.within("xid"))?;
    match input.word().map_err(|error| error.within("msg_type"))? {
        kind if kind == wanted => Ok(xid),
        other => Err(unknown(other, "msg_type")),
    }
}

fn unknown(value: u32, field: &'static str) -> Error {
    Error::from(Problem::Discriminant(value.into())).within(field)
}
