//! What is wrong with a file, and where.

use std::fmt;

/// A place in a source file; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// Something wrong at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub position: Position,
    /// What.
    pub message: String,
}

impl Fault {
    /// A fault with these words.
    pub fn new(position: Position, message: impl Into<String>) -> Self {
        Self {
            position,
            message: message.into(),
        }
    }
}

impl Fault {
    /// The same fault, in another line.
    #[must_use]
    pub fn in_line(mut self, line: usize) -> Self {
        self.position.line = line;
        self
    }
}

/// A [`Fault`] with the name of the file and the line it is in, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    file: String,
    line: String,
    fault: Fault,
}

impl Report {
    /// The report of `fault` in `source`, which was read from `file`.
    #[must_use]
    pub fn new(file: &str, source: &str, fault: Fault) -> Self {
        let line = source
            .lines()
            .nth(fault.position.line.saturating_sub(1))
            .unwrap_or_default();
        Self {
            file: file.to_owned(),
            line: line.to_owned(),
            fault,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.fault.position;
        writeln!(f, "{}:{line}:{column}: {}", self.file, self.fault.message)?;
        writeln!(f, "  {}", self.line)?;
        let before = self.line.chars().chain(std::iter::repeat(' '));
        let before = before.take(column.saturating_sub(1));
        // A tab stays one, so that the mark is below its place however wide tabs are shown.
        let below: String = before.map(|c| if c == '\t' { c } else { ' ' }).collect();
        write!(f, "  {below}^")
    }
}

impl std::error::Error for Report {}
