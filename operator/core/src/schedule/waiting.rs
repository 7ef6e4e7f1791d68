//! The machines that found no place: why, and which of them something could have helped since.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::event::{Event, could_help};
use super::reasons::Unschedulable;
use super::request::Request;

/// Why a machine found no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waits {
    /// No host fits.
    Alone(Unschedulable),
    /// Its group does not fit: anything may let another arrangement of it fit.
    Together {
        /// The higher, the earlier it is placed.
        priority: i32,
        /// The pools that room is asked of, and how much, in bytes.
        pools: Vec<(String, u64)>,
    },
}

impl Waits {
    /// The machines of a group that was refused.
    #[must_use]
    pub fn together(requests: &[Request]) -> Self {
        let priority = requests.iter().map(|it| it.machine.priority).max();
        let pools = requests.iter().flat_map(|it| &it.machine.usage.pools);
        Self::Together {
            priority: priority.unwrap_or(0),
            pools: pools.cloned().collect(),
        }
    }

    /// The higher, the earlier the machine is placed.
    #[must_use]
    pub fn priority(&self) -> i32 {
        match self {
            Self::Alone(why) => why.priority(),
            Self::Together { priority, .. } => *priority,
        }
    }

    /// The pools that room is asked of, and how much, in bytes.
    #[must_use]
    pub fn pools(&self) -> &[(String, u64)] {
        match self {
            Self::Alone(why) => why.pools(),
            Self::Together { pools, .. } => pools,
        }
    }

    /// Whether an event could be what it waits for.
    #[must_use]
    pub fn could_be_helped(&self, event: &Event) -> bool {
        match self {
            Self::Alone(why) => could_help(why, event),
            Self::Together { .. } => true,
        }
    }
}

/// The machines that wait. Whoever asks for a place is taken out, sees all that has happened so far, and is
/// put in again before anything else is noted: then it misses nothing.
#[derive(Debug, Clone)]
pub struct Waiting<K, W = Waits> {
    all: HashMap<K, W>,
    helped: HashSet<K>,
}

impl<K, W> Default for Waiting<K, W> {
    fn default() -> Self {
        Self {
            all: HashMap::new(),
            helped: HashSet::new(),
        }
    }
}

impl<K: Clone + Eq + Hash + Ord, W: Borrow<Waits>> Waiting<K, W> {
    /// A machine has found no place.
    pub fn insert(&mut self, key: K, why: W) {
        self.helped.remove(&key);
        self.all.insert(key, why);
    }

    /// A machine is looked at, or gone. What could have helped it so far it sees now.
    pub fn remove(&mut self, key: &K) {
        self.helped.remove(key);
        self.all.remove(key);
    }

    /// Whether a machine waits.
    #[must_use]
    pub fn has(&self, key: &K) -> bool {
        self.all.contains_key(key)
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Those that wait, and why, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &W)> {
        self.all.iter()
    }

    /// The pools that those ask room of that wait.
    #[must_use]
    pub fn pools(&self) -> Vec<(String, u64)> {
        let all = self.all.values();
        all.flat_map(|why| why.borrow().pools()).cloned().collect()
    }

    /// Something has happened.
    pub fn note(&mut self, event: &Event) {
        let all = self.all.iter();
        let helped = all.filter(|(_, why)| (**why).borrow().could_be_helped(event));
        self.helped.extend(helped.map(|(key, _)| key.clone()));
    }

    /// Takes those out that something could have helped, the important first: each has to be looked at, and
    /// waits again if it finds no place.
    pub fn take_helped(&mut self) -> Vec<K> {
        let helped = self.helped.drain();
        let helped = helped.filter_map(|key| {
            let why = self.all.remove(&key)?;
            Some((why.borrow().priority(), key))
        });
        let mut helped: Vec<_> = helped.collect();
        helped.sort_by(|(a, m), (b, n)| b.cmp(a).then_with(|| m.cmp(n)));
        helped.into_iter().map(|(_, key)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Waiting, Waits};
    use crate::schedule::{Candidate, Counts, Event, Fleet, Machine, Request, schedule};

    fn asks(uid: &str, cpus: u64, priority: i32) -> Request {
        let mut request = Request::default();
        request.machine.uid = uid.to_owned();
        request.machine.usage.vcpus = cpus;
        request.machine.usage.pools = vec![("fast".to_owned(), cpus)];
        request.machine.priority = priority;
        request
    }

    // A host of four CPUs with a machine of this many.
    fn fleet(cpus: u64) -> Fleet {
        let host = Candidate {
            name: "kvm-01".to_owned(),
            reachable: true,
            schedulable: true,
            cpus: 4,
            pools: [("fast".to_owned(), 100)].into(),
            ..Candidate::default()
        };
        let mut fleet = Fleet::of(&[host]);
        fleet.bind(&asks("there", cpus, 0).machine, &["kvm-01"], Counts::All);
        fleet
    }

    fn alone(fleet: &mut Fleet, request: &Request) -> Waits {
        Waits::Alone(schedule(request, fleet).unwrap_err())
    }

    fn bound() -> Event {
        Event::bound(&Machine::default())
    }

    #[test]
    fn those_that_it_could_help_come_once_and_the_important_first() {
        let mut fleet = fleet(4);
        let mut waiting = Waiting::default();
        for (uid, cpus, priority) in [("b", 1, 0), ("a", 1, 0), ("high", 4, 5), ("large", 9, 9)] {
            let why = alone(&mut fleet, &asks(uid, cpus, priority));
            waiting.insert(uid, why);
        }
        waiting.note(&bound());
        assert!(waiting.take_helped().is_empty());
        let freed = fleet.release("there").unwrap();
        waiting.note(&freed);
        waiting.note(&freed);
        assert_eq!(waiting.take_helped(), ["high", "a", "b"]);
        assert!(waiting.take_helped().is_empty());
        assert!(waiting.has(&"large") && !waiting.has(&"high"));
        assert_eq!(waiting.pools(), [("fast".to_owned(), 9)]);
        waiting.remove(&"large");
        assert!(waiting.is_empty());
    }

    #[test]
    fn what_came_before_it_was_looked_at_is_no_news() {
        let mut fleet = fleet(4);
        let request = asks("a", 2, 0);
        let mut waiting = Waiting::default();
        waiting.insert("a", alone(&mut fleet, &request));
        let freed = fleet.release("there").unwrap();
        waiting.note(&freed);
        waiting.remove(&"a");
        assert!(waiting.take_helped().is_empty());
        fleet.bind(&asks("there", 4, 0).machine, &["kvm-01"], Counts::All);
        let why = alone(&mut fleet, &request);
        waiting.insert("a", why.clone());
        waiting.note(&freed);
        waiting.insert("a", why);
        assert!(waiting.take_helped().is_empty());
        assert_eq!(waiting.iter().count(), 1);
    }

    #[test]
    fn anything_may_help_a_group() {
        let mut waiting = Waiting::default();
        let requests = [asks("a", 2, 1), asks("b", 2, 3)];
        waiting.insert("a", Waits::together(&requests));
        assert_eq!(waiting.pools().len(), 2);
        waiting.note(&bound());
        assert_eq!(waiting.take_helped(), ["a"]);
        assert_eq!(Waits::together(&requests).priority(), 3);
        assert_eq!(Waits::together(&[]).priority(), 0);
    }
}
