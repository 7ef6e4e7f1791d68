#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;

use drover_core::desired::image::ImageName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::hosts::HostHandle;
use crate::hosts::access::Access;
use crate::reconcile::Queue;

const STALL: Duration = Duration::from_millis(400);
const LENGTH: usize = 32 << 10;

/// The operator's port, and an image that is waited for there. Its host never answers, so that what is
/// sent is looked at, and can be written nowhere.
struct Port {
    uploads: Arc<Uploads>,
    address: SocketAddr,
    key: Key,
    token: String,
}

impl Port {
    async fn new() -> Self {
        let hints = Hints::new(Arc::default());
        let (jobs, metrics) = (Jobs::default(), Arc::new(Metrics::new().unwrap()));
        let uploads = Arc::new(Uploads::new(None, &jobs, &hints, &metrics).with_stall(STALL));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = Arc::clone(&uploads);
        tokio::spawn(serve::serve(
            listener,
            None,
            served,
            CancellationToken::new(),
        ));
        let key = Key::image(&ImageName {
            namespace: "shop".to_owned(),
            name: "debian".to_owned(),
        });
        let token = uploads.invite(&key, "now").reveal().to_owned();
        let port = Self {
            uploads,
            address,
            key,
            token,
        };
        port.open(None);
        port
    }

    fn open(&self, checksum: Option<&str>) {
        let access = Access {
            uri: "test:///".to_owned(),
            secret: None,
            server_name: None,
            personal: false,
        };
        let target = Target {
            id: "job".to_owned(),
            key: self.key.clone(),
            host: Arc::new(HostHandle::new("away", access, Arc::default())),
            pool: "fast".to_owned(),
            uuid: uuid::Uuid::nil(),
            volume: "_image_shop_debian".to_owned(),
            capacity: 0,
            blocks: false,
        };
        let expected = Expected {
            fetched: checksum.map(str::to_owned),
            ..Expected::default()
        };
        self.uploads.open(&self.key, Opening { target, expected });
    }

    async fn connect(&self, head: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let head = format!("{head}Host: a\r\nConnection: close\r\n\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        socket
    }

    fn put(&self, offset: usize, more: &str) -> String {
        let rest = LENGTH - offset;
        format!(
            "PUT /images/shop/debian HTTP/1.1\r\nAuthorization: Bearer {}\r\n\
             Upload-Offset: {offset}\r\nUpload-Length: {LENGTH}\r\nContent-Length: {rest}\r\n{more}",
            self.token
        )
    }

    /// What is answered to these bytes from there on.
    async fn sent(&self, offset: usize, count: usize, more: &str) -> String {
        let mut socket = self.connect(&self.put(offset, more)).await;
        socket.write_all(&vec![7; count]).await.unwrap();
        if offset + count < LENGTH {
            socket.shutdown().await.unwrap();
        }
        answer(socket).await
    }

    async fn asked(&self) -> String {
        let head = format!(
            "HEAD /images/shop/debian HTTP/1.1\r\nAuthorization: Bearer {}\r\n",
            self.token
        );
        answer(self.connect(&head).await).await
    }

    /// Waits until so much is there, as of now or because something is still on its way.
    async fn until(&self, offset: usize) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let wanted = format!("upload-offset: {offset}\r\n");
        while !self.asked().await.contains(&wanted) {
            assert!(Instant::now() < deadline, "{}", self.asked().await);
            tokio::task::yield_now().await;
        }
    }
}

async fn answer(mut socket: TcpStream) -> String {
    let mut answer = String::new();
    // What nobody reads to its end is answered by a connection that is cut.
    let _cut = socket.read_to_string(&mut answer).await;
    answer
}

fn digest() -> String {
    use sha2::{Digest, Sha256};
    format!(
        "Upload-Digest: sha256:{:x}\r\n",
        Sha256::digest(vec![7; LENGTH])
    )
}

#[tokio::test]
async fn nobody_is_let_in_without_the_token() {
    let port = Port::new().await;
    for (path, token) in [
        ("/images/shop/debian", "0".repeat(64)),
        ("/images/shop/debian", String::new()),
        ("/images/shop/other", port.token.clone()),
        ("/clusterimages/debian", port.token.clone()),
    ] {
        for verb in ["HEAD", "PUT", "DELETE"] {
            let head = format!(
                "{verb} {path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n"
            );
            let answer = answer(port.connect(&head).await).await;
            assert!(
                answer.starts_with("HTTP/1.1 401"),
                "{verb} {path}: {answer}"
            );
            assert!(!answer.contains("upload-offset"), "{answer}");
        }
    }
    let head = "GET / HTTP/1.1\r\n";
    let answered = answer(port.connect(head).await).await;
    assert!(answered.starts_with("HTTP/1.1 404"), "{answered}");
    port.uploads.retract(&port.key);
    let answered = port.asked().await;
    assert!(answered.starts_with("HTTP/1.1 401"), "{answered}");
}

