//! Serves the files of one folder over HTTP, as the place from which volumes are imported.
//!
//! Below `/slow/` the same files come at 1 MiB a second, so that a test can break an import half way.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::places::{GATEWAY, IMAGE_PORT, Lab};
use crate::{process, wait};

const NAME: &str = "image-server";
const CHUNK: usize = 64 << 10;

/// Starts the server as a process of the lab, and waits until it answers.
///
/// # Errors
/// When it does not listen.
pub fn start(lab: &Lab, folder: &Path) -> Result<(), Error> {
    // This program, even when a build has put another one in its place since it began.
    let program = format!("/proc/{}/exe", std::process::id());
    let address = format!("{GATEWAY}:{IMAGE_PORT}");
    let mut server = Command::new(program);
    server
        .args(["serve-images", "--listen", &address])
        .arg(folder);
    process::start(lab, NAME, &server)?;
    wait::until_listening(lab, &address, NAME)
}

/// Serves until the process is ended.
///
/// # Errors
/// [`Error::Refused`] when the address cannot be had.
pub fn serve(address: SocketAddr, folder: PathBuf) -> Result<(), Error> {
    let listener = TcpListener::bind(address)
        .map_err(|error| Error::Refused(format!("{address}: {error}")))?;
    let folder = Arc::new(folder);
    for connection in listener.incoming().flatten() {
        let folder = Arc::clone(&folder);
        std::thread::spawn(move || {
            // A client that goes away is the client's matter.
            let _ = answer(&connection, &folder);
        });
    }
    Ok(())
}

fn answer(connection: &TcpStream, folder: &Path) -> std::io::Result<()> {
    connection.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut lines = BufReader::new(connection.take(16 << 10)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    println!("{request}");
    let mut words = request.split(' ');
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let (path, slow) = match path.strip_prefix("/slow/") {
        Some(rest) => (rest, true),
        None => (path.trim_start_matches('/'), false),
    };
    // One folder is served, not those below it or above it.
    let name = !path.is_empty() && !path.contains('/') && !path.contains("..");
    let mut out = connection;
    let opened = if name {
        File::open(folder.join(path)).ok()
    } else {
        None
    };
    let Some(file) = opened else {
        let body = "there is no such file\n";
        let length = body.len();
        return write!(
            out,
            "HTTP/1.1 404 Not Found\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
    };
    let length = file.metadata()?.len();
    write!(
        out,
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    if method == "HEAD" {
        Ok(())
    } else {
        send(file, connection, slow)
    }
}

fn send(mut file: File, mut connection: &TcpStream, slow: bool) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let got = file.read(&mut chunk)?;
        if got == 0 {
            return connection.flush();
        }
        connection.write_all(chunk.get(..got).unwrap_or_default())?;
        if slow {
            std::thread::sleep(Duration::from_millis(62));
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
        let (server, _) = listener.accept().unwrap();
        answer(&server, &folder).unwrap();
        drop(server);
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_file_of_the_folder_is_served_and_nothing_else() {
        assert!(ask("/a.txt").ends_with("\r\n\r\ncontent"));
        assert!(ask("/slow/a.txt").ends_with("\r\n\r\ncontent"));
        for path in ["/b.txt", "/../a.txt", "/", "/slow/../a.txt"] {
            assert!(ask(path).starts_with("HTTP/1.1 404"), "{path}");
        }
    }
}
