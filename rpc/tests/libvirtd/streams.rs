//! Byte streams.

use drover_rpc::proto::remote::{StoragePool, StorageVol};
use drover_rpc::{Client, Error, Piece, StreamError, code};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{client, qemu};

const POOL: &str = "rpc-streams";
const SIZE: usize = 24 << 20;

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn a_screenshot_is_a_picture() {
    let client = client().await;
    let domain = client.domain_lookup_by_name("test").await.unwrap();
    let (mime, mut picture) = client.domain_screenshot(domain, 0, 0).await.unwrap();
    assert_eq!(mime.unwrap(), "image/png");
    let mut bytes = Vec::new();
    picture.read_to_end(&mut bytes).await.unwrap();
    assert!(bytes.starts_with(b"\x89PNG"), "{} bytes", bytes.len());
    assert!(bytes.len() > 1000);
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn a_stream_that_does_not_open() {
    let client = client().await;
    let volume = StorageVol {
        pool: "default-pool".into(),
        name: "nothing".into(),
        key: "/nothing".into(),
    };
    let error = client
        .storage_vol_download(volume, 0, 0, 0)
        .await
        .unwrap_err();
    assert!(error.libvirt().is_some(), "{error:?}");
}

/// A pool of the QEMU driver's server, empty.
async fn pool(client: &Client) -> StoragePool {
    remove_pool(client).await;
    let xml = format!(
        "<pool type='dir'><name>{POOL}</name>\
         <target><path>/var/lib/libvirt/{POOL}</path></target></pool>"
    );
    let pool = client.storage_pool_define_xml(xml, 0).await.unwrap();
    client.storage_pool_build(pool.clone(), 0).await.unwrap();
    client.storage_pool_create(pool.clone(), 0).await.unwrap();
    pool
}

async fn remove_pool(client: &Client) {
    let Ok(pool) = client.storage_pool_lookup_by_name(POOL).await else {
        return;
    };
    // Most likely it is active already.
    client.storage_pool_create(pool.clone(), 0).await.ok();
    let volumes = client
        .storage_pool_list_all_volumes(pool.clone(), 1, 0)
        .await
        .unwrap();
    for volume in volumes.vols {
        client.storage_vol_delete(volume, 0).await.unwrap();
    }
    client.storage_pool_destroy(pool.clone()).await.unwrap();
    client.storage_pool_delete(pool.clone(), 0).await.unwrap();
    client.storage_pool_undefine(pool).await.unwrap();
}

async fn volume(client: &Client, pool: &StoragePool, name: &str) -> StorageVol {
    let xml = format!(
        "<volume><name>{name}</name><allocation>0</allocation><capacity>{SIZE}</capacity>\
         <target><format type='raw'/></target></volume>"
    );
    client
        .storage_vol_create_xml(pool.clone(), xml, 0)
        .await
        .unwrap()
}

/// Bytes that are nowhere the same.
fn pattern(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 24) as u8
        })
        .collect()
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn a_volume_goes_up_and_comes_back() {
    let client = qemu().await;
    let pool = pool(&client).await;
    whole_and_in_part(&client, &pool).await;
    given_up_and_cut_short(&client, &pool).await;
    with_holes(&client, &pool).await;
    remove_pool(&client).await;
}

async fn whole_and_in_part(client: &Client, pool: &StoragePool) {
    let volume = volume(client, pool, "whole").await;
    let bytes = pattern(SIZE);
    let mut upload = client
        .storage_vol_upload(volume.clone(), 0, SIZE as u64, 0)
        .await
        .unwrap();
    upload.write_all(&bytes).await.unwrap();
    upload.finish().await.unwrap();

    // The head alone, anew, as the last step of an import does.
    let mut upload = client
        .storage_vol_upload(volume.clone(), 0, 65536, 0)
        .await
        .unwrap();
    upload.write_all(&[7; 65536]).await.unwrap();
    upload.finish().await.unwrap();

    let mut download = client
        .storage_vol_download(volume.clone(), 0, 0, 0)
        .await
        .unwrap();
    let mut back = Vec::new();
    download.read_to_end(&mut back).await.unwrap();
    assert_eq!(back.len(), SIZE);
    assert!(back[..65536].iter().all(|byte| *byte == 7));
    assert!(back[65536..] == bytes[65536..]);

    let mut download = client
        .storage_vol_download(volume, 100_000, 1000, 0)
        .await
        .unwrap();
    let mut part = Vec::new();
    download.read_to_end(&mut part).await.unwrap();
    assert!(part == bytes[100_000..101_000]);
}

