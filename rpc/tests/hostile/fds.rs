//! File descriptors over unix sockets, to and from a server that may do it wrong.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use drover_rpc::proto::Refused;
use drover_rpc::proto::frame::{Header, Kind, Status, write_frame};
use drover_rpc::proto::qemu::DomainMonitorCommandWithFilesRet;
use drover_rpc::proto::remote::Domain;
use drover_rpc::{Client, CloseReason, ConnectOptions, Error};
use rustix::io::{FdFlags, fcntl_getfd};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::{DEADLINE, all_tasks_gone, alone, descriptors, runtime};

const MONITOR_WITH_FILES: (u32, i32) = (0x2000_8087, 7);
const OPEN_GRAPHICS_FD: i32 = 343;

/// A call as it came, with its descriptors.
struct Request {
    header: Header,
    fds: Vec<OwnedFd>,
}

/// Answers the first words, and gives every other call to a function.
struct Peer {
    folder: PathBuf,
    thread: JoinHandle<()>,
}

impl Peer {
    fn start(name: &str, serve: impl FnMut(&UnixStream, Request) + Send + 'static) -> Self {
        let folder = std::env::temp_dir().join(format!("drover-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let listener = UnixListener::bind(folder.join("socket")).unwrap();
        let mut serve = serve;
        let thread = thread::spawn(move || {
            let (socket, _) = listener.accept().unwrap();
            while let Some(request) = next(&socket) {
                // The opening is of the program `remote`.
                let remote = request.header.program == 0x2000_8086;
                match request.header.procedure {
                    _ if !remote => serve(&socket, request),
                    66 => reply(&socket, &request.header, &[0, 0, 0, 1, 0, 0, 0, 0]),
                    60 => reply(&socket, &request.header, &[0, 0, 0, 1]),
                    1 | 2 => reply(&socket, &request.header, &[]),
                    157 => reply(&socket, &request.header, &[0; 8]),
                    _ => serve(&socket, request),
                }
            }
        });
        Self { folder, thread }
    }

    async fn connect(&self) -> Client {
        let socket = self.folder.join("socket");
        let uri = format!("qemu+unix:///system?socket={}", socket.display());
        let options = ConnectOptions {
            deadline: DEADLINE,
            ..ConnectOptions::default()
        };
        Client::connect(&uri.parse().unwrap(), options)
            .await
            .unwrap()
    }

    fn stop(self) {
        self.thread.join().unwrap();
        std::fs::remove_dir_all(self.folder).unwrap();
    }
}

/// Reads all of `buffer`, and what descriptors come with it; false at the end.
fn read_exact(socket: &UnixStream, buffer: &mut [u8], fds: &mut Vec<OwnedFd>) -> bool {
    let mut filled = 0;
    while filled < buffer.len() {
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = RecvAncillaryBuffer::new(&mut room);
        let mut buffers = [IoSliceMut::new(&mut buffer[filled..])];
        let read = recvmsg(socket, &mut buffers, &mut control, RecvFlags::CMSG_CLOEXEC);
        let Ok(read) = read else {
            return false;
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
        if read.bytes == 0 {
            return false;
        }
        filled += read.bytes;
    }
    true
}

fn next(socket: &UnixStream) -> Option<Request> {
    let mut head = [0; 28];
    let mut fds = Vec::new();
    if !read_exact(socket, &mut head, &mut fds) {
        return None;
    }
    let words: Vec<u32> = head
        .chunks(4)
        .map(|word| u32::from_be_bytes(word.try_into().unwrap()))
        .collect();
    let mut body = vec![0; words[0] as usize - 28];
    if !body.is_empty() && !read_exact(socket, &mut body, &mut fds) {
        return None;
    }
    assert!(fds.is_empty(), "descriptors within a frame");
    let kind = Kind::try_from(words[4].cast_signed()).unwrap();
    if kind == Kind::CallWithFds {
        let count = u32::from_be_bytes(body[..4].try_into().unwrap());
        for number in 1..=count {
            let mut byte = [1];
            if !read_exact(socket, &mut byte, &mut fds) {
                return None;
            }
            assert_eq!((byte, fds.len()), ([0], number as usize));
        }
    }
    let header = Header {
        program: words[1],
        version: words[2],
        procedure: words[3].cast_signed(),
        kind,
        serial: words[5],
        status: Status::Ok,
    };
    Some(Request { header, fds })
}

fn frame(header: &Header, kind: Kind, body: &[u8]) -> Vec<u8> {
    let header = Header { kind, ..*header };
    let mut bytes = Vec::new();
    write_frame(&mut bytes, &header, body);
    bytes
}

// A client that has gone takes nothing, here and below.
fn reply(mut socket: &UnixStream, header: &Header, body: &[u8]) {
    socket.write_all(&frame(header, Kind::Reply, body)).ok();
}

/// A reply that says that so many descriptors follow.
fn announce(mut socket: &UnixStream, header: &Header, count: u32, body: &[u8]) {
    let mut whole = Vec::from(count.to_be_bytes());
    whole.extend(body);
    let bytes = frame(header, Kind::ReplyWithFds, &whole);
    // Byte by byte, so that it is read in many pieces.
    for byte in bytes {
        socket.write_all(&[byte]).ok();
    }
}

/// Sends bytes with all of these descriptors.
fn send(socket: &UnixStream, bytes: &[u8], fds: &[BorrowedFd<'_>]) {
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut control = SendAncillaryBuffer::new(&mut room);
    assert!(control.push(SendAncillaryMessage::ScmRights(fds)));
    let buffers = [IoSlice::new(bytes)];
    sendmsg(socket, &buffers, &mut control, SendFlags::NOSIGNAL).ok();
}

fn domain() -> Domain {
    Domain {
        name: "web".into(),
        uuid: [7; 16],
        id: 1,
    }
}

/// So many files, and what tells them apart.
fn files(count: usize) -> (Vec<OwnedFd>, Vec<u64>) {
    let files: Vec<File> = (0..count)
        .map(|_| File::from(rustix::pipe::pipe().unwrap().0))
        .collect();
    let inodes = files.iter().map(inode).collect();
    (files.into_iter().map(OwnedFd::from).collect(), inodes)
}

fn inode(file: &File) -> u64 {
    file.metadata().unwrap().ino()
}

/// Runs `client` against a server, and sees that it leaves no task and no descriptor.
fn leaves_nothing(
    name: &str,
    serve: impl FnMut(&UnixStream, Request) + Send + 'static,
    client: impl AsyncFnOnce(Client),
) {
    let _alone = alone();
    let runtime = runtime();
    runtime.block_on(async { tokio::time::sleep(Duration::ZERO).await });
    let before = descriptors();
    let peer = Peer::start(name, serve);
    runtime.block_on(async {
        client(peer.connect().await).await;
        all_tasks_gone().await;
    });
    peer.stop();
    assert_eq!(descriptors(), before);
}

#[test]
fn files_go_there_and_come_back_in_order() {
    let echo = |socket: &UnixStream, request: Request| {
        let key = (request.header.program, request.header.procedure);
        assert_eq!(key, MONITOR_WITH_FILES);
        let result = "done".into();
        let body = drover_xdr::to_bytes(&DomainMonitorCommandWithFilesRet { result }).unwrap();
        let count = u32::try_from(request.fds.len()).unwrap();
        announce(socket, &request.header, count, &body);
        for fd in &request.fds {
            send(socket, &[0], &[fd.as_fd()]);
        }
    };
    leaves_nothing("echo", echo, async |client| {
        for count in [0, 1, 2, 32, 1] {
            let (sent, inodes) = files(count);
            let (answer, back) = client
                .domain_monitor_command_with_files(domain(), "{}", sent, 0)
                .await
                .unwrap();
            assert_eq!(answer, "done");
            for fd in &back {
                assert!(fcntl_getfd(fd).unwrap().contains(FdFlags::CLOEXEC));
            }
            let back: Vec<u64> = back.into_iter().map(|fd| inode(&File::from(fd))).collect();
            assert_eq!(back, inodes);
        }
        let error = client
            .domain_monitor_command_with_files(domain(), "{}", files(33).0, 0)
            .await;
        assert_eq!(error.unwrap_err(), Error::Refused(Refused::TooManyFds(33)));
        // Calls beside each other keep to their own.
        let calls = (1..20).map(async |count| {
            let (sent, inodes) = files(count);
            let call = client.domain_monitor_command_with_files(domain(), "{}", sent, 0);
            let (_, back) = call.await.unwrap();
            let back: Vec<u64> = back.into_iter().map(|fd| inode(&File::from(fd))).collect();
            assert_eq!(back, inodes);
        });
        futures::future::join_all(calls).await;
        client.close().await.unwrap();
    });
}

#[test]
fn an_answer_has_the_number_of_files_that_its_call_wants() {
    let mut answers = VecDeque::from([0, 2, 1]);
    let serve = move |socket: &UnixStream, request: Request| {
        let (fds, _) = files(answers.pop_front().unwrap());
        let count = u32::try_from(fds.len()).unwrap();
        announce(socket, &request.header, count, &[]);
        for fd in &fds {
            send(socket, &[0], &[fd.as_fd()]);
        }
    };
    leaves_nothing("count", serve, async |client| {
        for wrong in [0, 2] {
            let error = client.domain_open_graphics_fd(domain(), 0, 0).await;
            assert_eq!(error.unwrap_err(), Error::Descriptors(wrong));
        }
        client
            .domain_open_graphics_fd(domain(), 0, 0)
            .await
            .unwrap();
        client.close().await.unwrap();
    });
}

#[test]
fn files_for_a_call_that_was_given_up_are_closed() {
    let mut late = None;
    let serve = move |socket: &UnixStream, request: Request| {
        // The first call is answered after the second one has come.
        let Some(header) = late.replace(request.header) else {
            return;
        };
        for header in [&header, &request.header] {
            announce(socket, header, 3, &[]);
            let (fds, _) = files(3);
            for fd in &fds {
                send(socket, &[0], &[fd.as_fd()]);
            }
        }
    };
    leaves_nothing("late", serve, async |client| {
        let soon = client.with_deadline(Duration::from_millis(50));
        let error = soon.domain_open_namespace(domain(), 0).await.unwrap_err();
        assert_eq!(error, Error::Timeout { sent: true });
        let fds = client.domain_open_namespace(domain(), 0).await.unwrap();
        assert_eq!(fds.len(), 3);
        client.close().await.unwrap();
    });
}

/// What becomes of a call whose answer is wrong.
fn wrong(name: &str, serve: impl Fn(&UnixStream, &Header) + Send + 'static) -> CloseReason {
    let mut ended = None;
    let serve = move |socket: &UnixStream, request: Request| {
        assert_eq!(request.header.procedure, OPEN_GRAPHICS_FD);
        serve(socket, &request.header);
    };
    leaves_nothing(name, serve, async |client| {
        let call = client.domain_open_graphics_fd(domain(), 0, 0);
        match call.await.unwrap_err() {
            Error::Closed { reason, sent: true } => ended = Some(reason),
            other => panic!("{other:?}"),
        }
        assert!(client.is_closed());
    });
    ended.unwrap()
}

#[test]
fn other_files_than_announced_end_the_connection() {
    let unexpected = CloseReason::Unexpected;
    let fewer = wrong("fewer", |socket, header| {
        announce(socket, header, 1, &[]);
        let mut socket = socket;
        socket.write_all(&[0]).ok();
    });
    assert_eq!(fewer, unexpected("fewer file descriptors than announced"));
    let two = wrong("two", |socket, header| {
        announce(socket, header, 1, &[]);
        let (fds, _) = files(2);
        send(socket, &[0], &[fds[0].as_fd(), fds[1].as_fd()]);
    });
    assert_eq!(two, unexpected("more file descriptors than announced"));
    let more = wrong("more", |socket, header| {
        announce(socket, header, 1, &[]);
        let (fds, _) = files(253);
        let fds: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
        send(socket, &[0], &fds);
    });
    assert!(matches!(more, CloseReason::Io(_)), "{more:?}");
    let early = wrong("early", |socket, header| {
        let (fds, _) = files(1);
        let mut whole = Vec::from(1_u32.to_be_bytes());
        whole.extend([0; 4]);
        let bytes = frame(header, Kind::ReplyWithFds, &whole);
        send(socket, &bytes, &[fds[0].as_fd()]);
    });
    let unannounced = unexpected("file descriptors that were not announced");
    assert_eq!(early, unannounced);
    let plain = wrong("plain", |socket, header| {
        let (fds, _) = files(1);
        let bytes = frame(header, Kind::Message, &[0; 4]);
        send(socket, &bytes[..20], &[fds[0].as_fd()]);
    });
    assert_eq!(plain, unannounced);
    let too_many = wrong("33", |socket, header| announce(socket, header, 33, &[]));
    assert_eq!(
        too_many,
        unexpected("a reply with more than 32 file descriptors")
    );
    let gone = wrong("gone", |socket, header| {
        announce(socket, header, 2, &[]);
        let (fds, _) = files(1);
        send(socket, &[0], &[fds[0].as_fd()]);
        socket.shutdown(std::net::Shutdown::Both).ok();
    });
    assert_eq!(gone, CloseReason::Eof);
}

#[test]
fn over_tcp_nothing_is_sent() {
    let _alone = alone();
    let runtime = runtime();
    runtime.block_on(async { tokio::time::sleep(Duration::ZERO).await });
    let before = descriptors();
    let server = super::Server::start(super::Plan {
        tcp: true,
        death: super::Death::Close,
        // The opening and the end: one more ends the connection before its time.
        after: 5,
    });
    runtime.block_on(async {
        let options = ConnectOptions::default();
        let uri = server.uri().parse().unwrap();
        let client = Client::connect(&uri, options).await.unwrap();
        let refused = Error::Refused(Refused::NoFds);
        let (fds, _) = files(1);
        let associate = client.domain_fd_associate(domain(), "disk", fds, 0);
        assert_eq!(associate.await.unwrap_err(), refused);
        let open = client.domain_open_graphics_fd(domain(), 0, 0);
        assert_eq!(open.await.unwrap_err(), refused);
        client.close().await.unwrap();
        all_tasks_gone().await;
    });
    server.stop();
    assert_eq!(descriptors(), before);
}
