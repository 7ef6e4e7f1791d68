//! Which objects are to be looked at, and when. An object is in one worker's hands at most; hinted
//! meanwhile, it comes again. What fails comes again after a wait that doubles. Objects of one host go
//! in a lane of their own, so that those of a slow one take up no other's workers.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Key, Kind};

const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How many objects of one lane are looked at at once. Most of that time is waiting for others.
pub const PER_LANE: usize = 16;

// What a look takes, about: so much time for each object is between two looks at all of them.
const OF_ONE_LOOK: Duration = Duration::from_micros(200);

/// What an object waits for when it is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Lane {
    /// One host.
    Host(String),
    /// Whatever objects of this kind wait for.
    Kind(Kind),
}

/// When an object is to be looked at again without a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// When something is hinted.
    WhenHinted,
    /// After this long, or when something is hinted.
    After(Duration),
    /// After a wait that grows with each failure in a row.
    Failed,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Key>,
    // Taken, and given back because their lane was full.
    held: HashMap<Lane, VecDeque<Key>>,
    queued: HashSet<Key>,
    active: HashMap<Key, Lane>,
    in_lane: HashMap<Lane, usize>,
    // Hinted while a worker had it.
    dirty: HashSet<Key>,
    delayed: BTreeSet<(Instant, Key)>,
    due: HashMap<Key, Instant>,
    failures: HashMap<Key, u32>,
    everything: Turn,
}

/// When every object may be asked for again.
#[derive(Debug, Default)]
struct Turn {
    next: Option<Instant>,
    // Asked for, and still to come.
    coming: bool,
}

/// The queue.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Notify,
    ended: Notify,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a look.
    pub fn hint(&self, key: Key) {
        let mut state = self.lock();
        state.undelay(&key);
        state.enqueue(key);
        drop(state);
        self.changed.notify_one();
    }

    /// The next object, once there is one whose lane is not full.
    pub async fn next(&self, lane_of: impl Fn(&Key) -> Lane) -> Key {
        loop {
            let changed = self.changed.notified();
            let due = {
                let mut state = self.lock();
                state.wake(Instant::now());
                if let Some(key) = state.take(&lane_of) {
                    if !state.ready.is_empty() {
                        self.changed.notify_one();
                    }
                    return key;
                }
                state.delayed.first().map(|(due, _)| *due)
            };
            match due {
                None => changed.await,
                Some(due) => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep_until(due) => {}
                },
            }
        }
    }

    /// Gives an object back.
    pub fn done(&self, key: Key, again: Again) {
        let mut state = self.lock();
        state.leave_lane(&key);
        let hinted = state.dirty.remove(&key);
        let wait = match again {
            Again::Failed => {
                let failures = state.failures.entry(key.clone()).or_default();
                *failures += 1;
                Some(back_off(*failures))
            }
            Again::After(wait) => {
                state.failures.remove(&key);
                Some(wait)
            }
            Again::WhenHinted => {
                state.failures.remove(&key);
                None
            }
        };
        if hinted {
            state.enqueue(key);
        } else if let Some(wait) = wait {
            state.delay(key, Instant::now() + wait);
        }
        drop(state);
        self.changed.notify_one();
        self.ended.notify_waiters();
    }

    // Whether everything may be asked for now; if not, when, unless somebody waits for that already.
    fn turn_for_everything(&self) -> Result<(), Option<Instant>> {
        let mut state = self.lock();
        let turn = &mut state.everything;
        match turn.next {
            _ if turn.coming => Err(None),
            Some(next) if next > Instant::now() => {
                turn.coming = true;
                Err(Some(next))
            }
            _ => Ok(()),
        }
    }

    // A look at everything is given its time before the next one.
    fn hint_all(&self, keys: Vec<Key>) {
        let pause = u32::try_from(keys.len()).unwrap_or(u32::MAX) * OF_ONE_LOOK;
        let mut state = self.lock();
        state.everything.coming = false;
        state.everything.next = Some(Instant::now() + pause);
        for key in keys {
            state.undelay(&key);
            state.enqueue(key);
        }
        drop(state);
        self.changed.notify_one();
        self.ended.notify_waiters();
    }

    /// Waits until nothing is worked on, nor waits for a worker.
    pub async fn idle(&self) {
        loop {
            let ended = self.ended.notified();
            let is_idle = {
                let state = self.lock();
                state.ready.is_empty() && state.active.is_empty() && !state.everything.coming
            };
            if is_idle {
                return;
            }
            ended.await;
        }
    }

    /// How many objects of a kind wait for a worker.
    #[must_use]
    pub fn depth(&self, kind: Kind) -> usize {
        let state = self.lock();
        let waiting = state.ready.iter().chain(state.held.values().flatten());
        waiting.filter(|key| key.kind == kind).count()
    }
}