async fn given_up_and_cut_short(client: &Client, pool: &StoragePool) {
    let volume = volume(client, pool, "cut").await;
    let mut upload = client
        .storage_vol_upload(volume.clone(), 0, SIZE as u64, 0)
        .await
        .unwrap();
    upload.write_all(&pattern(1 << 20)).await.unwrap();
    let error = upload.finish().await.unwrap_err();
    let missing = (SIZE - (1 << 20)) as u64;
    assert_eq!(error, Error::Stream(StreamError::Incomplete(missing)));

    let mut download = client
        .storage_vol_download(volume.clone(), 0, 0, 0)
        .await
        .unwrap();
    download.read_u8().await.unwrap();
    drop(download);

    // Neither has kept the volume in use, nor harmed the server.
    client.storage_vol_delete(volume.clone(), 0).await.unwrap();
    let error = client.storage_vol_get_info(volume).await.unwrap_err();
    assert_eq!(error.code(), Some(code::NO_STORAGE_VOL));
}

async fn with_holes(client: &Client, pool: &StoragePool) {
    const BYTES: usize = 1 << 20;
    let hole = ((SIZE - 2 * BYTES) / 2) as u64;
    let volume = volume(client, pool, "holes").await;
    let bytes = pattern(BYTES);
    let mut upload = client
        .storage_vol_upload_sparse(volume.clone(), 0, SIZE as u64)
        .await
        .unwrap();
    for _ in 0..2 {
        upload.write(&bytes).await.unwrap();
        upload.hole(hole).await.unwrap();
    }
    let error = upload.hole(1).await.unwrap_err();
    assert!(matches!(
        error,
        Error::Stream(StreamError::OverLength { asked: 1, left: 0 })
    ));
    upload.finish().await.unwrap();
    let info = client.storage_vol_get_info(volume.clone()).await.unwrap();
    println!("{} bytes take {}", info.capacity, info.allocation);
    assert_eq!(info.capacity, SIZE as u64);
    assert!(info.allocation <= 3 * BYTES as u64, "{}", info.allocation);

    let mut download = client
        .storage_vol_download_sparse(volume, 0, 0)
        .await
        .unwrap();
    let (mut back, mut holes) = (Vec::new(), 0);
    while let Some(piece) = download.next().await.unwrap() {
        match piece {
            Piece::Data(bytes) => back.extend(bytes),
            Piece::Hole(length) => {
                holes += length;
                back.resize(back.len() + length as usize, 0);
            }
        }
    }
    assert_eq!(holes, 2 * hole);
    let zeros = vec![0; hole as usize];
    assert!(back == [&bytes[..], &zeros, &bytes, &zeros].concat());
    without_an_end(client, pool, &bytes).await;
}

// Nobody knows beforehand how long it will be.
async fn without_an_end(client: &Client, pool: &StoragePool, bytes: &[u8]) {
    let volume = volume(client, pool, "endless").await;
    let hole = 3 * SIZE as u64;
    let mut upload = client
        .storage_vol_upload_sparse(volume.clone(), 0, None)
        .await
        .unwrap();
    assert_eq!(upload.left(), None);
    upload.write(bytes).await.unwrap();
    upload.hole(hole).await.unwrap();
    upload.finish().await.unwrap();
    let info = client.storage_vol_get_info(volume).await.unwrap();
    assert_eq!(info.capacity, bytes.len() as u64 + hole);
    assert!(
        info.allocation <= 2 * bytes.len() as u64,
        "{}",
        info.allocation
    );
}
