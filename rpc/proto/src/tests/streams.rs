//! Byte streams, both ways.

use super::server::error;
use super::{Pair, Request, on_stream, plain, seconds, well};
use crate::call::CallId;
use crate::connection::Output;
use crate::error::{CloseReason, StreamError};
use crate::frame::{Kind, MIN_FRAME, STREAM_CHUNK, Status};
use crate::stream::{StreamBytes, StreamEvent, StreamMode};

const UPLOAD: i32 = 208;
const DOWNLOAD: i32 = 209;

const READ: StreamMode = StreamMode {
    send: false,
    receive: true,
    sparse: false,
    length: None,
};

fn write(length: u64) -> StreamMode {
    StreamMode {
        send: true,
        receive: false,
        sparse: false,
        length: Some(length),
    }
}

fn open(pair: &mut Pair, procedure: i32, mode: StreamMode) -> (CallId, Request) {
    let id = pair.client.call(plain(procedure).stream(mode)).unwrap();
    let request = pair.pump().remove(0);
    pair.reply(&request, &[]);
    assert_eq!(pair.told(), [well(id, &[])]);
    (id, request)
}

fn statuses(pair: &mut Pair) -> Vec<Status> {
    pair.pump()
        .iter()
        .map(|frame| frame.header.status)
        .collect()
}

#[test]
fn a_download_ends_when_the_server_confirms() {
    let mut pair = Pair::new();
    let (id, request) = open(&mut pair, DOWNLOAD, READ);
    pair.deliver(&request.data(), b"odd");
    pair.deliver(&request.data(), b"");
    let finish = pair.pump().remove(0);
    assert_eq!(finish.header, request.end());
    let data = on_stream(id, StreamEvent::Data(b"odd".to_vec()));
    assert_eq!(pair.told(), [data]);
    pair.deliver(&request.end(), &[]);
    assert_eq!(pair.told(), [on_stream(id, StreamEvent::Finished)]);
    // What comes after the end was under way.
    pair.deliver(&request.data(), b"late");
    assert_eq!(pair.told(), []);
    assert_eq!(pair.client.stream_finish(id, None), Err(StreamError::Gone));
}

#[test]
fn an_upload_is_cut_into_frames_and_confirmed() {
    let mut pair = Pair::new();
    let bytes = vec![7; 2 * STREAM_CHUNK + 5];
    let (id, request) = open(&mut pair, UPLOAD, write(bytes.len() as u64));
    assert_eq!(pair.client.stream_send(id, &bytes), Ok(bytes.len()));
    pair.client.stream_finish(id, Some(seconds(9))).unwrap();
    let frames = pair.pump();
    let sizes: Vec<usize> = frames.iter().map(|frame| frame.body.len()).collect();
    assert_eq!(sizes, [STREAM_CHUNK, STREAM_CHUNK, 5, 0]);
    assert_eq!(frames[3].header, request.end());
    assert_eq!(pair.client.poll_timeout(), Some(seconds(9)));
    pair.deliver(&request.end(), &[]);
    assert_eq!(pair.told(), [on_stream(id, StreamEvent::Finished)]);
    assert_eq!(pair.client.poll_timeout(), None);
}

#[test]
fn neither_more_nor_less_than_announced_is_sent() {
    let mut pair = Pair::new();
    let (id, _) = open(&mut pair, UPLOAD, write(5));
    assert_eq!(pair.client.stream_send(id, b"123"), Ok(3));
    let over = StreamError::OverLength { asked: 3, left: 2 };
    assert_eq!(pair.client.stream_send(id, b"456"), Err(over));
    assert_eq!(
        pair.client.stream_finish(id, None),
        Err(StreamError::Incomplete(2))
    );
    assert_eq!(pair.client.stream_send(id, b"45"), Ok(2));
    assert_eq!(pair.client.stream_finish(id, None), Ok(()));
    assert_eq!(pair.client.stream_send(id, b""), Err(StreamError::Gone));
}