#[tokio::test]
async fn what_was_cut_goes_on_where_it_stopped() {
    let port = Port::new().await;
    let digest = digest();
    let begun = port.sent(0, 1_000, &digest).await;
    assert!(!begun.starts_with("HTTP/1.1 2"), "{begun}");
    port.until(1_000).await;
    for (offset, more, words) in [
        (999, &digest, "the next byte is that at 1000"),
        (1_001, &digest, "the next byte is that at 1000"),
        (
            1_000,
            &digest.replace("sha256:", "sha256:0"),
            "Upload-Digest is",
        ),
        (1_000, &String::new(), "the rest of other content"),
    ] {
        let refused = port.sent(offset, LENGTH - offset, more).await;
        assert!(refused.contains(words), "{offset}: {refused}");
    }
    let whole = port.sent(1_000, LENGTH - 1_000, &digest).await;
    assert!(whole.starts_with("HTTP/1.1 200"), "{whole}");
    // Its host is away: it ends, and what comes next is the first byte again.
    port.until(0).await;
}

#[tokio::test]
async fn one_sends_at_a_time_and_not_for_ever() {
    let port = Port::new().await;
    let digest = digest();
    let mut first = port.connect(&port.put(0, &digest)).await;
    first.write_all(&[7; 500]).await.unwrap();
    port.until(500).await;
    let second = port.sent(500, LENGTH - 500, &digest).await;
    assert!(second.starts_with("HTTP/1.1 409"), "{second}");
    assert!(second.contains("somebody sends it already"), "{second}");
    let start = Instant::now();
    let ended = answer(first).await;
    assert!(ended.starts_with("HTTP/1.1 408"), "{ended}");
    assert!(start.elapsed() < STALL, "it may go on for a while");
    port.until(0).await;
    let start_anew = port.sent(0, 500, &digest).await;
    assert!(
        start_anew.starts_with("HTTP/1.1 503"),
        "no volume: {start_anew}"
    );
    assert!(start_anew.contains("retry-after: 1"), "{start_anew}");
}

#[tokio::test]
async fn another_beginning_throws_away_what_came_before() {
    let port = Port::new().await;
    port.sent(0, 500, &digest()).await;
    port.until(500).await;
    let again = port.sent(0, 500, &digest()).await;
    assert!(again.starts_with("HTTP/1.1 503"), "{again}");
    port.until(0).await;
}

#[tokio::test]
async fn what_is_not_what_was_declared_is_not_begun() {
    let port = Port::new().await;
    port.open(Some(&"0".repeat(64)));
    let refused = port.sent(0, LENGTH, &digest()).await;
    assert!(refused.starts_with("HTTP/1.1 422"), "{refused}");
    assert!(
        refused.contains("spec.checksum: declared is sha256:0000"),
        "{refused}"
    );
    // Without a digest it shows at the end, and is no image.
    let sent = port.sent(0, LENGTH, "").await;
    assert!(sent.starts_with("HTTP/1.1 200"), "{sent}");
    port.until(0).await;
    let JobState::Failed(verdict) = port.uploads.jobs.state("job") else {
        panic!("{:?}", port.uploads.jobs.state("job"));
    };
    assert!(
        verdict.message.contains("declared is sha256:0000"),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn heads_have_bounds() {
    let port = Port::new().await;
    let most = format!("X-A: {}\r\n", "a".repeat(1 << 20));
    let refused = port.sent(0, 1, &most).await;
    assert!(
        refused.is_empty() || refused.starts_with("HTTP/1.1 431"),
        "{refused}"
    );
    let many = "X-A: a\r\n".repeat(40);
    let refused = port.sent(0, 1, &many).await;
    assert!(
        refused.is_empty() || refused.starts_with("HTTP/1.1 431"),
        "{refused}"
    );
    for (head, words) in [
        ("Upload-Length: -1\r\n", "are numbers of bytes"),
        ("", "Upload-Length is needed"),
        ("Upload-Length: 0\r\n", "there is nothing to send"),
    ] {
        let head = format!(
            "PUT /images/shop/debian HTTP/1.1\r\nAuthorization: Bearer {}\r\n\
             Transfer-Encoding: chunked\r\n{head}",
            port.token
        );
        let mut socket = port.connect(&head).await;
        socket.write_all(b"0\r\n\r\n").await.unwrap();
        let refused = answer(socket).await;
        assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
        assert!(refused.contains(words), "{refused}");
    }
}

#[test]
fn leave_is_for_one_request() {
    let hints = Hints::new(Arc::<Queue>::default());
    let (jobs, metrics) = (Jobs::default(), Arc::new(Metrics::new().unwrap()));
    let uploads = Uploads::new(None, &jobs, &hints, &metrics);
    let key = Key::image(&ImageName {
        namespace: String::new(),
        name: "debian".to_owned(),
    });
    assert_eq!(path(&key), "/clusterimages/debian");
    assert!(!uploads.is_answered(&key, "1"));
    let first = uploads.invite(&key, "1");
    assert!(uploads.is_answered(&key, "1") && !uploads.is_answered(&key, "2"));
    assert!(uploads.admit(&key, first.reveal()).is_ok());
    let second = uploads.invite(&key, "2");
    assert!(
        uploads.admit(&key, first.reveal()).is_err(),
        "the last one counts"
    );
    assert!(uploads.admit(&key, second.reveal()).is_ok());
    uploads.close(&key);
    assert!(uploads.admit(&key, second.reveal()).is_err());
    assert_eq!(uploads.invited_for(&key), None);
}
