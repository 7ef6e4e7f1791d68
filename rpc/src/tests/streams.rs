//! Byte streams, over sockets of this machine: each dials a connection of its own.

use std::time::Duration;

use drover_rpc_proto::StreamError;
use drover_rpc_proto::frame::{Kind, Status};
use drover_rpc_proto::remote::StorageVol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::Client;
use crate::connect::ConnectOptions;
use crate::error::Error;
use drover_rpc_proto::frame::{FrameReader, Header, write_frame};

const UPLOAD: i32 = 208;

/// What the server does once a stream is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    /// Takes all and confirms.
    Take,
    /// Sends this many bytes and confirms.
    Send(usize),
    /// Opens the stream, and is never heard of again.
    Hang,
    /// Ends an upload as libvirtd does when its disk is full.
    EndEarly,
}

/// Serves every connection; counts the bytes it takes.
async fn serve(listener: TcpListener, act: Act) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(serve_one(socket, act));
    }
}

async fn serve_one(mut socket: TcpStream, act: Act) {
    let mut reader = FrameReader::default();
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = socket.read(&mut buffer).await {
        let mut rest = &buffer[..count];
        let mut out = Vec::new();
        while let Some((header, _)) = reader.read(&mut rest).unwrap() {
            answer(&header, act, &mut out);
        }
        if socket.write_all(&out).await.is_err() {
            return;
        }
    }
}

fn answer(header: &Header, act: Act, out: &mut Vec<u8>) {
    let reply = |kind, status| Header {
        kind,
        status,
        ..*header
    };
    match (header.kind, header.procedure) {
        (Kind::Call, 66) => write_frame(out, &reply(Kind::Reply, Status::Ok), &[0; 4]),
        (Kind::Call, 60) => write_frame(out, &reply(Kind::Reply, Status::Ok), &[0, 0, 0, 1]),
        (Kind::Call, UPLOAD..) => {
            write_frame(out, &reply(Kind::Reply, Status::Ok), &[]);
            if let Act::Send(count) = act {
                for chunk in vec![7; count].chunks(100_000) {
                    write_frame(out, &reply(Kind::Stream, Status::Continue), chunk);
                }
            }
            if matches!(act, Act::Send(_) | Act::EndEarly) {
                write_frame(out, &reply(Kind::Stream, Status::Continue), &[]);
            }
        }
        (Kind::Call, _) => write_frame(out, &reply(Kind::Reply, Status::Ok), &[]),
        (Kind::Stream, _) if act != Act::Hang && header.status == Status::Ok => {
            write_frame(out, &reply(Kind::Stream, Status::Ok), &[]);
        }
        _ => {}
    }
}

async fn client(act: Act, stall: Duration) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(serve(listener, act));
    let uri = format!("test+tcp://127.0.0.1:{port}/default");
    let options = ConnectOptions {
        stall,
        ..ConnectOptions::default()
    };
    Client::connect(&uri.parse().unwrap(), options)
        .await
        .unwrap()
}

fn volume() -> StorageVol {
    StorageVol {
        pool: "pool".into(),
        name: "volume".into(),
        key: "key".into(),
    }
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_upload_is_there_when_the_server_says_so() {
    let client = client(Act::Take, LONG).await;
    let bytes = vec![7; 5 << 20];
    let mut upload = client
        .storage_vol_upload(volume(), 0, bytes.len() as u64, 0)
        .await
        .unwrap();
    upload.write_all(&bytes).await.unwrap();
    assert_eq!(upload.left(), 0);
    upload.finish().await.unwrap();
}

#[tokio::test]
async fn an_upload_is_as_long_as_announced() {
    let client = client(Act::Take, LONG).await;
    let mut upload = client.storage_vol_upload(volume(), 0, 5, 0).await.unwrap();
    let error = upload.write_all(b"123456").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    upload.write_all(b"123").await.unwrap();
    let error = upload.finish().await.unwrap_err();
    assert_eq!(error, Error::Stream(StreamError::Incomplete(2)));
}

#[tokio::test]
async fn an_upload_that_the_server_ends_has_failed() {
    let client = client(Act::EndEarly, LONG).await;
    let mut upload = client
        .storage_vol_upload(volume(), 0, 1 << 30, 0)
        .await
        .unwrap();
    let piece = vec![7; 1 << 20];
    let error = loop {
        if let Err(error) = upload.write_all(&piece).await {
            break error;
        }
    };
    assert_eq!(Error::from(error), Error::Stream(StreamError::EndedEarly));
}

#[tokio::test]
async fn a_download_is_read_whole_though_the_reader_is_slow() {
    let client = client(Act::Send(9 << 20), LONG).await;
    let mut download = client
        .storage_vol_download(volume(), 0, 0, 0)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut bytes = Vec::new();
    download.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes.len(), 9 << 20);
    // The control connection has not been used for it.
    assert!(!client.is_closed());
}

#[tokio::test]
async fn a_server_that_stops_is_found_out() {
    let short = Duration::from_millis(200);
    let hanging = client(Act::Hang, short).await;
    let mut download = hanging
        .storage_vol_download(volume(), 0, 0, 0)
        .await
        .unwrap();
    let error = download.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    let mut upload = hanging.storage_vol_upload(volume(), 0, 1, 0).await.unwrap();
    upload.write_all(b"1").await.unwrap();
    let error = upload.finish().await.unwrap_err();
    assert!(error.outcome_unknown(), "{error}");
}

#[tokio::test]
async fn streams_have_methods_of_their_own() {
    use drover_rpc_proto::remote::{StorageVolDownloadArgs, procedures::StorageVolDownload};
    let client = client(Act::Take, LONG).await;
    let args = StorageVolDownloadArgs {
        vol: volume(),
        offset: 0,
        length: 0,
        flags: 0,
    };
    let refused = client.call::<StorageVolDownload>(args).await;
    assert!(matches!(refused, Err(Error::Unsupported(_))));
    let empty = client.storage_vol_upload(volume(), 0, 0, 0).await;
    assert!(matches!(empty, Err(Error::Unsupported(_))));
}

#[tokio::test]
async fn nobody_there() {
    let uri = "test+tcp://127.0.0.1:1/default".parse().unwrap();
    let error = Client::connect(&uri, ConnectOptions::default())
        .await
        .unwrap_err();
    assert!(
        error.connection_lost() && !error.outcome_unknown(),
        "{error}"
    );
    let uri = "qemu+ext://host/system".parse().unwrap();
    let error = Client::connect(&uri, ConnectOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Uri(_)));
}