#[test]
fn a_full_stream_takes_no_more_until_there_is_room() {
    let mut pair = Pair::new();
    let (id, _) = open(&mut pair, UPLOAD, write(10 << 20));
    let bytes = vec![7; 2 << 20];
    assert_eq!(pair.client.stream_send(id, &bytes), Ok(4 * STREAM_CHUNK));
    assert_eq!(pair.client.stream_send(id, &bytes), Ok(0));
    assert_eq!(pair.told(), []);
    let mut out = Vec::new();
    pair.client.transmit(&mut out);
    assert_eq!(pair.told(), [on_stream(id, StreamEvent::Writable)]);
    pair.client.transmit(&mut out);
    assert_eq!(pair.told(), []);
    assert_eq!(pair.client.stream_send(id, &bytes), Ok(2 * STREAM_CHUNK));
}

#[test]
fn bytes_in_memory_of_their_own_go_out_as_they_are() {
    let mut pair = Pair::new();
    let (id, request) = open(&mut pair, UPLOAD, write(5 * STREAM_CHUNK as u64 + 2));
    let of = |byte| StreamBytes::copy_of(&vec![byte; STREAM_CHUNK + 9], Vec::new());
    assert_eq!(of(0).len(), STREAM_CHUNK);
    for byte in 0..4 {
        let left = pair.client.stream_send_whole(id, of(byte)).unwrap();
        assert!(left.is_none());
    }
    // All of it or nothing.
    let left = pair.client.stream_send_whole(id, of(4)).unwrap().unwrap();
    assert_eq!(pair.told(), []);
    let mut out = Vec::new();
    pair.client.transmit(&mut out);
    assert_eq!(pair.told(), [on_stream(id, StreamEvent::Writable)]);
    assert_eq!(out.len(), MIN_FRAME + STREAM_CHUNK);
    out.clear();
    pair.client.transmit(&mut out);
    // What went out first makes room for what goes in next.
    let memory = pair.client.stream_memory(id).unwrap();
    assert_eq!(memory.capacity(), MIN_FRAME + STREAM_CHUNK);
    let left = pair.client.stream_send_whole(id, left).unwrap();
    assert!(left.is_none());
    let mut last = StreamBytes::copy_of(b"1", memory);
    assert_eq!(last.append(b"23"), 2);
    let over = StreamError::OverLength { asked: 3, left: 2 };
    let refused = pair.client.stream_send_whole(id, last);
    assert_eq!(refused.unwrap_err(), over);
    let last = StreamBytes::copy_of(b"12", Vec::new());
    assert!(pair.client.stream_send_whole(id, last).unwrap().is_none());
    let frames = pair.pump();
    assert_eq!(frames[3].body, b"12");
    assert_eq!(frames[3].header, request.data());
    assert!(frames[0].body.iter().all(|byte| *byte == 2));
}

#[test]
fn calls_go_before_streams_and_streams_take_turns() {
    let mut pair = Pair::new();
    let (first, _) = open(&mut pair, UPLOAD, write(1 << 20));
    let (second, _) = open(&mut pair, UPLOAD, write(1 << 20));
    for id in [first, second] {
        pair.client.stream_send(id, &vec![7; 1 << 20]).unwrap();
    }
    pair.call(super::GET_INFO);
    let frames = pair.pump();
    assert_eq!(frames[0].procedure(), super::GET_INFO);
    let serials: Vec<u32> = frames[1..5]
        .iter()
        .map(|frame| frame.header.serial)
        .collect();
    assert_eq!((serials[0], serials[1]), (serials[2], serials[3]));
    assert_ne!(serials[0], serials[1]);
}

#[test]
fn holes_only_where_they_were_asked_for() {
    let mut pair = Pair::new();
    let (id, _) = open(&mut pair, UPLOAD, write(5));
    assert_eq!(pair.client.stream_hole(id, 1), Err(StreamError::NotSparse));
    let sparse = StreamMode {
        sparse: true,
        ..write(1 << 20)
    };
    let (id, _) = open(&mut pair, UPLOAD, sparse);
    assert_eq!(pair.client.stream_hole(id, 1 << 20), Ok(()));
    let frame = pair.pump().remove(0);
    assert_eq!(frame.header.kind, Kind::StreamHole);
    assert_eq!(frame.body, [0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]);
    assert_eq!(pair.client.stream_finish(id, None), Ok(()));
}

