//! Images that people send: who may, what has come of each, and the way from there into a volume.
//!
//! A look at an image gives leave to send it ([`Uploads::invite`]), and says where it goes once there is an
//! empty volume for it ([`Uploads::open`]). Whoever has the token that leave comes with sends the bytes
//! ([`Uploads::begin`]), which go on at once. Nothing of it outlives the process: after a restart it is
//! asked for leave again, and begun at the first byte.

mod client;
mod door;
mod serve;
mod tls;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
pub use drover_core::upload::{Begin, Session};
use drover_core::upload::{Refusal as Wrong, VALID};
use tokio::sync::mpsc;
use tokio::time::Instant;

pub use self::client::{Answer, ClientError, PIECE, Way};
pub use self::door::Door;
pub use self::serve::{DIGEST, LENGTH, OFFSET, path};
use self::token::Hash;
pub use self::token::Token;
use crate::import::jobs::{JobState, Jobs};
use crate::import::received;
use crate::import::transfer::{Expected, From, Target, Transfer};
use crate::metrics::Metrics;
use crate::reconcile::{Hints, Key};

/// How long whoever sends may send nothing.
const STALL: Duration = Duration::from_secs(60);
/// How many may send at once.
const AT_ONCE: usize = 16;

/// Why bytes are not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody has leave to send that, or not with this token.
    #[error("there is no leave to send this, or not with this token: ask for it anew")]
    Unknown,
    /// There is no volume for it yet.
    #[error("its volume is not there yet; begin in a moment")]
    NotYet,
    /// They are not the bytes that come next.
    #[error("{0}")]
    Wrong(#[from] Wrong),
    /// The content cannot be what it must be.
    #[error("spec.checksum: declared is sha256:{declared}, sent is sha256:{sent}")]
    Checksum {
        /// What it must be.
        declared: String,
        /// What it would be.
        sent: String,
    },
    /// It has ended, because of what has come or of what it was written into.
    #[error("it has ended: the image says why")]
    Ended,
    /// Others send.
    #[error("{AT_ONCE} others are being sent; begin in a moment")]
    Full,
}

/// An empty volume for what is sent, and what that must be.
pub struct Opening {
    /// The volume.
    pub target: Target,
    /// What it must be.
    pub expected: Expected,
}

#[derive(Default)]
struct Entry {
    // What was asked, and until when the answer holds.
    request: String,
    until: Option<Instant>,
    token: Option<Hash>,
    opening: Option<Opening>,
    on_its_way: Option<OnItsWay>,
}

// Content of which some has come.
struct OnItsWay {
    number: u64,
    job: String,
    session: Session,
    sender: mpsc::Sender<Bytes>,
}

impl Entry {
    fn is_invited(&self) -> bool {
        self.until.is_some_and(|until| until > Instant::now())
    }

    // What nobody takes any more is over.
    fn forget_what_ended(&mut self, jobs: &Jobs) {
        self.on_its_way.take_if(|it| !it.goes_on(jobs));
    }
}

impl OnItsWay {
    fn goes_on(&self, jobs: &Jobs) -> bool {
        let state = jobs.state(&self.job);
        match self.session.is_whole() {
            true => matches!(state, JobState::Running(_) | JobState::Done(_)),
            false => matches!(state, JobState::Running(_)) && !self.sender.is_closed(),
        }
    }
}

/// Everything that people send.
pub struct Uploads {
    /// Where it is sent to; none if only this process itself sends.
    pub endpoint: Option<Endpoint>,
    stall: Duration,
    jobs: Jobs,
    hints: Hints,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: HashMap<Key, Entry>,
    number: u64,
}

/// Where it is sent to.
#[derive(Debug, Clone, Default)]
pub struct Endpoint {
    /// The URL before the path of each.
    pub url: String,
    /// The authority of its certificate, PEM, if that is no public one.
    pub ca: Option<Vec<u8>>,
}