impl State {
    fn take(&mut self, lane_of: impl Fn(&Key) -> Lane) -> Option<Key> {
        while let Some(key) = self.ready.pop_front() {
            let lane = lane_of(&key);
            let count = self.in_lane.entry(lane.clone()).or_default();
            if *count >= PER_LANE {
                self.held.entry(lane).or_default().push_back(key);
                continue;
            }
            *count += 1;
            self.queued.remove(&key);
            self.active.insert(key.clone(), lane);
            return Some(key);
        }
        None
    }

    // Whoever has waited longest for the place has it.
    fn leave_lane(&mut self, key: &Key) {
        let Some(lane) = self.active.remove(key) else {
            return;
        };
        if let Some(next) = self.held.get_mut(&lane).and_then(VecDeque::pop_front) {
            self.ready.push_front(next);
        } else {
            self.held.remove(&lane);
        }
        if let Some(count) = self.in_lane.get_mut(&lane) {
            *count -= 1;
            if *count == 0 {
                self.in_lane.remove(&lane);
            }
        }
    }

    fn enqueue(&mut self, key: Key) {
        if self.active.contains_key(&key) {
            self.dirty.insert(key);
        } else if self.queued.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    fn delay(&mut self, key: Key, due: Instant) {
        self.undelay(&key);
        self.due.insert(key.clone(), due);
        self.delayed.insert((due, key));
    }

    fn undelay(&mut self, key: &Key) {
        if let Some(due) = self.due.remove(key) {
            self.delayed.remove(&(due, key.clone()));
        }
    }

    fn wake(&mut self, now: Instant) {
        while let Some((due, key)) = self.delayed.first().cloned()
            && due <= now
        {
            self.undelay(&key);
            self.enqueue(key);
        }
    }
}

fn back_off(failures: u32) -> Duration {
    FIRST_WAIT
        .saturating_mul(1 << failures.saturating_sub(1).min(10))
        .min(LONGEST_WAIT)
}

/// Hints for whoever finds out that something has changed.
#[derive(Debug, Clone)]
pub struct Hints {
    queue: Arc<Queue>,
    // Every object there is; known once the caches are.
    everything: Arc<Mutex<Option<Everyone>>>,
}

/// Finds objects.
pub struct Everyone {
    /// All of them.
    pub all: Box<dyn Fn() -> Vec<Key> + Send + Sync>,
    /// The machine of a domain.
    pub of_domain: Box<OfDomain>,
}

type OfDomain = dyn Fn(&str, Uuid) -> Option<Key> + Send + Sync;

impl std::fmt::Debug for Everyone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Everyone")
    }
}

impl Hints {
    /// Hints for this queue.
    #[must_use]
    pub fn new(queue: Arc<Queue>) -> Self {
        Self {
            queue,
            everything: Arc::default(),
        }
    }

    /// Says how every object is found.
    pub fn set_everyone(&self, everyone: Everyone) {
        *self
            .everything
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(everyone);
    }

    /// Asks for a look at an object.
    pub fn hint(&self, key: Key) {
        self.queue.hint(key);
    }

