//! Which call goes out next.
//!
//! libvirtd stops reading a connection, keepalive answers included, at its fifth unanswered request,
//! and then takes it for dead. So at most four are out, and the last of these places is for urgent
//! ones: the server runs them when its ordinary workers are all stuck.

use crate::call::CallId;
use crate::sorted::Sorted;

/// How a call takes its place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Urgent,
    Normal,
    /// After all before it have been answered, and before all after it are sent.
    Alone,
}

/// The queue and the places. Call ids only grow, so that they are a queue when sorted.
#[derive(Debug)]
pub(crate) struct Window {
    size: usize,
    places_for_normal: usize,
    out: usize,
    urgent: Sorted<CallId, ()>,
    normal: Sorted<CallId, ()>,
    alone: Sorted<CallId, ()>,
    alone_out: Option<CallId>,
}

impl Window {
    /// `reserved` of the places, but never all, are for urgent calls.
    pub(crate) fn new(size: usize, reserved: usize) -> Self {
        Self {
            size: size.max(1),
            places_for_normal: size.saturating_sub(reserved).max(1),
            out: 0,
            urgent: Sorted::default(),
            normal: Sorted::default(),
            alone: Sorted::default(),
            alone_out: None,
        }
    }

    pub(crate) fn queued(&self) -> usize {
        self.urgent.len() + self.normal.len() + self.alone.len()
    }

    pub(crate) fn out(&self) -> usize {
        self.out
    }

    pub(crate) fn push(&mut self, id: CallId, turn: Turn) {
        self.queue(turn).insert(id, ());
    }

    pub(crate) fn remove(&mut self, id: CallId, turn: Turn) {
        self.queue(turn).remove(&id);
    }

    /// The next call that may go out, if one may. It has taken its place.
    pub(crate) fn next(&mut self) -> Option<CallId> {
        if self.alone_out.is_some() {
            return None;
        }
        let fence = self.alone.first().copied();
        let before = |id: &&CallId| fence.is_none_or(|fence| **id < fence);
        let urgent = self.urgent.first().filter(before).copied();
        let normal = self.normal.first().filter(before).copied();
        let (id, turn) = match (urgent, normal, fence) {
            (Some(id), _, _) if self.out < self.size => (id, Turn::Urgent),
            (_, Some(id), _) if self.out < self.places_for_normal => (id, Turn::Normal),
            (None, None, Some(id)) if self.out == 0 => (id, Turn::Alone),
            _ => return None,
        };
        self.remove(id, turn);
        if turn == Turn::Alone {
            self.alone_out = Some(id);
        }
        self.out += 1;
        Some(id)
    }

    /// A call that had gone out has been answered.
    pub(crate) fn answered(&mut self, id: CallId) {
        self.out = self.out.saturating_sub(1);
        if self.alone_out == Some(id) {
            self.alone_out = None;
        }
    }

    fn queue(&mut self, turn: Turn) -> &mut Sorted<CallId, ()> {
        match turn {
            Turn::Urgent => &mut self.urgent,
            Turn::Normal => &mut self.normal,
            Turn::Alone => &mut self.alone,
        }
    }
}
