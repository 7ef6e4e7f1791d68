//! Unix sockets, which pass file descriptors as well as bytes.
//!
//! A descriptor comes with a byte of the stream, and is lost unless that byte is read with room for
//! it: so every read here has some.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::{AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;

use super::Socket;

/// The room for one descriptor.
const ONE: usize = rustix::cmsg_space!(ScmRights(1));

/// A unix socket.
#[derive(Debug)]
pub(crate) struct UnixSocket(UnixStream);

impl UnixSocket {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self(socket)
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
            ready!(self.0.poll_read_ready(context))?;
            let mut got = None;
            let room = buffer.initialize_unfilled();
            let size = room.len();
            let read = self.0.try_io(Interest::READABLE, || {
                let known = fds.len();
                let count = receive(&self.0, room, fds)?;
                got = Some(count);
                // Less than there is room for was all there was, unless a descriptor ended it: the
                // next read would be in vain, which tokio is told like this.
                let all = count > 0 && count < size && fds.len() == known;
                if all {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(())
            });
            match (got, read) {
                (Some(count), _) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Poll::Ready(Err(error));
                }
                // It was not ready after all.
                (None, _) => {}
            }
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_send_fd(
        &mut self,
        context: &mut Context<'_>,
        fd: BorrowedFd<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            let sent = self.0.try_io(Interest::WRITABLE, || send(&self.0, fd));
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }
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

fn send(socket: &UnixStream, fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut room = [MaybeUninit::uninit(); ONE];
    let mut control = SendAncillaryBuffer::new(&mut room);
    let fds = [fd];
    control.push(SendAncillaryMessage::ScmRights(&fds));
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(socket, &[IoSlice::new(&[0])], &mut control, flags)?;
    Ok(())
}