    /// Asks for a look at every object. Asked for by many within the time that this takes, as when a
    /// thousand hosts come back, it is done once more after that.
    pub fn hint_everything(&self) {
        match self.queue.turn_for_everything() {
            Ok(()) => self.hint_all(),
            Err(None) => {}
            Err(Some(turn)) => {
                let hints = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep_until(turn).await;
                    hints.hint_all();
                });
            }
        }
    }

    fn hint_all(&self) {
        let keys = self.with_everyone(|everyone| (everyone.all)());
        self.queue.hint_all(keys.unwrap_or_default());
    }

    /// Asks for a look at the machine that a domain stands for.
    pub fn hint_domain(&self, name: &str, uuid: Uuid) {
        let key = self.with_everyone(|everyone| (everyone.of_domain)(name, uuid));
        if let Some(key) = key.flatten() {
            self.queue.hint(key);
        }
    }

    fn with_everyone<T>(&self, find: impl FnOnce(&Everyone) -> T) -> Option<T> {
        let everything = self
            .everything
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        everything.as_ref().map(find)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use std::sync::Arc;

    use super::{Again, Everyone, Hints, Lane, OF_ONE_LOOK, PER_LANE, Queue};
    use crate::reconcile::{Key, Kind};

    fn one_lane(_: &Key) -> Lane {
        Lane::Kind(Kind::Host)
    }

    #[tokio::test(start_paused = true)]
    async fn hinted_while_in_hand_it_comes_again() {
        let queue = Queue::default();
        queue.hint(Key::host("a"));
        queue.hint(Key::host("a"));
        let key = queue.next(one_lane).await;
        queue.hint(Key::host("a"));
        assert_eq!(queue.depth(Kind::Host), 0);
        queue.done(key, Again::WhenHinted);
        assert_eq!(queue.next(one_lane).await, Key::host("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_wait_longer_each_time_and_a_hint_ends_the_wait() {
        let queue = Queue::default();
        queue.hint(Key::host("a"));
        let mut waits = Vec::new();
        for _ in 0..3 {
            let start = tokio::time::Instant::now();
            let key = queue.next(one_lane).await;
            waits.push(start.elapsed());
            queue.done(key, Again::Failed);
        }
        assert_eq!(waits, [0, 500, 1_000].map(Duration::from_millis));
        queue.hint(Key::host("a"));
        let start = tokio::time::Instant::now();
        queue.next(one_lane).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn everything_is_asked_for_once_in_the_time_that_it_takes() {
        let queue = Arc::new(Queue::default());
        let hints = Hints::new(Arc::clone(&queue));
        hints.set_everyone(Everyone {
            all: Box::new(|| (0..10).map(|it| Key::host(&it.to_string())).collect()),
            of_domain: Box::new(|_, _| None),
        });
        let drain = async || {
            let mut looks = 0;
            while queue.depth(Kind::Host) > 0 {
                let key = queue.next(one_lane).await;
                queue.done(key, Again::WhenHinted);
                looks += 1;
            }
            looks
        };
        hints.hint_everything();
        assert_eq!(drain().await, 10);
        for _ in 0..1_000 {
            hints.hint_everything();
        }
        assert_eq!(drain().await, 0);
        let idle = tokio::time::timeout(OF_ONE_LOOK, queue.idle()).await;
        assert!(idle.is_err(), "something is to come");
        tokio::time::sleep(10 * OF_ONE_LOOK).await;
        assert_eq!(drain().await, 10);
        queue.idle().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(drain().await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_earliest_comes_first() {
        let queue = Queue::default();
        for (name, wait) in [("late", 9), ("early", 2)] {
            queue.hint(Key::host(name));
            let key = queue.next(one_lane).await;
            queue.done(key, Again::After(Duration::from_secs(wait)));
        }
        assert_eq!(queue.next(one_lane).await.name, "early");
        assert_eq!(queue.next(one_lane).await.name, "late");
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_lane_holds_up_no_other() {
        let lane_of = |key: &Key| Lane::Host(key.namespace.clone());
        let queue = Queue::default();
        for index in 0..PER_LANE + 2 {
            queue.hint(Key::machine("slow", &index.to_string()));
        }
        queue.hint(Key::machine("fast", "a"));
        let mut taken = Vec::new();
        for _ in 0..PER_LANE {
            taken.push(queue.next(lane_of).await);
        }
        assert!(taken.iter().all(|key| key.namespace == "slow"));
        assert_eq!(queue.next(lane_of).await, Key::machine("fast", "a"));
        assert_eq!(queue.depth(Kind::VirtualMachine), 2);
        let wait = Duration::from_secs(1);
        let none = tokio::time::timeout(wait, queue.next(lane_of)).await;
        assert!(none.is_err(), "{none:?}");
        // Hinted while it is held, it is still held once.
        queue.hint(Key::machine("slow", "16"));
        queue.done(taken.remove(0), Again::WhenHinted);
        assert_eq!(queue.next(lane_of).await, Key::machine("slow", "16"));
        assert_eq!(queue.depth(Kind::VirtualMachine), 1);
    }
}