#[test]
fn holes_that_come() {
    let mut pair = Pair::new();
    let sparse = StreamMode {
        sparse: true,
        ..READ
    };
    let (id, request) = open(&mut pair, DOWNLOAD, sparse);
    let hole = request.with(Kind::StreamHole, Status::Continue);
    pair.deliver(&hole, &[0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]);
    assert_eq!(pair.told(), [on_stream(id, StreamEvent::Hole(1 << 20))]);
    // A length below zero is none.
    pair.deliver(&hole, &[0xff; 12]);
    let failed = StreamEvent::Failed(StreamError::Unexpected("a hole without a length"));
    assert_eq!(pair.told(), [on_stream(id, failed)]);
    assert_eq!(statuses(&mut pair), [Status::Error]);

    let (id, request) = open(&mut pair, DOWNLOAD, READ);
    let hole = request.with(Kind::StreamHole, Status::Continue);
    pair.deliver(&hole, &[0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]);
    let failed = StreamEvent::Failed(StreamError::Unexpected("a hole that was not asked for"));
    assert_eq!(pair.told(), [on_stream(id, failed)]);
}

#[test]
fn a_stream_given_up_is_silent_until_the_server_confirms() {
    let mut pair = Pair::new();
    let (id, request) = open(&mut pair, DOWNLOAD, READ);
    pair.client.stream_abort(id);
    let abort = pair.pump().remove(0);
    assert_eq!(abort.header, request.with(Kind::Stream, Status::Error));
    pair.deliver(&request.data(), b"under way");
    pair.deliver(&request.data(), b"");
    pair.deliver(&request.end(), &[]);
    assert_eq!(pair.told(), []);
    assert!(pair.pump().is_empty());
}

#[test]
fn a_call_given_up_while_its_stream_opens_takes_the_stream_along() {
    let mut pair = Pair::new();
    let id = pair.client.call(plain(DOWNLOAD).stream(READ)).unwrap();
    let request = pair.pump().remove(0);
    pair.client.abandon(id);
    assert!(pair.pump().is_empty());
    pair.reply(&request, &[]);
    assert_eq!(statuses(&mut pair), [Status::Error]);
    pair.deliver(&request.end(), &[]);
    assert_eq!(pair.told(), []);
}

#[test]
fn bytes_for_a_call_given_up_while_its_stream_opens_are_not_told() {
    let mut pair = Pair::new();
    let id = pair.client.call(plain(DOWNLOAD).stream(READ)).unwrap();
    let request = pair.pump().remove(0);
    pair.client.abandon(id);
    pair.deliver(&request.data(), b"fast");
    assert_eq!(pair.told(), []);
    pair.reply(&request, &[]);
    assert_eq!(statuses(&mut pair), [Status::Error]);
}

#[test]
fn a_stream_given_up_while_it_is_full_does_not_ask_for_more() {
    let mut pair = Pair::new();
    let (id, _) = open(&mut pair, UPLOAD, write(10 << 20));
    pair.client.stream_send(id, &vec![7; 2 << 20]).unwrap();
    pair.client.stream_abort(id);
    assert_eq!(statuses(&mut pair), [Status::Error]);
    assert_eq!(pair.told(), []);
}

#[test]
fn frames_of_a_stream_that_is_over_are_passed_over() {
    let endings: [fn(&mut Pair, CallId, &Request); 4] = [
        |pair, id, request| {
            pair.client.stream_finish(id, None).unwrap();
            pair.pump();
            pair.deliver(&request.end(), &[]);
        },
        |pair, id, request| {
            pair.client.stream_abort(id);
            pair.pump();
            pair.deliver(&request.end(), &[]);
        },
        |pair, _, request| {
            let failed = request.with(Kind::Stream, Status::Error);
            pair.deliver(&failed, &error(39, 38, "stream had unexpected termination"));
        },
        // Nobody asked for this end.
        |pair, _, request| pair.deliver(&request.end(), &[]),
    ];
    for end in endings {
        let mut pair = Pair::new();
        let (id, request) = open(&mut pair, DOWNLOAD, READ);
        end(&mut pair, id, &request);
        pair.told();
        for kind in [Kind::Stream, Kind::StreamHole] {
            for status in [Status::Ok, Status::Error, Status::Continue] {
                pair.deliver(&request.with(kind, status), &[0; 12]);
            }
        }
        assert_eq!((pair.told(), pair.client.closed()), (vec![], None));
        assert!(pair.pump().is_empty());
    }
}

