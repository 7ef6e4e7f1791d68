//! What can happen.

use drover_rpc_proto::{Class, StreamMode};

use super::What;

/// How long an upload is.
pub(crate) const UPLOAD: u64 = 40;

/// What the server sends on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame {
    Data(u8),
    Last,
    Hole(i8),
    Confirm,
    Error,
}

/// One thing that happens. A number names one of those that it can happen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Call {
        what: What,
        urgent: bool,
        deadline: Option<u8>,
    },
    Transmit,
    Answer {
        which: u8,
        well: bool,
    },
    Event {
        class: Class,
        which: u8,
    },
    Deregister {
        which: u8,
    },
    Abandon {
        which: u8,
    },
    Pass {
        seconds: u8,
    },
    Ping,
    OnStream {
        which: u8,
        frame: Frame,
    },
    Send {
        which: u8,
        count: u8,
    },
    SendHole {
        which: u8,
        length: u8,
    },
    Finish {
        which: u8,
        deadline: Option<u8>,
    },
    Abort {
        which: u8,
    },
    /// A reply to a call that has had its reply.
    RepeatReply {
        which: u8,
    },
    /// A reply that says that it goes on.
    ReplyGoesOn {
        which: u8,
    },
    UnknownEvent,
    Eof,
}

impl From<[u8; 4]> for Step {
    fn from([kind, which, more, last]: [u8; 4]) -> Self {
        let deadline = (last & 1 == 1).then_some(more % 40);
        match kind % 64 {
            0..=15 => Self::Call {
                what: what(which),
                urgent: more & 1 == 1,
                deadline: (last & 1 == 1).then_some(last % 50),
            },
            16..=24 => Self::Transmit,
            25..=34 => Self::Answer {
                which,
                well: more & 3 != 0,
            },
            35..=39 => Self::Event {
                class: class(more),
                which,
            },
            40 => Self::Deregister { which },
            41..=43 => Self::Abandon { which },
            44..=46 => Self::Pass {
                seconds: which % 24,
            },
            47 => Self::Ping,
            48..=54 => Self::OnStream {
                which,
                frame: frame(more, last),
            },
            55 | 56 => Self::Send {
                which,
                count: more % 50,
            },
            57 => Self::SendHole {
                which,
                length: more % 16,
            },
            58 | 59 => Self::Finish { which, deadline },
            60 => Self::Abort { which },
            // What ends the connection is rare, or nothing else would be tried.
            61 if last < 8 => match more % 3 {
                0 => Self::RepeatReply { which },
                1 => Self::ReplyGoesOn { which },
                _ => Self::Eof,
            },
            61 => Self::UnknownEvent,
            _ => Self::Transmit,
        }
    }
}

fn class(number: u8) -> Class {
    match number % 3 {
        0 => Class::Domain,
        1 => Class::StoragePool,
        _ => Class::QemuMonitor,
    }
}

fn what(number: u8) -> What {
    let mode = |send, receive, sparse| {
        What::Stream(StreamMode {
            send,
            receive,
            sparse,
            length: (send && !receive).then_some(UPLOAD),
        })
    };
    match number % 32 {
        0..=5 => What::Register(class(number / 32)),
        6..=8 => mode(false, true, false),
        9 => mode(false, true, true),
        10..=12 => mode(true, false, false),
        13 => mode(true, false, true),
        14 | 15 => mode(true, true, false),
        16 => What::Open,
        17 if number > 224 => What::Close,
        _ => What::Plain,
    }
}

fn frame(number: u8, more: u8) -> Frame {
    match number % 16 {
        0..=7 => Frame::Data(more % 8 + 1),
        8 | 9 => Frame::Last,
        10 | 11 => Frame::Hole(more.cast_signed()),
        12..=14 => Frame::Confirm,
        _ => Frame::Error,
    }
}
