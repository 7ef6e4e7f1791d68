//! Serves the files of one folder over HTTP, as the place from which volumes are imported.
//!
//! Below other folders the same files come otherwise: `/slow/` at 1 MiB a second, so that a test can
//! break an import half way, and `/brisk/` at 4; `/cut/` 4 MiB at a time, and then the connection ends; `/short/` with a
//! length that is a byte too long. The rest of a file is sent to who asks for it.
//!
//! All of it also comes over TLS, on another port, with a certificate that the lab's own authority signed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::error::Error;
use crate::hosts::pki;
use crate::places::{GATEWAY, IMAGE_PORT, IMAGE_TLS_PORT, Lab};
use crate::{process, wait};

const NAME: &str = "image-server";
const CHUNK: usize = 64 << 10;
const CUT: usize = 4 << 20;

/// Starts the server as a process of the lab, whose program is named, and waits until it answers.
///
/// # Errors
/// When it does not listen.
pub fn start(lab: &Lab, program: &Path, folder: &Path) -> Result<(), Error> {
    let address = format!("{GATEWAY}:{IMAGE_PORT}");
    let mut server = Command::new(program);
    let secure = format!("{GATEWAY}:{IMAGE_TLS_PORT}");
    server
        .args(["serve-images", "--listen", &address])
        .args(["--tls-listen", &secure, "--tls-dir"])
        .arg(pki::image_server(lab)?)
        .arg(folder);
    process::start(lab, NAME, &server)?;
    wait::until_listening(lab, &secure, NAME)?;
    wait::until_listening(lab, &address, NAME)
}

/// Where it is served over TLS, and the folder of `tls.crt` and `tls.key`.
#[derive(Debug)]
pub struct Secure {
    /// The address.
    pub address: SocketAddr,
    /// The folder.
    pub keys: PathBuf,
}

/// Serves until the process is ended.
///
/// # Errors
/// [`Error::Refused`] when an address cannot be had, or the certificate cannot be used.
pub fn serve(address: SocketAddr, secure: Option<Secure>, folder: PathBuf) -> Result<(), Error> {
    let folder = Arc::new(folder);
    if let Some(secure) = secure {
        let listener = listen(secure.address)?;
        let config = Arc::new(server_config(&secure.keys)?);
        let folder = Arc::clone(&folder);
        std::thread::spawn(move || {
            take(&listener, &folder, move |connection| {
                let session = ServerConnection::new(Arc::clone(&config));
                Ok(StreamOwned::new(
                    session.map_err(io::Error::other)?,
                    connection,
                ))
            });
        });
    }
    take(&listen(address)?, &folder, Ok);
    Ok(())
}

fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).map_err(|error| Error::Refused(format!("{address}: {error}")))
}

fn take<S: Read + Write + Send + 'static>(
    listener: &TcpListener,
    folder: &Arc<PathBuf>,
    open: impl Fn(TcpStream) -> io::Result<S>,
) {
    for connection in listener.incoming().flatten() {
        let folder = Arc::clone(folder);
        let patience = connection.set_read_timeout(Some(Duration::from_secs(60)));
        if let Ok(mut stream) = patience.and_then(|()| open(connection)) {
            std::thread::spawn(move || {
                // A client that goes away is the client's matter.
                let _ = answer(&mut stream, &folder);
            });
        }
    }
}

fn server_config(keys: &Path) -> Result<ServerConfig, Error> {
    let refused =
        |error: &dyn std::fmt::Display| Error::Refused(format!("{}: {error}", keys.display()));
    let certificate = CertificateDer::from_pem_file(keys.join("tls.crt"));
    let certificate = certificate.map_err(|error| refused(&error))?;
    let key = PrivateKeyDer::from_pem_file(keys.join("tls.key"));
    let key = key.map_err(|error| refused(&error))?;
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            let builder = builder.with_no_client_auth();
            builder.with_single_cert(vec![certificate], key)
        })
        .map_err(|error| refused(&error))
}

