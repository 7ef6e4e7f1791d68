//! The rows of the grid in the order in which a search looks at them: the most promising first.
//!
//! Each class keeps its rows in the order of what their hosts score before the machine takes anything. What
//! it takes raises that by so much at most, for all hosts of a class the same. So those after one that is
//! hopeless are hopeless as well, and of hundreds of rows few are looked at.

use std::collections::BinaryHeap;

use super::super::score::Weights;
use super::grid::Grid;
use super::search::View;

/// Most that a host of a row can score by what is free; the class and the row.
pub(super) type Bound = (i64, u32, u32);

// So many rows are looked at one by one before all are ranked, while no host was found.
const FIRST: usize = 4;

/// The rows, as a machine sees them.
pub(super) struct Rows<'a> {
    pub(super) grid: &'a Grid,
    pub(super) weights: &'a Weights,
    /// By class.
    pub(super) views: &'a [View],
    /// The first that has enough CPUs.
    pub(super) from: u32,
}

impl Rows<'_> {
    // Nothing: no host of it has enough memory.
    fn bound(&self, class: u32, row: u32) -> Option<i64> {
        let view = &self.views[class as usize];
        let row = &self.grid.classes[class as usize].rows[row as usize];
        let memory = view.memory_left(row.memory);
        let cpus = View::left(row.shares, view.cpus);
        let bound = || self.weights.bound(cpus, memory, i64::from(row.crowd));
        (memory.1 >= 0).then(bound)
    }
}

/// The rows of a class that were not looked at.
#[derive(Debug, Clone)]
struct Front {
    class: u32,
    next: usize,
    /// Most that they can score; [`i64::MIN`], if there is none.
    most: i64,
    /// The first of them.
    first: Bound,
}

impl Front {
    fn new(class: u32, rows: &Rows<'_>) -> Self {
        let mut front = Self {
            class,
            next: 0,
            most: i64::MIN,
            first: (i64::MIN, class, 0),
        };
        front.go_on(rows);
        front
    }

    // To the next one that has enough CPUs, and a host with enough memory.
    fn go_on(&mut self, rows: &Rows<'_>) {
        let order = &rows.grid.classes[self.class as usize].order;
        for (most, row) in order.get(self.next..).unwrap_or_default() {
            self.next += 1;
            if *row < rows.from {
                continue;
            }
            if let Some(bound) = rows.bound(self.class, *row) {
                self.most = most + rows.views[self.class as usize].raised;
                self.first = (bound, self.class, *row);
                return;
            }
        }
        self.most = i64::MIN;
    }

    fn is_empty(&self) -> bool {
        self.most == i64::MIN
    }
}

/// The rows that were looked at, and those that are still to be.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranks {
    fronts: Vec<Front>,
    // Once there is something to compare them with: those that are not hopeless.
    heap: BinaryHeap<Bound>,
    all: bool,
    taken: Vec<Bound>,
    /// At least what any of them can score.
    pub(super) most: i64,
}

impl Ranks {
    /// Begins with these classes.
    pub(super) fn begin(&mut self, classes: &[u32], rows: &Rows<'_>) {
        self.heap.clear();
        self.taken.clear();
        self.all = false;
        self.fronts.clear();
        let fronts = classes.iter().map(|class| Front::new(*class, rows));
        self.fronts.extend(fronts);
        let most = self.fronts.iter().map(|front| front.most);
        // So that something can be added.
        self.most = most.max().map_or(i64::MIN / 2, |it| it.max(i64::MIN / 2));
    }

    /// The row that is the so manieth; nothing, if all others score less than the `least`, which may only
    /// rise.
    pub(super) fn nth(&mut self, at: usize, least: Option<i64>, rows: &Rows<'_>) -> Option<Bound> {
        if at == self.taken.len() {
            let next = match least {
                None if at < FIRST && !self.all => self.first(rows),
                _ => self.next(least.unwrap_or(i64::MIN), rows),
            };
            self.taken.extend(next);
        }
        self.taken.get(at).copied()
    }

    // Of the firsts of the classes the one that promises the most.
    fn first(&mut self, rows: &Rows<'_>) -> Option<Bound> {
        let fronts = self.fronts.iter_mut().filter(|front| !front.is_empty());
        let front = fronts.max_by_key(|front| front.first.0)?;
        let first = front.first;
        front.go_on(rows);
        Some(first)
    }

    fn next(&mut self, least: i64, rows: &Rows<'_>) -> Option<Bound> {
        if !self.all {
            self.all = true;
            let mut bounds = std::mem::take(&mut self.heap).into_vec();
            for front in &mut self.fronts {
                while !front.is_empty() && front.most >= least {
                    if front.first.0 >= least {
                        bounds.push(front.first);
                    }
                    front.go_on(rows);
                }
            }
            self.heap = bounds.into();
        }
        let (most, ..) = self.heap.peek()?;
        if *most < least {
            return None;
        }
        self.heap.pop()
    }
}
