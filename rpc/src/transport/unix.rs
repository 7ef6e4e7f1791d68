//! Unix sockets, which pass file descriptors as well as bytes.
//!
//! A descriptor comes with a byte of the stream, and is lost unless that byte is read with room for
//! it: so every read here has some.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll, ready};

use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, ReadBuf};
use tokio::runtime::Handle;

use super::Socket;

/// The room for one descriptor.
const ONE: usize = rustix::cmsg_space!(ScmRights(1));

/// How much the system may hold for the server: two frames of a stream.
const SEND_BUFFER: usize = 512 << 10;

/// After so many writes that the socket took at once, it is not watched for room any more.
const CALM: u32 = 64;

/// A unix socket.
///
/// It is watched for room only once it has had none. The system tells of room each time the server
/// has read something, and whoever watches is woken twice for each call.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    socket: AsyncFd<UnixStream>,
    room: Option<AsyncFd<UnixStream>>,
    // How many writes were taken at once since there was no room.
    calm: u32,
    // Where it is watched.
    runtime: Handle,
}

impl UnixSocket {
    /// Within a runtime.
    pub(crate) fn new(socket: tokio::net::UnixStream) -> io::Result<Self> {
        let socket = socket.into_std()?;
        // There is room again only when three quarters of it are empty. The system gives less if an
        // administrator has said so.
        set_socket_send_buffer_size(&socket, SEND_BUFFER)?;
        Ok(Self {
            socket: watch(socket, Interest::READABLE)?,
            room: None,
            calm: 0,
            runtime: Handle::current(),
        })
    }

    /// Does what needs room, once there is some.
    fn poll_with_room<T>(
        &mut self,
        context: &mut Context<'_>,
        mut work: impl FnMut(&UnixStream) -> rustix::io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            match work(self.socket.get_ref()) {
                Ok(done) => {
                    self.calm = self.calm.saturating_add(1);
                    if self.calm >= CALM {
                        self.room = None;
                    }
                    return Poll::Ready(Ok(done));
                }
                Err(rustix::io::Errno::AGAIN) => {
                    self.calm = 0;
                    let room = self.watch_for_room()?;
                    ready!(room.poll_write_ready(context))?.clear_ready();
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    fn watch_for_room(&mut self) -> io::Result<&AsyncFd<UnixStream>> {
        let watched = match self.room.take() {
            Some(watched) => watched,
            None => {
                // A caller may be anywhere.
                let _within = self.runtime.enter();
                let socket = self.socket.get_ref().try_clone()?;
                watch(socket, Interest::WRITABLE)?
            }
        };
        Ok(self.room.insert(watched))
    }
}

impl Socket for UnixSocket {
    fn passes_fds(&self) -> bool {
        true
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        fds: &mut VecDeque<OwnedFd>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.socket.poll_read_ready(context))?;
            let room = buffer.initialize_unfilled();
            let (size, known) = (room.len(), fds.len());
            match receive(self.socket.get_ref(), room, fds) {
                Ok(count) => {
                    // Less than there is room for was all there was, unless a descriptor ended it:
                    // the next read would be in vain.
                    if count > 0 && count < size && fds.len() == known {
                        ready.clear_ready();
                    }
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        self.poll_with_room(context, |socket| rustix::net::send(socket, bytes, flags))
    }

    fn poll_flush(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_send_fd(
        &mut self,
        context: &mut Context<'_>,
        fd: BorrowedFd<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_with_room(context, |socket| send(socket, fd))
    }
}

#[expect(
    deprecated,
    reason = "it is unsound for types whose descriptor may change or be closed; this one's is its own"
)]
fn watch(socket: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    AsyncFd::with_interest(socket, interest)
}

fn receive(
    socket: &UnixStream,
    buffer: &mut [u8],
    fds: &mut VecDeque<OwnedFd>,
) -> io::Result<usize> {
    let mut room = [MaybeUninit::uninit(); ONE];
    let mut control = RecvAncillaryBuffer::new(&mut room);
    let mut buffers = [IoSliceMut::new(buffer)];
    let message = recvmsg(
        socket,
        &mut buffers,
        &mut control,
        RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT,
    )?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    if message.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::other(
            "file descriptors that there is no room for",
        ));
    }
    Ok(message.bytes)
}

fn send(socket: &UnixStream, fd: BorrowedFd<'_>) -> rustix::io::Result<()> {
    let mut room = [MaybeUninit::uninit(); ONE];
    let mut control = SendAncillaryBuffer::new(&mut room);
    let fds = [fd];
    control.push(SendAncillaryMessage::ScmRights(&fds));
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(socket, &[IoSlice::new(&[0])], &mut control, flags)?;
    Ok(())
}
