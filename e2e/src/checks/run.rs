//! One run of the checks, and what it counted.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::error::Error;
use crate::look::with_environment;
use crate::places::Lab;
use crate::step::seconds;

/// A run of the checks.
#[derive(Debug)]
pub(super) struct Run<'a> {
    lab: &'a Lab,
    passed: usize,
    failed: Vec<String>,
}

impl<'a> Run<'a> {
    /// A run that has done nothing.
    pub(super) fn new(lab: &'a Lab) -> Self {
        let failed = Vec::new();
        Self {
            lab,
            passed: 0,
            failed,
        }
    }

    /// The lab whose checks run.
    pub(super) fn lab(&self) -> &'a Lab {
        self.lab
    }

    /// Counts something that was done elsewhere.
    pub(super) fn record(&mut self, name: &str, error: Option<&Error>) {
        match error {
            None => self.passed += 1,
            Some(error) => {
                println!("FAILED {name}: {error}");
                self.failed.push(name.to_owned());
            }
        }
    }

    /// One check.
    pub(super) fn check(&mut self, name: &str, work: impl FnOnce(&Lab) -> Result<(), Error>) {
        let start = Instant::now();
        println!("\n== {name}");
        let result = work(self.lab);
        println!("== {name}: {}", seconds(start.elapsed()));
        self.record(name, result.as_ref().err());
    }

    /// One check that is a cargo command.
    pub(super) fn cargo(&mut self, name: &str, words: &[&str]) {
        let lab = self.lab;
        self.check(name, |_| {
            let status = crate::command::run_shown(&mut cargo(lab, words))?;
            if status.success() {
                return Ok(());
            }
            Err(Error::Refused(format!("cargo {} failed", words.join(" "))))
        });
    }

    /// Tests that cargo runs; each counts.
    pub(super) fn cargo_tests(&mut self, name: &str, words: &[&str], environment: &[(&str, &str)]) {
        let start = Instant::now();
        println!("\n== {name}");
        let counted = self.count(words, environment);
        println!("== {name}: {}", seconds(start.elapsed()));
        match counted {
            Ok((passed, failed, whole)) => {
                self.passed += passed;
                self.failed
                    .extend(failed.iter().map(|test| format!("{name}: {test}")));
                if !whole && failed.is_empty() {
                    self.failed
                        .push(format!("{name}: cargo {} failed", words.join(" ")));
                }
            }
            Err(error) => self.record(name, Some(&error)),
        }
    }

    /// Prints the totals; whether all passed.
    pub(super) fn totals(&self) -> bool {
        for name in &self.failed {
            println!("failed: {name}");
        }
        println!("{} passed, {} failed", self.passed, self.failed.len());
        self.failed.is_empty()
    }

    fn count(
        &self,
        words: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<(usize, Vec<String>, bool), Error> {
        let mut command = cargo(self.lab, words);
        command
            .envs(environment.iter().copied())
            .stdout(Stdio::piped());
        let failed = |error: std::io::Error| Error::Command {
            command: format!("cargo {}", words.join(" ")),
            message: error.to_string(),
        };
        let mut child = command.spawn().map_err(failed)?;
        let (mut passed, mut names) = (0, Vec::new());
        // One after the other: what has passed since the last one is what this one took.
        let alone = words.contains(&"--test-threads=1");
        if let Some(out) = child.stdout.take() {
            let mut since = Instant::now();
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                match alone && line.starts_with("test ") && line.contains(" ... ") {
                    true => println!("{line} ({})", seconds(since.elapsed())),
                    false => println!("{line}"),
                }
                since = Instant::now();
                passed += passed_in(&line);
                names.extend(failed_in(&line));
            }
        }
        let status = child.wait().map_err(failed)?;
        Ok((passed, names, status.success()))
    }
}

/// Cargo, as the lab's shell would run it.
pub(super) fn cargo(lab: &Lab, words: &[&str]) -> Command {
    let mut command = with_environment(lab, Command::new("cargo"));
    command.args(words).current_dir(lab.root());
    // Cargo sets these for what it runs; they would make it build everything anew.
    for key in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
        command.env_remove(key);
    }
    command.stdin(Stdio::null());
    command
}

/// `test result: ok. 3 passed; 0 failed; ...`
fn passed_in(line: &str) -> usize {
    let Some(rest) = line.strip_prefix("test result: ") else {
        return 0;
    };
    let words: Vec<_> = rest.split_whitespace().collect();
    let pairs = words.windows(2);
    let passed = pairs.filter(|pair| pair.get(1).is_some_and(|word| word.starts_with("passed")));
    passed
        .filter_map(|pair| pair.first()?.parse::<usize>().ok())
        .sum()
}

/// `---- module::test stdout ----`
fn failed_in(line: &str) -> Option<String> {
    let rest = line.strip_prefix("---- ")?;
    rest.strip_suffix(" stdout ----").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{failed_in, passed_in};

    #[test]
    fn the_lines_of_the_test_runner_are_counted() {
        let line = "test result: FAILED. 12 passed; 1 failed; 3 ignored; 0 measured";
        assert_eq!(passed_in(line), 12);
        assert_eq!(passed_in("12 passed"), 0);
        assert_eq!(failed_in("---- a::b stdout ----").as_deref(), Some("a::b"));
        assert_eq!(failed_in("---- a"), None);
    }
}
