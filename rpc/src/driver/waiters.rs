//! Who waits for replies.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use drover_rpc_proto::CallId;

use super::{Answer, Reply};

/// Room for so many is kept when there are none.
const KEPT: usize = 16;

/// Somebody who waits for a reply.
pub(super) struct Waiter {
    pub(super) token: u64,
    // Until the call has gone out those that go with it, then those that came with its reply.
    pub(super) fds: Vec<OwnedFd>,
    pub(super) answer: Answer<Reply>,
}

/// All of them, in the order of their calls, whose ids only grow.
#[derive(Default)]
pub(super) struct Waiters(VecDeque<(CallId, Waiter)>);

impl Waiters {
    pub(super) fn add(&mut self, call: CallId, waiter: Waiter) {
        self.0.push_back((call, waiter));
    }

    pub(super) fn get(&mut self, call: CallId) -> Option<&mut Waiter> {
        let index = self.find(call)?;
        self.0.get_mut(index).map(|(_, waiter)| waiter)
    }

    pub(super) fn remove(&mut self, call: CallId) -> Option<Waiter> {
        let index = self.find(call)?;
        self.take(index).map(|(_, waiter)| waiter)
    }

    /// Forgets the one with this token; the call that it waited for.
    pub(super) fn abandon(&mut self, token: u64) -> Option<CallId> {
        let index = self
            .0
            .iter()
            .position(|(_, waiter)| waiter.token == token)?;
        self.take(index).map(|(call, _)| call)
    }

    fn take(&mut self, index: usize) -> Option<(CallId, Waiter)> {
        let taken = self.0.remove(index);
        if self.0.is_empty() && self.0.capacity() > KEPT {
            self.0.shrink_to(KEPT);
        }
        taken
    }

    fn find(&self, call: CallId) -> Option<usize> {
        self.0.binary_search_by_key(&call, |(call, _)| *call).ok()
    }
}
