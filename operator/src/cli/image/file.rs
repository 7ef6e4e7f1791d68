//! The file that is sent.

use std::path::{Path, PathBuf};

use drover_core::upload::Begin;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::progress::Progress;
use crate::cli::CliError;
use crate::upload::PIECE;

/// A file, and what it is: all of it is read once before, so that what goes on later is the same.
pub(super) struct Content {
    pub(super) path: PathBuf,
    pub(super) length: u64,
    digest: String,
}

impl Content {
    /// Reads a file.
    pub(super) async fn read(path: &Path) -> Result<Self, CliError> {
        let name = path.display().to_string();
        let wrong = |error: std::io::Error| CliError::File(name.clone(), error.to_string());
        let mut file = File::open(path).await.map_err(wrong)?;
        let metadata = file.metadata().await.map_err(wrong)?;
        if !metadata.is_file() || metadata.len() == 0 {
            let words = "there is nothing in it, or it is no file".to_owned();
            return Err(CliError::File(name, words));
        }
        let progress = Progress::new("read", metadata.len());
        let mut hash = Sha256::new();
        let mut piece = vec![0; PIECE];
        let mut length = 0;
        loop {
            let count = file.read(&mut piece).await.map_err(wrong)?;
            if count == 0 {
                break;
            }
            hash.update(&piece[..count]);
            length += count as u64;
            progress.at(length);
        }
        progress.end();
        Ok(Self {
            path: path.to_owned(),
            length,
            digest: format!("{:x}", hash.finalize()),
        })
    }

    /// Its checksum, as an image declares it.
    pub(super) fn checksum(&self) -> String {
        format!("sha256:{}", self.digest)
    }

    /// What is said of it before its bytes.
    pub(super) fn begin(&self, offset: u64) -> Begin {
        Begin {
            offset,
            length: self.length,
            digest: Some(self.digest.clone()),
        }
    }
}