#[test]
fn a_stream_whose_call_failed_is_none() {
    let mut pair = Pair::new();
    let id = pair.client.call(plain(DOWNLOAD).stream(READ)).unwrap();
    let request = pair.pump().remove(0);
    pair.deliver(&request.error(), &error(50, 18, "no storage vol"));
    assert_eq!(pair.told().len(), 1);
    assert_eq!(pair.client.stream_finish(id, None), Err(StreamError::Gone));
    pair.deliver(&request.data(), b"nothing");
    assert_eq!(pair.told(), []);
}

#[test]
fn an_error_of_the_server_ends_the_stream_alone() {
    let mut pair = Pair::new();
    let (id, request) = open(&mut pair, DOWNLOAD, READ);
    let body = error(39, 38, "stream had unexpected termination");
    pair.deliver(&request.with(Kind::Stream, Status::Error), &body);
    let told = pair.told();
    let [Output::Stream { stream, event }] = &told[..] else {
        panic!("{told:?}");
    };
    assert!(matches!(
        event,
        StreamEvent::Failed(StreamError::Libvirt(_))
    ));
    assert_eq!(*stream, id);
    assert_eq!(pair.client.closed(), None);
}

#[test]
fn the_end_of_an_upload_by_the_server_is_a_failure() {
    let mut pair = Pair::new();
    let (id, request) = open(&mut pair, UPLOAD, write(10));
    pair.deliver(&request.data(), b"");
    let failed = StreamEvent::Failed(StreamError::EndedEarly);
    assert_eq!(pair.told(), [on_stream(id, failed)]);
    assert_eq!(statuses(&mut pair), [Status::Error]);
}

#[test]
fn a_finish_that_is_not_confirmed_fails_in_time() {
    let mut pair = Pair::new();
    let (id, _) = open(&mut pair, UPLOAD, write(0));
    pair.client.stream_finish(id, Some(seconds(60))).unwrap();
    pair.pump();
    assert_eq!(pair.wake(), seconds(60));
    let failed = StreamEvent::Failed(StreamError::Timeout);
    assert_eq!(pair.told(), [on_stream(id, failed)]);
}

#[test]
fn the_end_of_the_connection_ends_its_streams() {
    let mut pair = Pair::new();
    let (id, _) = open(&mut pair, DOWNLOAD, READ);
    pair.client.handle_eof();
    let failed = StreamEvent::Failed(StreamError::Closed(CloseReason::Eof));
    assert_eq!(
        pair.told(),
        [on_stream(id, failed), Output::Closed(CloseReason::Eof)]
    );
}

#[test]
fn both_ways_at_once() {
    let mut pair = Pair::new();
    let console = StreamMode { send: true, ..READ };
    let (id, request) = open(&mut pair, 201, console);
    assert_eq!(pair.client.stream_send(id, b"ls\n"), Ok(3));
    assert_eq!(pair.pump()[0].body, b"ls\n");
    pair.deliver(&request.data(), b"bin etc");
    pair.deliver(&request.data(), b"");
    assert_eq!(statuses(&mut pair), [Status::Ok]);
    pair.deliver(&request.end(), &[]);
    assert_eq!(pair.told().len(), 2);
}

#[test]
fn bytes_may_be_faster_than_the_reply_and_the_end_may_not() {
    let mut pair = Pair::new();
    let id = pair.client.call(plain(DOWNLOAD).stream(READ)).unwrap();
    let request = pair.pump().remove(0);
    pair.deliver(&request.data(), b"fast");
    let data = on_stream(id, StreamEvent::Data(b"fast".to_vec()));
    assert_eq!(pair.told(), [data]);
    pair.reply(&request, &[]);
    assert_eq!(pair.told(), [well(id, &[])]);
    pair.deliver(&request.data(), b"");
    pair.pump();
    pair.deliver(&request.end(), &[]);
    assert_eq!(pair.told(), [on_stream(id, StreamEvent::Finished)]);

    pair.client.call(plain(DOWNLOAD).stream(READ)).unwrap();
    let request = pair.pump().remove(0);
    pair.deliver(&request.end(), &[]);
    assert!(matches!(
        pair.client.closed(),
        Some(CloseReason::Unexpected(_))
    ));
}
