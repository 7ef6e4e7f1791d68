//! Events: to whom each one belongs.
//!
//! An event names its registration by a number that the server chose. The number is in the reply to
//! the registration, and the event may come before that reply: such events are kept until it is
//! there. Events also come after the reply to a deregistration: these are dropped.

use std::collections::{BTreeMap, VecDeque};

use crate::call::CallId;
use crate::program;

// How many events wait for the replies to registrations. One that is over is told as lost.
const PARKED_MAX: usize = 4096;
// And how many bytes of them.
const PARKED_BYTES: usize = 1 << 20;

/// A family of events. The server numbers the registrations of each one by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Of domains.
    Domain,
    /// Of networks.
    Network,
    /// Of storage pools.
    StoragePool,
    /// Of node devices.
    NodeDevice,
    /// Of secrets.
    Secret,
    /// Of QEMU's monitor.
    QemuMonitor,
}

impl Class {
    /// The class whose events this procedure registers for.
    #[must_use]
    pub fn registered_by(program: u32, procedure: i32) -> Option<Self> {
        Some(match (program, procedure) {
            (program::REMOTE, 316) => Self::Domain,
            (program::REMOTE, 313) => Self::Network,
            (program::REMOTE, 368) => Self::StoragePool,
            (program::REMOTE, 374) => Self::NodeDevice,
            (program::REMOTE, 380) => Self::Secret,
            (program::QEMU, 4) => Self::QemuMonitor,
            _ => return None,
        })
    }

    /// The program and procedure that end a registration of this class.
    #[must_use]
    pub fn deregistration(self) -> (u32, i32) {
        match self {
            Self::Domain => (program::REMOTE, 317),
            Self::Network => (program::REMOTE, 314),
            Self::StoragePool => (program::REMOTE, 369),
            Self::NodeDevice => (program::REMOTE, 375),
            Self::Secret => (program::REMOTE, 381),
            Self::QemuMonitor => (program::QEMU, 5),
        }
    }
}

/// How an event finds its listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addressing {
    /// Its first word is the number of a registration of this class.
    ById(Class),
    /// It has no number: the end of the connection, and the events of before 2014.
    Plain,
    /// The procedure is none that sends events, or one of a newer server.
    Unknown,
}

/// How events of this procedure are addressed.
pub(crate) fn addressing(program: u32, procedure: i32) -> Addressing {
    use Addressing::{ById, Plain, Unknown};
    match (program, procedure) {
        (program::QEMU, 6) => ById(Class::QemuMonitor),
        (program::REMOTE, number) => match number {
            318..=333 | 339 | 346 | 348 | 354 | 359 | 363 | 367 | 379 | 385 | 423 | 438 | 453 => {
                ById(Class::Domain)
            }
            315 | 446 => ById(Class::Network),
            370 | 373 => ById(Class::StoragePool),
            376 | 377 => ById(Class::NodeDevice),
            382 | 383 => ById(Class::Secret),
            107 | 169..=173 | 195 | 224 | 241 | 248 | 268..=270 | 276 | 292 | 311 | 362 => Plain,
            _ => Unknown,
        },
        _ => Unknown,
    }
}

/// An event as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEvent {
    /// The program.
    pub program: u32,
    /// The procedure within the program, which says what the body is.
    pub procedure: i32,
    /// The body.
    pub body: Vec<u8>,
}

impl RawEvent {
    // The number of the registration.
    fn callback(&self) -> Option<i32> {
        self.body
            .first_chunk::<4>()
            .copied()
            .map(i32::from_be_bytes)
    }
}

/// What has waited for a registration.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    pub(crate) events: Vec<RawEvent>,
    pub(crate) lost: bool,
}

/// Registrations, by class and number.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    routes: BTreeMap<(Class, i32), CallId>,
    // Registrations whose reply is not there yet, by class.
    pending: BTreeMap<Class, usize>,
    parked: VecDeque<(Class, i32, RawEvent)>,
    parked_bytes: usize,
    lost: bool,
}

impl Routes {
    /// A registration goes out.
    pub(crate) fn expect(&mut self, class: Class) {
        *self.pending.entry(class).or_default() += 1;
    }

    /// The listener of an event, if it is known. An event that may belong to a registration whose
    /// reply is still to come is kept.
    pub(crate) fn route(&mut self, class: Class, event: RawEvent) -> Option<(CallId, RawEvent)> {
        let callback = event.callback()?;
        if let Some(registration) = self.routes.get(&(class, callback)) {
            return Some((*registration, event));
        }
        if self.pending.get(&class).is_some_and(|count| *count > 0) {
            let bytes = self.parked_bytes + event.body.len();
            if self.parked.len() < PARKED_MAX && bytes <= PARKED_BYTES {
                self.parked_bytes = bytes;
                self.parked.push_back((class, callback, event));
            } else {
                self.lost = true;
            }
        }
        None
    }

    /// The reply to a registration is there: `callback` is its number, or none if it failed.
    /// Without a `listener` (it has gone) nothing is installed.
    pub(crate) fn settle(
        &mut self,
        class: Class,
        callback: Option<i32>,
        listener: Option<CallId>,
    ) -> Arrived {
        let mut arrived = Arrived::default();
        if let (Some(callback), Some(listener)) = (callback, listener) {
            self.routes.insert((class, callback), listener);
            arrived.lost = self.lost;
            let (mine, others) = std::mem::take(&mut self.parked)
                .into_iter()
                .partition(|(of, number, _)| (*of, *number) == (class, callback));
            self.parked = others;
            let mine: VecDeque<(Class, i32, RawEvent)> = mine;
            arrived.events = mine.into_iter().map(|(_, _, event)| event).collect();
        }
        let left = self.pending.entry(class).or_default();
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.pending.remove(&class);
            self.parked.retain(|(of, _, _)| *of != class);
        }
        let left = self.parked.iter().map(|(_, _, event)| event.body.len());
        self.parked_bytes = left.sum();
        self.lost &= !self.pending.is_empty();
        arrived
    }

    /// Forgets a registration, and says how the server is told.
    pub(crate) fn remove(&mut self, registration: CallId) -> Option<(Class, i32)> {
        let key = self
            .routes
            .iter()
            .find_map(|(key, id)| (*id == registration).then_some(*key))?;
        self.routes.remove(&key);
        Some(key)
    }
}
