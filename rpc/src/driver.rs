//! The task that owns a socket: it moves bytes between the socket and the state machine, and answers
//! between the state machine and its callers. It never waits for any of them.
//!
//! What a caller asks is done by the caller itself while the task has nothing to do, which saves the
//! way through the scheduler; otherwise it is left to the task.

mod core;
mod listeners;
mod waiters;

use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use drover_rpc_proto::{Call, CloseReason, Connection, StreamMode, Time};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, Sleep};

use self::core::Core;
pub(crate) use self::listeners::{Listener, QueueState, Topic};
use crate::ends::Ends;
use crate::error::Error;
use crate::stream::Pipe;
use crate::transport::Socket;

/// How many commands are taken before the socket is looked at again.
const COMMANDS_AT_A_TIME: usize = 64;

/// How long the server may take to confirm the end of what was going on.
const LEAVE: Duration = Duration::from_secs(5);

pub(crate) type Answer<T> = oneshot::Sender<Result<T, Error>>;

/// What a call is answered with.
pub(crate) struct Reply {
    pub(crate) body: Vec<u8>,
    pub(crate) fds: Vec<OwnedFd>,
}

/// What handles ask of the driver.
pub(crate) enum Command {
    Call {
        token: u64,
        call: Call,
        fds: Vec<OwnedFd>,
        answer: Answer<Reply>,
    },
    /// Opens a stream. There is one to a connection.
    Open {
        token: u64,
        call: Call,
        mode: StreamMode,
        pipe: Arc<Pipe>,
        answer: Answer<Reply>,
    },
    /// Nobody waits for the answer any more.
    Abandon {
        token: u64,
    },
    Subscribe {
        topic: Topic,
        listener: Listener,
        answer: Answer<()>,
    },
    Unsubscribe {
        listener: u64,
    },
    Shutdown,
}

/// The way from a handle to the connection.
pub(crate) struct Commands {
    core: Arc<Mutex<Core>>,
    // Boxed, so that the queue of a connection that has nothing to do is small.
    queue: mpsc::UnboundedSender<Box<Command>>,
}

impl Commands {
    /// Has the command done, here or by the task; false if there is no task any more.
    pub(crate) fn send(&self, command: Command) -> bool {
        let mut core = match self.core.try_lock() {
            Ok(core) => core,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return self.queue.send(Box::new(command)).is_ok(),
        };
        if self.is_closed() {
            return false;
        }
        core.obey_at_once(command);
        true
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Keeps the task busy for as long as the guard is there.
    #[cfg(test)]
    pub(crate) fn busy(&self) -> impl Sized + '_ {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task.
pub(crate) struct Driver {
    core: Arc<Mutex<Core>>,
    start: Instant,
    sleep: Pin<Box<Sleep>>,
    // Nobody has a handle any more; the connection ends at the latest then.
    left: Option<Pin<Box<Sleep>>>,
}

impl Driver {
    /// Starts the task.
    pub(crate) fn start(
        socket: Box<dyn Socket>,
        connection: Connection,
        ends: watch::Sender<Ends>,
        start: Instant,
    ) -> Commands {
        let (queue, commands) = mpsc::unbounded_channel();
        let core = Core::new(socket, connection, commands, ends, start);
        let core = Arc::new(Mutex::new(core));
        tokio::spawn(Self {
            core: Arc::clone(&core),
            start,
            sleep: Box::pin(tokio::time::sleep_until(start)),
            left: None,
        });
        Commands { core, queue }
    }

    // Ready with whether there was a command.
    fn poll_commands(&mut self, core: &mut Core, context: &mut Context<'_>) -> Poll<()> {
        for _ in 0..COMMANDS_AT_A_TIME {
            match ready!(core.commands.poll_recv(context)) {
                Some(command) => core.obey(*command),
                None => {
                    self.left = Some(Box::pin(tokio::time::sleep(LEAVE)));
                    break;
                }
            }
        }
        Poll::Ready(())
    }

    // True if a timer has run out.
    fn poll_timer(&mut self, core: &mut Core, now: Time, context: &mut Context<'_>) -> bool {
        let Some(next) = core.connection.poll_timeout() else {
            return false;
        };
        // The clock itself is asked: a task that has much to do is not told by the timer.
        if next <= now {
            core.connection.handle_timeout(now);
            return true;
        }
        if core.wakes_at.is_none_or(|armed| next < armed) {
            self.sleep.as_mut().reset(self.start + next);
            core.wakes_at = Some(next);
        }
        let woken = self.sleep.as_mut().poll(context).is_ready();
        if woken {
            core.wakes_at = None;
        }
        woken
    }

    // True if it is time to go.
    fn poll_left(&mut self, core: &mut Core, context: &mut Context<'_>) -> bool {
        let Some(patience) = &mut self.left else {
            return false;
        };
        let leaves = core.is_settled()
            || patience.deadline() <= Instant::now()
            || patience.as_mut().poll(context).is_ready();
        if leaves {
            core.connection.close(CloseReason::Local);
        }
        leaves
    }

    fn run(&mut self, core: &mut Core, context: &mut Context<'_>) -> Poll<()> {
        core.driven_by(context.waker());
        // What is pending wakes the task, so that it need not be asked again.
        let mut commands = self.left.is_none();
        let mut readable = true;
        let mut has_read = false;
        loop {
            let mut moved = false;
            if commands {
                commands = self.poll_commands(core, context).is_ready() && self.left.is_none();
                moved = commands;
            }
            moved |= core.pump(context);
            moved |= core.poll_write(context);
            if readable && !core.is_held_up() {
                readable = core.poll_read(context);
                has_read |= readable;
                moved |= readable;
            }
            moved |= core.tell();
            if !moved {
                let now = if has_read { core.read_at } else { core.now() };
                moved = self.poll_timer(core, now, context) || self.poll_left(core, context);
            }
            if core.connection.closed().is_some() {
                core.tell();
                return Poll::Ready(());
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let core = Arc::clone(&this.core);
        let mut core = core.lock().unwrap_or_else(PoisonError::into_inner);
        this.run(&mut core, context)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        // From here on nothing is asked of the connection. Who has asked before is told why it is not
        // done: what is left in the queue would be waited for for ever.
        core.commands.close();
        core.end();
        core.obey_those_before();
    }
}
