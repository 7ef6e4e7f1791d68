//! Who listens to which events.
//!
//! The server takes each registration once per connection, so that listeners of the same events
//! share one. It ends when the last of them has gone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use drover_rpc_proto::{Call, CallId, Connection, RawEvent, Time, program, qemu, remote};
use futures::channel::mpsc;

use super::Answer;
use crate::error::Error;
use crate::subscription::Notice;

/// How long the server may take to begin or end a registration.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many bytes of events wait for a listener. What is over is lost, and told as lost.
const QUEUE_BYTES: usize = 1 << 20;

/// What is listened to: a registration as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Topic {
    pub(crate) program: u32,
    pub(crate) procedure: i32,
    pub(crate) args: Vec<u8>,
    pub(crate) call: Call,
}

impl Topic {
    fn is(&self, other: &Self) -> bool {
        (self.program, self.procedure, &self.args) == (other.program, other.procedure, &other.args)
    }
}

/// Who listens.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) token: u64,
    pub(crate) queue: mpsc::Sender<(Notice, usize)>,
    pub(crate) state: Arc<QueueState>,
}

/// What a listener and the driver know of the queue between them.
#[derive(Debug, Default)]
pub(crate) struct QueueState {
    /// Something did not fit.
    pub(crate) lost: AtomicBool,
    /// How many bytes of events are in the queue, as they came.
    pub(crate) bytes: AtomicUsize,
}

impl Listener {
    // A listener that does not keep up loses events, and is told so; nobody waits for it.
    fn tell(&mut self, notice: Notice, size: usize) {
        // One that never fits is told as lost in its place.
        let (notice, size) = match size {
            0..=QUEUE_BYTES => (notice, size),
            _ => (Notice::Lost, 0),
        };
        let before = self.state.bytes.fetch_add(size, Ordering::AcqRel);
        if before + size > QUEUE_BYTES || self.queue.try_send((notice, size)).is_err() {
            self.state.bytes.fetch_sub(size, Ordering::AcqRel);
            self.state.lost.store(true, Ordering::Release);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Beginning,
    Active,
    /// The server is being told of the end; until then it refuses the same registration.
    Ending,
}

struct Registration {
    topic: Topic,
    state: State,
    listeners: Vec<Listener>,
    // Those among the listeners who wait for the registration to be active.
    waiting: Vec<Answer<()>>,
}

/// All registrations of a connection.
#[derive(Default)]
pub(crate) struct Listeners {
    registrations: Vec<(CallId, Registration)>,
    // The call that ends a registration, and the call that began it.
    ending: HashMap<CallId, CallId>,
}

impl Listeners {
    pub(crate) fn add(
        &mut self,
        connection: &mut Connection,
        now: Time,
        topic: Topic,
        listener: Listener,
        answer: Answer<()>,
    ) {
        let known = self
            .registrations
            .iter_mut()
            .find(|(_, registration)| registration.topic.is(&topic));
        if let Some((_, registration)) = known {
            registration.listeners.push(listener);
            if registration.state == State::Active {
                // Whoever does not wait any more needs no answer, here and below.
                answer.send(Ok(())).ok();
            } else {
                registration.waiting.push(answer);
            }
            return;
        }
        self.begin(
            connection,
            now,
            Registration {
                topic,
                state: State::Beginning,
                listeners: vec![listener],
                waiting: vec![answer],
            },
        );
    }

    fn begin(&mut self, connection: &mut Connection, now: Time, mut registration: Registration) {
        let call = registration.topic.call.clone();
        match connection.call(call.deadline(now.saturating_add(PATIENCE))) {
            Ok(id) => {
                registration.state = State::Beginning;
                self.registrations.push((id, registration));
            }
            Err(refused) => {
                for answer in registration.waiting {
                    answer.send(Err(refused.clone().into())).ok();
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, connection: &mut Connection, now: Time, token: u64) {
        for index in 0..self.registrations.len() {
            let (id, registration) = &mut self.registrations[index];
            let before = registration.listeners.len();
            registration
                .listeners
                .retain(|listener| listener.token != token);
            if registration.listeners.len() < before {
                let id = *id;
                self.end_if_unused(connection, now, id);
                return;
            }
        }
    }

    fn end_if_unused(&mut self, connection: &mut Connection, now: Time, id: CallId) {
        let Some(registration) = self.find(id) else {
            return;
        };
        if !registration.listeners.is_empty() || registration.state != State::Active {
            return;
        }
        registration.state = State::Ending;
        match connection.deregister(id, Some(now.saturating_add(PATIENCE))) {
            Some(end) => {
                self.ending.insert(end, id);
            }
            None => self.registrations.retain(|(other, _)| *other != id),
        }
    }

    /// A registration, or the end of one, has been answered.
    pub(crate) fn settle(
        &mut self,
        connection: &mut Connection,
        now: Time,
        call: CallId,
        result: &Result<Vec<u8>, Error>,
    ) {
        if let Some(id) = self.ending.remove(&call) {
            // Somebody may want it again by now.
            if let Some(registration) = self.take(id)
                && !registration.listeners.is_empty()
            {
                self.begin(connection, now, registration);
            }
            return;
        }
        match result {
            Ok(_) => {
                if let Some(registration) = self.find(call) {
                    registration.state = State::Active;
                    for answer in registration.waiting.drain(..) {
                        answer.send(Ok(())).ok();
                    }
                }
                self.end_if_unused(connection, now, call);
            }
            Err(error) => {
                if let Some(registration) = self.take(call) {
                    for answer in registration.waiting {
                        answer.send(Err(error.clone())).ok();
                    }
                }
            }
        }
    }

    /// Whether the server is being told of no registration's beginning or end.
    pub(crate) fn are_settled(&self) -> bool {
        let mut all = self.registrations.iter();
        all.all(|(_, registration)| registration.state == State::Active)
    }

    pub(crate) fn tell(&mut self, registration: CallId, event: &RawEvent) {
        let Some(registration) = self.find(registration) else {
            return;
        };
        let notice = decode(event);
        for listener in &mut registration.listeners {
            listener.tell(notice.clone(), event.body.len());
        }
    }

    pub(crate) fn tell_lost(&mut self, registration: CallId) {
        if let Some(registration) = self.find(registration) {
            for listener in &mut registration.listeners {
                listener.tell(Notice::Lost, 0);
            }
        }
    }

    fn find(&mut self, id: CallId) -> Option<&mut Registration> {
        self.registrations
            .iter_mut()
            .find_map(|(other, registration)| (*other == id).then_some(registration))
    }

    fn take(&mut self, id: CallId) -> Option<Registration> {
        let index = self
            .registrations
            .iter()
            .position(|(other, _)| *other == id)?;
        Some(self.registrations.swap_remove(index).1)
    }
}

// An event that cannot be read has happened all the same.
fn decode(event: &RawEvent) -> Notice {
    let decoded = if event.program == program::QEMU {
        qemu::Event::decode(event.procedure, &event.body)
            .map(|event| event.map(|event| Notice::Qemu(Arc::new(event))))
    } else {
        remote::Event::decode(event.procedure, &event.body)
            .map(|event| event.map(|event| Notice::Event(Arc::new(event))))
    };
    match decoded {
        Ok(Some(notice)) => notice,
        Ok(None) => Notice::Lost,
        Err(error) => {
            tracing::warn!(%error, "an event that cannot be read");
            Notice::Lost
        }
    }
}