/// How the files of a folder come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Plain,
    Slow,
    Brisk,
    Cut,
    Short,
}

impl Manner {
    fn of(path: &str) -> (Self, &str) {
        let all = [
            ("/slow/", Self::Slow),
            ("/brisk/", Self::Brisk),
            ("/cut/", Self::Cut),
            ("/short/", Self::Short),
            ("/", Self::Plain),
        ];
        let mut all = all.into_iter();
        all.find_map(|(prefix, manner)| Some((manner, path.strip_prefix(prefix)?)))
            .unwrap_or((Self::Plain, ""))
    }
}

fn answer(connection: &mut (impl Read + Write), folder: &Path) -> io::Result<()> {
    let head = BufReader::new((&mut *connection).take(16 << 10));
    let mut lines = head.lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut from = 0;
    for line in lines.by_ref() {
        let line = line?.to_lowercase();
        if line.is_empty() {
            break;
        }
        let range = line.strip_prefix("range: bytes=");
        from = range
            .map_or(Ok(from), |range| range.trim_end_matches('-').parse())
            .unwrap_or(from);
    }
    println!("{request} from {from}");
    let mut words = request.split(' ');
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let (manner, path) = Manner::of(path);
    // One folder is served, not those below it or above it.
    let name = !path.is_empty() && !path.contains('/') && !path.contains("..");
    let opened = name.then(|| File::open(folder.join(path)).ok()).flatten();
    drop(lines);
    let out = connection;
    let Some(mut file) = opened else {
        let body = "there is no such file\n";
        let length = body.len();
        return write!(
            out,
            "HTTP/1.1 404 Not Found\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
    };
    let length = file.metadata()?.len() + u64::from(manner == Manner::Short);
    let status = match from {
        0 => "200 OK".to_owned(),
        _ => {
            let last = length.saturating_sub(1);
            format!("206 Partial Content\r\nContent-Range: bytes {from}-{last}/{length}")
        }
    };
    let rest = length.saturating_sub(from);
    write!(
        out,
        "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {rest}\r\nConnection: close\r\n\r\n"
    )?;
    if method == "HEAD" {
        return Ok(());
    }
    file.seek(SeekFrom::Start(from))?;
    send(file, out, manner)
}

fn send(mut file: File, connection: &mut impl Write, manner: Manner) -> io::Result<()> {
    if matches!(manner, Manner::Plain | Manner::Short) {
        // As a web server does it: the kernel copies.
        return io::copy(&mut file, connection).map(drop);
    }
    let mut chunk = vec![0; CHUNK];
    let mut sent = 0;
    loop {
        let got = file.read(&mut chunk)?;
        if got == 0 || (manner == Manner::Cut && sent >= CUT) {
            return connection.flush();
        }
        connection.write_all(chunk.get(..got).unwrap_or_default())?;
        sent += got;
        match manner {
            Manner::Slow => std::thread::sleep(Duration::from_millis(62)),
            Manner::Brisk => std::thread::sleep(Duration::from_millis(15)),
            Manner::Cut | Manner::Plain | Manner::Short => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::answer;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    fn ask(path: &str) -> String {
        let folder = std::env::temp_dir().join(format!("drover-images-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.txt"), "content").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        write!(client, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let (mut server, _) = listener.accept().unwrap();
        answer(&mut server, &folder).unwrap();
        drop(server);
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_file_of_the_folder_is_served_and_nothing_else() {
        assert!(ask("/a.txt").ends_with("\r\n\r\ncontent"));
        for folder in ["slow", "brisk", "cut", "short"] {
            assert!(ask(&format!("/{folder}/a.txt")).ends_with("\r\n\r\ncontent"));
        }
        for path in ["/b.txt", "/../a.txt", "/", "/slow/../a.txt"] {
            assert!(ask(path).starts_with("HTTP/1.1 404"), "{path}");
        }
    }
}
