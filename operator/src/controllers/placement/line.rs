//! One placement at a time: the next one sees what this one took. Of those that wait for their turn the one
//! of the highest priority is the next, and of equals whoever came first.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

type Place = (Reverse<i32>, u64);

#[derive(Debug, Default)]
struct State {
    taken: bool,
    came: u64,
    waiting: BTreeSet<Place>,
}

/// Those that are to be placed.
#[derive(Debug, Default)]
pub struct Line {
    state: Mutex<State>,
    changed: Notify,
}

/// Somebody's turn, until it is dropped.
#[derive(Debug)]
pub struct Turn<'a>(&'a Line);

// Whoever gives up leaves the line.
struct Waiting<'a>(&'a Line, Place);

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for one's turn.
    pub async fn turn(&self, priority: i32) -> Turn<'_> {
        let place = {
            let mut state = self.lock();
            state.came += 1;
            let place = (Reverse(priority), state.came);
            state.waiting.insert(place);
            place
        };
        let waiting = Waiting(self, place);
        loop {
            let changed = self.changed.notified();
            if self.take(place) {
                drop(waiting);
                return Turn(self);
            }
            changed.await;
        }
    }

    fn take(&self, place: Place) -> bool {
        let mut state = self.lock();
        let is_next = !state.taken && state.waiting.first() == Some(&place);
        state.taken |= is_next;
        is_next
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting.remove(&self.1);
        self.0.changed.notify_waiters();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().taken = false;
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use tokio::sync::mpsc;

    use super::Line;

    #[tokio::test]
    async fn the_highest_priority_is_next_and_then_whoever_came_first() {
        let line = Arc::new(Line::default());
        let first = line.turn(0).await;
        let (told, mut order) = mpsc::unbounded_channel();
        for (name, priority) in [("low", -1), ("a", 5), ("b", 5), ("high", 9)] {
            let (line, told) = (Arc::clone(&line), told.clone());
            tokio::spawn(async move {
                let _turn = line.turn(priority).await;
                told.send(name).unwrap();
            });
            // It is in the line.
            tokio::task::yield_now().await;
        }
        assert!(order.try_recv().is_err(), "one at a time");
        drop((first, told));
        let mut all = Vec::new();
        while let Some(name) = order.recv().await {
            all.push(name);
        }
        assert_eq!(all, ["high", "a", "b", "low"]);
    }

    #[tokio::test]
    async fn whoever_gives_up_holds_nobody_up() {
        let line = Line::default();
        let first = line.turn(0).await;
        tokio::select! {
            biased;
            _turn = line.turn(9) => panic!("it is taken"),
            () = tokio::task::yield_now() => {}
        }
        drop(first);
        drop(line.turn(0).await);
    }
}
