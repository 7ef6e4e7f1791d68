//! Serves the files of one folder over HTTP, as the place from which volumes are imported.
//!
//! Below other folders the same files come otherwise: `/slow/` at 1 MiB a second, so that a test can
//! break an import half way, and `/brisk/` at 4; `/cut/` 4 MiB at a time, and then the connection ends; `/short/` with a
//! length that is a byte too long. The rest of a file is sent to who asks for it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
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
const CUT: usize = 4 << 20;

/// Starts the server as a process of the lab, whose program is named, and waits until it answers.
///
/// # Errors
/// When it does not listen.
pub fn start(lab: &Lab, program: &Path, folder: &Path) -> Result<(), Error> {
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

fn answer(connection: &TcpStream, folder: &Path) -> std::io::Result<()> {
    connection.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut lines = BufReader::new(connection.take(16 << 10)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut from = 0;
    for line in lines {
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
    let mut out = connection;
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
    send(file, connection, manner)
}

fn send(mut file: File, mut connection: &TcpStream, manner: Manner) -> std::io::Result<()> {
    if matches!(manner, Manner::Plain | Manner::Short) {
        // As a web server does it: the kernel copies.
        return std::io::copy(&mut file, &mut connection).map(drop);
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
        for folder in ["slow", "brisk", "cut", "short"] {
            assert!(ask(&format!("/{folder}/a.txt")).ends_with("\r\n\r\ncontent"));
        }
        for path in ["/b.txt", "/../a.txt", "/", "/slow/../a.txt"] {
            assert!(ask(path).starts_with("HTTP/1.1 404"), "{path}");
        }
    }
}
