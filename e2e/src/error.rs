//! What can go wrong in the lab.

use std::path::{Path, PathBuf};

/// Why a step of the lab failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read or made.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A command could not be started, or failed.
    #[error("`{command}` {message}")]
    Command {
        /// The command as one would type it.
        command: String,
        /// How it ended and what it said.
        message: String,
    },
    /// What was waited for did not come.
    #[error("{what}: not after {seconds} s{log}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// For how long.
        seconds: u64,
        /// The last lines of the log of the process that should have done it.
        log: String,
    },
    /// A process of the lab ended when it should run.
    #[error("{name} has ended{log}")]
    Ended {
        /// Its name.
        name: String,
        /// The last lines of its log.
        log: String,
    },
    /// The machine lacks something that the lab cannot install.
    #[error("{what} is missing on this machine; {fix}")]
    Missing {
        /// What.
        what: String,
        /// What would put it right.
        fix: String,
    },
    /// What was asked cannot be done.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// A failure at one file or folder.
    pub fn file(path: &Path, source: std::io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }
}
