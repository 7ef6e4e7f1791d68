//! The client's side without I/O.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::{Call, OpaqueAuth, Procedure, RPC_VERSION, Refusal, Reply};
use crate::{Decode, Decoder, Encode, Encoder, Error, Limits};

/// Makes calls, and gives each answer to its call by the transaction's number.
#[derive(Debug)]
pub struct Caller {
    next: u32,
    waiting: BTreeSet<u32>,
    limits: Limits,
    /// Who calls.
    pub credential: OpaqueAuth,
    /// What proves it.
    pub verifier: OpaqueAuth,
}

impl Caller {
    /// A caller who is nobody in particular. `first` is the number of its first transaction: one
    /// that an earlier client at the same address has not used just before.
    #[must_use]
    pub fn new(first: u32, limits: Limits) -> Self {
        Self {
            next: first,
            waiting: BTreeSet::new(),
            limits,
            credential: OpaqueAuth::none(),
            verifier: OpaqueAuth::none(),
        }
    }

    /// The message that calls `P`, and what its answer is read with.
    ///
    /// # Errors
    /// When the arguments are over a bound of their declaration; then nothing is awaited.
    pub fn call<P: Procedure>(&mut self, args: &P::Args) -> Result<(Ticket<P>, Vec<u8>), Error> {
        // Those that still wait are far fewer than there are numbers.
        while self.waiting.contains(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let xid = self.next;
        let head = Call {
            xid,
            rpc_version: RPC_VERSION,
            program: P::PROGRAM,
            version: P::VERSION,
            procedure: P::NUMBER,
            credential: self.credential.clone(),
            verifier: self.verifier.clone(),
        };
        let mut out = Encoder::default();
        head.encode(&mut out)?;
        P::encode_args(args, &mut out).map_err(|error| error.within(P::NAME))?;
        self.next = xid.wrapping_add(1);
        self.waiting.insert(xid);
        let ticket = Ticket {
            xid,
            limits: self.limits,
            procedure: PhantomData,
        };
        Ok((ticket, out.into_bytes()))
    }

    /// Takes a message from the server. None if no call waits for it: it is late, or came twice.
    ///
    /// # Errors
    /// When it is no reply. No call is taken from those that wait.
    pub fn accept<'m>(&mut self, message: &'m [u8]) -> Result<Option<Answer<'m>>, Error> {
        let mut input = Decoder::with_limits(message, self.limits);
        let reply = Reply::decode(&mut input)?;
        let body = input.remaining();
        let waited = self.waiting.remove(&reply.xid);
        Ok(waited.then_some(Answer { reply, body }))
    }

    /// No longer waits for the answer of a call.
    pub fn give_up(&mut self, xid: u32) {
        self.waiting.remove(&xid);
    }

    /// How many calls wait for their answer.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// An answer that a call waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'m> {
    /// Its head.
    pub reply: Reply,
    /// What the procedure answered.
    pub body: &'m [u8],
}

/// A call under way.
pub struct Ticket<P> {
    xid: u32,
    limits: Limits,
    procedure: PhantomData<fn() -> P>,
}

impl<P: Procedure> Ticket<P> {
    /// The number of the transaction.
    #[must_use]
    pub fn xid(&self) -> u32 {
        self.xid
    }

    /// What the procedure answered.
    ///
    /// # Errors
    /// [`Failure`]: the server's refusal, or a reply that is none of this procedure.
    pub fn read(self, answer: &Answer<'_>) -> Result<P::Reply, Failure> {
        answer.reply.outcome.map_err(Failure::Refused)?;
        let mut input = Decoder::with_limits(answer.body, self.limits);
        let reply = P::decode_reply(&mut input)
            .and_then(|reply| input.finish().map(|()| reply))
            .map_err(|error| error.within(P::NAME));
        reply.map_err(Failure::Malformed)
    }
}

impl<P: Procedure> fmt::Debug for Ticket<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({} {:#x})", P::NAME, self.xid)
    }
}

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The server said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The reply is not what the procedure answers.
    #[error("the reply cannot be read: {0}")]
    Malformed(Error),
}
