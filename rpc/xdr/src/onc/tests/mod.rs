mod messages;
#[cfg(feature = "std")]
mod sockets;

use std::boxed::Box;
use std::vec::Vec;

use super::{AuthStatus, Call, Caller, OpaqueAuth, Procedure, Refusal, Reply, Service};
use crate::{Decode, Decoder, Encode, Encoder, Error, Limits, Mode, Text, to_bytes};

/// A procedure of a program for the tests: it adds.
struct Add;

impl Procedure for Add {
    const PROGRAM: u32 = 0x2000_0001;
    const VERSION: u32 = 3;
    const NUMBER: u32 = 1;
    const NAME: &'static str = "ADD";
    type Args = (i32, i32);
    type Reply = Text;

    fn encode_args(args: &Self::Args, out: &mut Encoder) -> Result<(), Error> {
        args.0.encode(out)?;
        args.1.encode(out)
    }

    fn decode_args(input: &mut Decoder<'_>) -> Result<Self::Args, Error> {
        Ok((i32::decode(input)?, i32::decode(input)?))
    }

    fn encode_reply(reply: &Text, out: &mut Encoder) -> Result<(), Error> {
        reply.encode_bounded(out, 8)
    }

    fn decode_reply(input: &mut Decoder<'_>) -> Result<Text, Error> {
        Text::decode_bounded(input, 8)
    }
}

fn adding() -> Service {
    Service::new(Limits::default()).on::<Add>(|_, (a, b)| {
        let sum = a.checked_add(b).ok_or(Refusal::SystemError)?;
        Ok(std::format!("{sum}").into())
    })
}

fn call() -> Call {
    Call {
        xid: 7,
        rpc_version: 2,
        program: Add::PROGRAM,
        version: 3,
        procedure: 1,
        credential: OpaqueAuth::none(),
        verifier: OpaqueAuth::none(),
    }
}
