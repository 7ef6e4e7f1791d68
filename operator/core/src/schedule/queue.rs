//! Whose turn it is.

use std::cmp::Reverse;

/// The place of a machine among those that wait: the least is next.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    priority: Reverse<i32>,
    since: u64,
    name: String,
}

impl Turn {
    /// The turn of a machine of this priority, which has waited since then (milliseconds of any clock that
    /// all are measured by); of equals, the first by name.
    #[must_use]
    pub fn new(priority: i32, since: u64, name: &str) -> Self {
        Self {
            priority: Reverse(priority),
            since,
            name: name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Turn;

    #[test]
    fn the_important_then_the_patient() {
        let mut turns = [
            Turn::new(0, 5, "b/late"),
            Turn::new(9, 7, "a/important"),
            Turn::new(0, 1, "z/early"),
            Turn::new(0, 5, "a/late"),
        ];
        turns.sort();
        let names = turns.map(|it| it.name);
        assert_eq!(names, ["a/important", "z/early", "a/late", "b/late"]);
    }
}
