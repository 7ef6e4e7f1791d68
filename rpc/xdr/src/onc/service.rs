//! The server's side without I/O.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use super::{AuthStatus, Call, Flavor, OpaqueAuth, Procedure, RPC_VERSION, Refusal, Reply};
use crate::{Decode, Decoder, Encode, Encoder, Limits};

type Handler =
    Box<dyn Fn(&Call, &mut Decoder<'_>, &mut Encoder) -> Result<(), Refusal> + Send + Sync>;
type Check = dyn Fn(&Call) -> Result<(), AuthStatus> + Send + Sync;
type Version = BTreeMap<u32, Handler>;

/// Programs that are served. Procedure 0 of each does nothing and answers nothing, as everywhere,
/// unless there is a handler for it.
#[derive(Default)]
pub struct Service {
    programs: BTreeMap<u32, BTreeMap<u32, Version>>,
    check: Option<Box<Check>>,
    limits: Limits,
}

impl Service {
    /// A service without programs, with these bounds on arguments.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Serves `P` with `handler`.
    #[must_use]
    pub fn on<P: Procedure + 'static>(
        mut self,
        handler: impl Fn(&Call, P::Args) -> Result<P::Reply, Refusal> + Send + Sync + 'static,
    ) -> Self {
        let handler: Handler = Box::new(move |call, input, out| {
            let args = P::decode_args(input).map_err(|_| Refusal::GarbageArguments)?;
            let left = input.remaining().len();
            if left > 0 && input.is_strict() {
                return Err(Refusal::GarbageArguments);
            }
            let reply = handler(call, args)?;
            P::encode_reply(&reply, out).map_err(|_| Refusal::SystemError)
        });
        let versions = self.programs.entry(P::PROGRAM).or_default();
        let version = versions.entry(P::VERSION).or_default();
        version.insert(P::NUMBER, handler);
        self
    }

    /// Asks `check` about every call before anything of it is done. Without one, callers who say
    /// nothing of themselves and those of [`Flavor::SYS`] are let in.
    #[must_use]
    pub fn authenticated(
        mut self,
        check: impl Fn(&Call) -> Result<(), AuthStatus> + Send + Sync + 'static,
    ) -> Self {
        self.check = Some(Box::new(check));
        self
    }

    /// The answer to a message. None if it is no call, or one whose head cannot be read.
    #[must_use]
    pub fn answer(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut input = Decoder::with_limits(message, self.limits);
        let mut body = Encoder::default();
        let (xid, outcome) = match other_rpc(message) {
            Some(xid) => (xid, Err(RPC_MISMATCH)),
            None => {
                let call = Call::decode(&mut input).ok()?;
                (call.xid, self.perform(&call, &mut input, &mut body))
            }
        };
        let mut out = Encoder::default();
        let reply = Reply {
            xid,
            verifier: OpaqueAuth::none(),
            outcome,
        };
        // A head without a verifier of its own is always within its bounds.
        reply.encode(&mut out).ok()?;
        if outcome.is_ok() {
            out.raw(&body.into_bytes());
        }
        Some(out.into_bytes())
    }

    fn perform(
        &self,
        call: &Call,
        input: &mut Decoder<'_>,
        out: &mut Encoder,
    ) -> Result<(), Refusal> {
        if call.credential.as_sys().is_err() {
            return Err(Refusal::Auth(AuthStatus::BAD_CREDENTIAL));
        }
        let check = self.check.as_deref().unwrap_or(&known_flavor);
        check(call).map_err(Refusal::Auth)?;
        let versions = self.programs.get(&call.program);
        let versions = versions.ok_or(Refusal::ProgramUnavailable)?;
        let Some(version) = versions.get(&call.version) else {
            let mut known = versions.keys().copied();
            let low = known.next().unwrap_or_default();
            let high = known.next_back().unwrap_or(low);
            return Err(Refusal::ProgramMismatch { low, high });
        };
        match version.get(&call.procedure) {
            Some(handler) => handler(call, input, out),
            None if call.procedure == 0 => Ok(()),
            None => Err(Refusal::ProcedureUnavailable),
        }
    }
}

const RPC_MISMATCH: Refusal = Refusal::RpcMismatch {
    low: RPC_VERSION,
    high: RPC_VERSION,
};

// The transaction of a call of another version of RPC: what follows may look otherwise there.
fn other_rpc(message: &[u8]) -> Option<u32> {
    let mut input = Decoder::new(message);
    let mut word = || input.word().ok();
    let (xid, kind, version) = (word()?, word()?, word()?);
    (kind == 0 && version != RPC_VERSION).then_some(xid)
}

fn known_flavor(call: &Call) -> Result<(), AuthStatus> {
    match call.credential.flavor {
        Flavor::NONE | Flavor::SYS => Ok(()),
        _ => Err(AuthStatus::REJECTED_CREDENTIAL),
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for (program, versions) in &self.programs {
            for (version, procedures) in versions {
                list.entry(&(program, version, procedures.len()));
            }
        }
        list.finish()
    }
}
