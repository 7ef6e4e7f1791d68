#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A web server that gives this answer to each path, and hangs up.
async fn server(answer: impl Fn(&str, u16) -> Vec<u8> + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let path = path(&mut socket).await;
            socket.write_all(&answer(&path, port)).await.ok();
            if path == "/hang" {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        }
    });
    port
}

async fn path(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    head.split(' ').nth(1).unwrap().to_owned()
}

fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn to(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

fn policy() -> Policy {
    let local = "127.0.0.0/8".parse().unwrap();
    Policy {
        stall: Duration::from_millis(200),
        pause: Duration::from_millis(1),
        ..Policy::new(Allowed::new(vec![local]), true)
    }
}

async fn fetch(url: &str) -> Result<String, FetchError> {
    let mut body = open(url, &policy()).await?;
    let mut text = Vec::new();
    while let Some(chunk) = body.chunk().await? {
        text.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn content_comes_with_its_length() {
    let port = server(|_, _| ok("image")).await;
    let url = format!("http://127.0.0.1:{port}/a?b=c");
    assert_eq!(open(&url, &policy()).await.unwrap().length, Some(5));
    assert_eq!(fetch(&url).await.unwrap(), "image");
}

#[tokio::test]
async fn redirects_are_followed_and_have_an_end() {
    let port = server(|path, _| match path {
        "/one" => to("/two"),
        "/two" => to("three"),
        "/three" => ok("there"),
        _ => to("/round"),
    })
    .await;
    let base = format!("http://127.0.0.1:{port}");
    assert_eq!(fetch(&format!("{base}/one")).await.unwrap(), "there");
    let error = fetch(&format!("{base}/round")).await.unwrap_err();
    assert_eq!(error, FetchError::Redirects);
}

#[tokio::test]
async fn a_redirect_cannot_lead_inside() {
    let port = server(|path, port| match path {
        "/metadata" => to("http://169.254.169.254/latest"),
        "/mapped" => to("http://[::ffff:10.0.0.1]/"),
        "/zero" => to(&format!("http://0.0.0.0:{port}/")),
        "/file" => to("file:///etc/passwd"),
        _ => ok("secret"),
    })
    .await;
    let base = format!("http://127.0.0.1:{port}");
    for path in ["metadata", "mapped", "zero"] {
        let error = fetch(&format!("{base}/{path}")).await.unwrap_err();
        assert!(matches!(error, FetchError::Address { .. }), "{error}");
        assert!(error.is_permanent());
    }
    let error = fetch(&format!("{base}/file")).await.unwrap_err();
    assert!(matches!(error, FetchError::Url { .. }), "{error}");
}

#[tokio::test]
async fn private_addresses_are_refused_by_name_too() {
    let closed = Policy::new(Allowed::default(), true);
    for url in [
        "http://127.0.0.1:1/",
        "http://localhost:1/",
        "http://[::1]/",
        "http://2130706433/",
    ] {
        let error = open(url, &closed).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Address { .. }),
            "{url}: {error}"
        );
    }
}

#[tokio::test]
async fn plain_http_needs_a_checksum() {
    let mut policy = policy();
    policy.checksum = false;
    let error = open("http://127.0.0.1:1/i?token=secret", &policy)
        .await
        .unwrap_err();
    assert_eq!(
        error,
        FetchError::PlainHttp("http://127.0.0.1:1/i".to_owned())
    );
}

#[tokio::test]
async fn what_is_no_url_to_fetch_from() {
    for url in ["", "image", "ftp://a/b", "http://user:secret@127.0.0.1:1/"] {
        let error = open(url, &policy()).await.unwrap_err();
        assert!(matches!(error, FetchError::Url { .. }), "{url}: {error}");
        assert!(!error.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn what_the_server_says_is_never_shown() {
    let port =
        server(|_, _| b"HTTP/1.1 404 secret\r\nContent-Length: 6\r\n\r\nsecret".to_vec()).await;
    let error = fetch(&format!("http://127.0.0.1:{port}/none?key=secret"))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("http://127.0.0.1:{port}/none: 404 Not Found")
    );
    let port = server(|_, _| b"secret nonsense\r\n\r\n".to_vec()).await;
    let error = fetch(&format!("http://127.0.0.1:{port}/"))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Protocol { .. }));
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn content_that_is_cut_or_stands_still() {
    let port = server(|path, _| match path {
        "/hang" => b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec(),
        "/cut" => b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec(),
        _ => b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n".to_vec(),
    })
    .await;
    let base = format!("http://127.0.0.1:{port}");
    let error = fetch(&format!("{base}/cut")).await.unwrap_err();
    assert!(
        matches!(error, FetchError::Cut { received: 3, .. }),
        "{error}"
    );
    let error = fetch(&format!("{base}/packed")).await.unwrap_err();
    assert!(matches!(error, FetchError::Url { .. }), "{error}");
    let error = fetch(&format!("{base}/hang")).await.unwrap_err();
    assert!(matches!(error, FetchError::Stalled { .. }), "{error}");
    assert!(!error.is_permanent());
}

#[tokio::test]
async fn nobody_there() {
    let error = fetch("http://127.0.0.1:1/").await.unwrap_err();
    assert!(matches!(error, FetchError::Connect { .. }), "{error}");
    let error = fetch("http://no-such-name.invalid/").await.unwrap_err();
    assert!(matches!(error, FetchError::Resolve(_)), "{error}");
}
