//! What can go wrong with a herd.

use std::path::{Path, PathBuf};

/// Why a herd cannot be, or cannot be told something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A socket or a folder cannot be made or used.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// More files would be open than the machine allows.
    #[error("{hosts} hosts need {needed} open files, and {allowed} are allowed")]
    Files {
        /// How many hosts are wanted.
        hosts: usize,
        /// Their sockets, and a connection to each.
        needed: u64,
        /// The hard limit.
        allowed: u64,
    },
    /// The control socket said what is no answer.
    #[error("the herd answered {0:?}")]
    Answer(String),
}

impl Error {
    pub(crate) fn file(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        Self::File { path, source }
    }
}
