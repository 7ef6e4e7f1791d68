//! A volume up or down through our client.

use std::time::Instant;

use drover_rpc::StorageVolume;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::EARLY;
use crate::common::{self, usage};

/// As the peer has it.
const CHUNK: usize = 262_120;

/// `THREADS URI POOL VOLUME up|down BYTES`; prints the same line as the peer, and by how many KiB the
/// most memory it ever had grew after [`EARLY`] bytes.
pub(crate) fn run(words: &[String]) {
    let [threads, uri, pool, name, way, bytes] = words else {
        panic!("{words:?}");
    };
    let runtime = if threads == "1" {
        common::one_thread()
    } else {
        common::two_threads()
    };
    let (uri, bytes) = (uri.parse().unwrap(), bytes.parse().unwrap());
    let (pool, name, upwards) = (pool.clone(), name.clone(), way == "up");
    // In a task, as the work of a server is: the first future has a thread of its own.
    let work = async move {
        let client = common::connect(&uri).await;
        let pool = client.storage_pool(&pool).await.unwrap();
        let volume = pool.volume(&name).await.unwrap();
        let (start, used) = (Instant::now(), usage::cpu_micros());
        let early = if upwards {
            up(&volume, bytes).await
        } else {
            down(&volume, bytes).await
        };
        let elapsed = start.elapsed().as_secs_f64() * 1e6;
        let (used, peak) = (usage::cpu_micros() - used, usage::peak_kib());
        println!("{elapsed} {used} {peak} {}", peak - early);
    };
    runtime.block_on(async { tokio::spawn(work).await.unwrap() });
}

/// The most memory until [`EARLY`] bytes were there.
async fn up(volume: &StorageVolume, bytes: u64) -> f64 {
    let buffer = vec![0x5a; CHUNK];
    let mut upload = volume.upload(0, bytes).await.unwrap();
    let mut early = f64::NAN;
    while upload.left() > 0 {
        if early.is_nan() && bytes - upload.left() >= EARLY {
            early = usage::peak_kib();
        }
        let count = upload.left().min(CHUNK as u64) as usize;
        upload.write_all(&buffer[..count]).await.unwrap();
    }
    upload.finish().await.unwrap();
    early
}

async fn down(volume: &StorageVolume, bytes: u64) -> f64 {
    let mut buffer = vec![0; CHUNK];
    let mut download = volume.download(0, bytes).await.unwrap();
    let (mut early, mut taken) = (f64::NAN, 0);
    loop {
        let count = download.read(&mut buffer).await.unwrap();
        if count == 0 {
            break;
        }
        taken += count as u64;
        if early.is_nan() && taken >= EARLY {
            early = usage::peak_kib();
        }
    }
    assert_eq!(taken, bytes);
    early
}