impl Uploads {
    /// None yet.
    #[must_use]
    pub fn new(
        endpoint: Option<Endpoint>,
        jobs: &Jobs,
        hints: &Hints,
        metrics: &Arc<Metrics>,
    ) -> Self {
        Self {
            endpoint,
            stall: STALL,
            jobs: jobs.clone(),
            hints: hints.clone(),
            metrics: Arc::clone(metrics),
            state: Mutex::default(),
        }
    }

    /// The same, for those who may send nothing for so long.
    #[must_use]
    pub fn with_stall(self, stall: Duration) -> Self {
        Self { stall, ..self }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives leave to send an image, by the token that is returned. What was on its way goes on.
    #[must_use]
    pub fn invite(&self, key: &Key, request: &str) -> Token {
        let token = Token::random();
        let mut state = self.lock();
        let entry = state.entries.entry(key.clone()).or_default();
        request.clone_into(&mut entry.request);
        entry.until = Some(Instant::now() + Duration::from_secs(VALID.unsigned_abs()));
        entry.token = Some(token.hash());
        token
    }

    /// Whether this request has been answered.
    #[must_use]
    pub fn is_answered(&self, key: &Key, request: &str) -> bool {
        let state = self.lock();
        let entry = state.entries.get(key);
        entry.is_some_and(|entry| entry.request == request && entry.until.is_some())
    }

    /// How long there is leave to send an image; none if there is none.
    #[must_use]
    pub fn invited_for(&self, key: &Key) -> Option<Duration> {
        let state = self.lock();
        let until = state.entries.get(key).filter(|it| it.is_invited())?.until?;
        Some(until.saturating_duration_since(Instant::now()))
    }

    /// Forgets leave that nobody made use of in time.
    pub fn forget_old(&self, key: &Key) {
        let mut state = self.lock();
        if let Some(entry) = state.entries.get_mut(key) {
            entry.forget_what_ended(&self.jobs);
            if !entry.is_invited() && entry.on_its_way.is_none() {
                state.entries.remove(key);
            }
        }
    }

    /// Takes leave back that could not be told of. What is on its way goes on.
    pub fn retract(&self, key: &Key) {
        if let Some(entry) = self.lock().entries.get_mut(key) {
            (entry.until, entry.token) = (None, None);
        }
    }

    /// Says where an image goes.
    pub fn open(&self, key: &Key, opening: Opening) {
        let mut state = self.lock();
        if let Some(entry) = state.entries.get_mut(key) {
            entry.forget_what_ended(&self.jobs);
            entry.opening = Some(opening).filter(|_| entry.on_its_way.is_none());
        }
    }

    /// Takes the leave back: it is there, or nobody wants it any more. What is on its way ends.
    pub fn close(&self, key: &Key) {
        self.lock().entries.remove(key);
    }

    /// Lets whoever has the token in.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] for everybody else.
    pub fn admit(&self, key: &Key, token: &str) -> Result<(), Refusal> {
        let hash = token::hash(token);
        let state = self.lock();
        let entry = state.entries.get(key).filter(|entry| entry.is_invited());
        let known = entry.and_then(|entry| entry.token.as_ref());
        match known.is_some_and(|known| token::same(known, &hash)) {
            true => Ok(()),
            false => Err(Refusal::Unknown),
        }
    }

    /// How much has come, and how much there is of it, if anything has come.
    #[must_use]
    pub fn so_far(&self, key: &Key) -> Option<(u64, u64)> {
        let mut state = self.lock();
        let entry = state.entries.get_mut(key)?;
        entry.forget_what_ended(&self.jobs);
        let session = &entry.on_its_way.as_ref()?.session;
        Some((session.received(), session.length()))
    }

    /// Begins to take an image, or goes on.
    ///
    /// # Errors
    /// When these are not the bytes that come next, or there is no place for them.
    pub fn begin(self: &Arc<Self>, key: &Key, begin: &Begin) -> Result<Sending, Refusal> {
        let mut state = self.lock();
        let others = state.entries.values();
        let full = others.filter(|it| it.on_its_way.is_some()).count() >= AT_ONCE;
        let number = state.number + 1;
        let entry = state.entries.get_mut(key).ok_or(Refusal::Unknown)?;
        entry.forget_what_ended(&self.jobs);
        if let Some(before) = &mut entry.on_its_way {
            if let Err(wrong) = before.session.resume(begin) {
                if wrong == Wrong::Restart {
                    // With its sender it ends, and then there is another empty volume.
                    entry.on_its_way = None;
                }
                return Err(wrong.into());
            }
            return Ok(Sending {
                uploads: Arc::clone(self),
                key: key.clone(),
                number: before.number,
                sender: before.sender.clone(),
            });
        }
        let session = Session::begin(begin)?;
        let opening = entry.opening.as_ref().ok_or(Refusal::NotYet)?;
        if let (Some(declared), Some(sent)) = (&opening.expected.fetched, &begin.digest)
            && declared != sent
        {
            let (declared, sent) = (declared.clone(), sent.clone());
            return Err(Refusal::Checksum { declared, sent });
        }
        if full {
            return Err(Refusal::Full);
        }
        let (sender, received) = received::channel(begin.length, self.stall);
        let opening = entry.opening.take().ok_or(Refusal::NotYet)?;
        entry.on_its_way = Some(OnItsWay {
            number,
            job: opening.target.id.clone(),
            session,
            sender: sender.clone(),
        });
        state.number = number;
        self.start(opening, begin, received);
        self.hints.hint(key.clone());
        Ok(Sending {
            uploads: Arc::clone(self),
            key: key.clone(),
            number,
            sender,
        })
    }

    fn start(&self, opening: Opening, begin: &Begin, received: received::Received) {
        let transfer = Transfer {
            from: From::Upload(Some(received)),
            expected: Expected {
                fetched: opening.expected.fetched.or_else(|| begin.digest.clone()),
                ..opening.expected
            },
            targets: vec![opening.target],
            hints: self.hints.clone(),
            metrics: Arc::clone(&self.metrics),
        };
        transfer.start(&self.jobs);
    }

    // What of an upload is asked by who sends it.
    fn of_sending<T>(
        &self,
        sending: &Sending,
        ask: impl FnOnce(&mut Session) -> T,
    ) -> Result<T, Refusal> {
        let mut state = self.lock();
        let entry = state.entries.get_mut(&sending.key);
        let on_its_way = entry.and_then(|entry| entry.on_its_way.as_mut());
        let own = on_its_way.filter(|it| it.number == sending.number);
        own.map(|it| ask(&mut it.session)).ok_or(Refusal::Ended)
    }
}

/// Somebody who sends, for as long as they are there.
pub struct Sending {
    uploads: Arc<Uploads>,
    key: Key,
    number: u64,
    sender: mpsc::Sender<Bytes>,
}

impl Sending {
    /// Takes the next bytes. It takes as long as it takes to write them.
    ///
    /// # Errors
    /// When there are too many, or it has ended.
    pub async fn send(&self, bytes: Bytes) -> Result<(), Refusal> {
        let count = bytes.len() as u64;
        let allowed = self.uploads.of_sending(self, |it| it.allow(count))?;
        allowed?;
        let sent = self.sender.send(bytes).await;
        sent.map_err(|_| Refusal::Ended)?;
        self.uploads.of_sending(self, |it| it.took(count))
    }

    /// How many bytes have come in all, and whether there are no more.
    ///
    /// # Errors
    /// When it has ended.
    pub fn so_far(&self) -> Result<(u64, bool), Refusal> {
        let ask = |it: &mut Session| (it.received(), it.is_whole());
        self.uploads.of_sending(self, ask)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let _ended = self.uploads.of_sending(self, Session::stop);
    }
}

#[cfg(test)]
mod tests;
