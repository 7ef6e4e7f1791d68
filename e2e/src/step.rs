//! What a person sees: each step with the time it took.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::error::Error;

/// Does one step and prints it with its time.
///
/// # Errors
/// The step's own.
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    print!("  {name} ...");
    let _ = std::io::stdout().flush();
    let start = Instant::now();
    let result = work();
    let word = if result.is_ok() { "" } else { "failed after " };
    println!(" {word}{}", seconds(start.elapsed()));
    result
}

/// Prints something within a step.
pub fn note(text: &str) {
    print!("\n    {text} ...");
    let _ = std::io::stdout().flush();
}

/// A time as it is printed.
pub fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole >= 60 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}
