//! A FAT file system in memory: no clock and no chance in it.

use std::io::{Cursor, Write};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};

use super::Sealed;

const CLUSTER: usize = 2_048;
// For the boot sector, both tables, the root and the folders, with room to spare.
const OVERHEAD: usize = 64 << 10;
const GRAIN: usize = 64 << 10;
// Without it the time would be part of it.
const VOLUME_ID: u32 = 0x0d70_7e12;
const ROOT_ENTRIES: u16 = 64;

/// A file system with this label and these files, by their paths.
pub(super) fn image(label: &str, files: &[(String, Sealed)]) -> std::io::Result<Vec<u8>> {
    let clusters = files.iter().map(|(_, text)| text.open().len());
    let content: usize = clusters.map(|size| size.next_multiple_of(CLUSTER)).sum();
    let size = (content + OVERHEAD).next_multiple_of(GRAIN);
    let mut padded = [b' '; 11];
    for (to, from) in padded.iter_mut().zip(label.bytes()) {
        *to = from;
    }
    let mut disk = Cursor::new(vec![0; size]);
    let options = FormatVolumeOptions::new()
        .bytes_per_cluster(CLUSTER as u32)
        .max_root_dir_entries(ROOT_ENTRIES)
        .volume_id(VOLUME_ID)
        .volume_label(padded);
    format_volume(&mut disk, options)?;
    let system = FileSystem::new(&mut disk, FsOptions::new())?;
    for (path, text) in files {
        let mut folder = system.root_dir();
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        for part in folders.split('/').filter(|part| !part.is_empty()) {
            folder = folder.create_dir(part)?;
        }
        let mut file = folder.create_file(name)?;
        file.truncate()?;
        file.write_all(text.open())?;
        file.flush()?;
    }
    system.unmount()?;
    Ok(disk.into_inner())
}
