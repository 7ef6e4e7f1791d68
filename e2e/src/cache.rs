//! What is slow to build is built once, and found again by its inputs.

use std::fs::File;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::places::{Lab, make_folder};
use crate::step::note;

/// The folder of `kind` for these inputs; built by `build` in a folder that gets its name only when
/// it is whole. Two runs at a time do not both build.
///
/// # Errors
/// [`Error::File`], and the build's own.
pub fn once(
    lab: &Lab,
    kind: &str,
    inputs: &[&str],
    build: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    let folder = lab.cache().join(kind);
    let whole = folder.join(key(inputs));
    if whole.is_dir() {
        return Ok(whole);
    }
    make_folder(&folder)?;
    let _lock = lock(&lab.cache().join(format!("{kind}.lock")))?;
    if whole.is_dir() {
        return Ok(whole);
    }
    note(&format!("{kind}: not in {}, builds it", folder.display()));
    let making = folder.join("making");
    // What an interrupted run left: nobody else can be at it, the lock is ours.
    remove(&making)?;
    make_folder(&making)?;
    build(&making)?;
    std::fs::rename(&making, &whole).map_err(|error| Error::file(&whole, error))?;
    Ok(whole)
}

/// Holds a lock file until the result is dropped; waits for whoever holds it.
///
/// # Errors
/// [`Error::File`].
pub fn lock(path: &Path) -> Result<File, Error> {
    let failed = |error| Error::file(path, error);
    let file = File::create(path).map_err(failed)?;
    if file.try_lock().is_err() {
        note(&format!(
            "waits for another run, which holds {}",
            path.display()
        ));
        file.lock().map_err(failed)?;
    }
    Ok(file)
}

/// Removes a folder with all in it; one that is not there is no error.
///
/// # Errors
/// [`Error::File`].
pub fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file(path, error)),
        _ => Ok(()),
    }
}

fn key(inputs: &[&str]) -> String {
    let mut hash = Sha256::new();
    for input in inputs {
        hash.update((input.len() as u64).to_be_bytes());
        hash.update(input);
    }
    hex(&hash.finalize())[..16].to_owned()
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
