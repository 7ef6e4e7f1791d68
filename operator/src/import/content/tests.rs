#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use async_compression::tokio::write::{GzipEncoder, XzEncoder, ZstdEncoder};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;
use crate::import::address::Allowed;
use crate::import::fetch::Policy;

/// A web server that sends only so much of an answer at a time, and knows ranges.
async fn server(content: Vec<u8>, most: usize, tag: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let range = head.split("range: bytes=").nth(1);
            let from = range.and_then(|it| it.split('-').next()?.parse().ok());
            let from: usize = from.unwrap_or(0);
            let (status, all, last) = match from {
                0 => ("200 OK", content.len(), content.len() - 1),
                _ => ("206 Partial Content", content.len(), content.len() - 1),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\n{tag}Content-Length: {}\r\n\
                 Content-Range: bytes {from}-{last}/{all}\r\n\r\n",
                all - from
            );
            socket.write_all(answer.as_bytes()).await.ok();
            let end = (from + most).min(all);
            socket.write_all(&content[from..end]).await.ok();
        }
    });
    format!("http://127.0.0.1:{port}/image")
}

async fn content(url: &str, checksum: bool) -> Result<Content, Verdict> {
    let local = "127.0.0.0/8".parse().unwrap();
    let mut policy = Policy::new(Allowed::new(vec![local]), true);
    policy.pause = Duration::from_millis(1);
    let mut download = Download::open(url, policy).await.unwrap();
    download.set_checksum(checksum);
    Content::fetched(
        Origin::Download(Box::new(download)),
        Arc::new(Metrics::new().unwrap()),
    )
    .await
}

async fn read(mut content: Content) -> Result<(Vec<u8>, Content), Verdict> {
    let mut all = content.head().await?;
    while let Some(part) = content.next().await? {
        match part {
            Part::Data(bytes) => all.extend_from_slice(&bytes),
            Part::Hole(length) => all.resize(all.len() + usize::try_from(length).unwrap(), 0),
        }
    }
    content.whole()?;
    Ok((all, content))
}

fn image() -> Vec<u8> {
    let mut image = vec![0; 600_000];
    for (at, byte) in image.iter_mut().enumerate().take(200_000) {
        *byte = u8::try_from(at * 7 % 251).unwrap();
    }
    image[599_000] = 9;
    image
}

fn hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

#[tokio::test]
async fn what_is_packed_is_unpacked() {
    let image = image();
    let mut gzip = GzipEncoder::new(Vec::new());
    gzip.write_all(&image).await.unwrap();
    gzip.shutdown().await.unwrap();
    let mut xz = XzEncoder::new(Vec::new());
    xz.write_all(&image).await.unwrap();
    xz.shutdown().await.unwrap();
    let mut zstd = ZstdEncoder::new(Vec::new());
    zstd.write_all(&image).await.unwrap();
    zstd.shutdown().await.unwrap();
    let gzip = gzip.into_inner();
    let two = [&gzip[..], &gzip[..]].concat();
    for (packed, times) in [
        (gzip, 1),
        (xz.into_inner(), 1),
        (zstd.into_inner(), 1),
        (image.clone(), 1),
        (two, 2),
    ] {
        let url = server(packed.clone(), usize::MAX >> 1, "").await;
        let (all, mut content) = read(content(&url, true).await.unwrap()).await.unwrap();
        assert!(all == image.repeat(times), "{} bytes", packed.len());
        let (sum, fetched) = content.sums().await.unwrap();
        assert_eq!((sum, fetched), (hex(&all), Some(hex(&packed))));
    }
}

#[tokio::test]
async fn what_is_packed_and_broken_is_refused() {
    let image = image();
    let mut gzip = GzipEncoder::new(Vec::new());
    gzip.write_all(&image).await.unwrap();
    gzip.shutdown().await.unwrap();
    let mut packed = gzip.into_inner();
    let middle = packed.len() / 2;
    packed[middle] ^= 0xff;
    let url = server(packed.clone(), usize::MAX >> 1, "").await;
    let error = read(content(&url, true).await.unwrap())
        .await
        .err()
        .unwrap();
    assert_eq!(error.reason, Reason::SourceRefused, "{}", error.message);
    packed.truncate(middle);
    let url = server(packed, usize::MAX >> 1, "").await;
    let error = read(content(&url, true).await.unwrap())
        .await
        .err()
        .unwrap();
    assert_eq!(error.reason, Reason::SourceRefused, "{}", error.message);
}

#[tokio::test]
async fn what_is_cut_goes_on_where_it_stopped() {
    let image = image();
    for (tag, checksum) in [("ETag: \"a\"\r\n", false), ("", true)] {
        let url = server(image.clone(), 150_000, tag).await;
        let (all, content) = read(content(&url, checksum).await.unwrap()).await.unwrap();
        assert!(all == image);
        assert_eq!(content.percent(), Some(100));
    }
}

#[tokio::test]
async fn the_rest_of_nobody_knows_what_is_not_asked_for() {
    for tag in ["", "ETag: W/\"a\"\r\n"] {
        let url = server(image(), 150_000, tag).await;
        let error = read(content(&url, false).await.unwrap())
            .await
            .err()
            .unwrap();
        assert_eq!(error.reason, Reason::SourceUnavailable);
    }
}
