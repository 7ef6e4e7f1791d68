//! Frames, in whatever pieces they come.

use super::server::frame;
use super::{LIB_VERSION, Pair};
use crate::frame::{FrameError, FrameReader, Header, Kind, MAX_FRAME, Status};
use crate::program::REMOTE;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn read_all(bytes: &[u8]) -> Result<Vec<(Header, Vec<u8>)>, FrameError> {
    let mut reader = FrameReader::default();
    let mut rest = bytes;
    let mut frames = Vec::new();
    while let Some((header, body)) = reader.read(&mut rest)? {
        frames.push((header, body.into_owned()));
    }
    Ok(frames)
}

#[test]
fn a_call_is_the_frame_that_libvirt_sends() {
    let mut pair = Pair::new();
    pair.call(LIB_VERSION);
    let mut bytes = Vec::new();
    assert!(pair.client.transmit(&mut bytes));
    let captured = "0000001c 20008086 00000001 0000009d 00000000 00000001 00000000";
    assert_eq!(bytes, hex(captured));
}

#[test]
fn a_captured_reply_is_read() {
    let mut pair = Pair::new();
    let id = pair.call(LIB_VERSION);
    pair.pump();
    let captured =
        hex("00000024 20008086 00000001 0000009d 00000001 00000001 00000000 00000000 00a7e478");
    pair.client.handle_input(pair.now, &captured);
    assert_eq!(
        pair.told(),
        [super::well(id, &11_003_000_u64.to_be_bytes())]
    );
}

#[test]
fn lengths_outside_the_protocol_end_the_connection_before_memory_is_taken() {
    for length in [0, 3, 4, 27, 33_554_437, u32::MAX] {
        let error = read_all(&length.to_be_bytes()).unwrap_err();
        assert_eq!(error, FrameError::Length(length));
    }
    for length in [28_u32, 33_554_436] {
        assert_eq!(read_all(&length.to_be_bytes()).unwrap(), []);
    }
}

#[test]
fn unknown_types_and_statuses_are_refused() {
    let header = "0000001c 20008086 00000001 0000009d";
    let kind = hex(&format!("{header} 00000007 00000001 00000000"));
    assert_eq!(read_all(&kind).unwrap_err(), FrameError::Kind(7));
    let status = hex(&format!("{header} 00000001 00000001 00000003"));
    assert_eq!(read_all(&status).unwrap_err(), FrameError::Status(3));
}

#[test]
fn frames_are_the_same_in_any_pieces() {
    let header = Header {
        program: REMOTE,
        version: 1,
        procedure: -7,
        kind: Kind::StreamHole,
        serial: u32::MAX,
        status: Status::Continue,
    };
    let bodies: [&[u8]; 4] = [b"", b"a", b"odd length", &[7; 1000]];
    let bytes: Vec<u8> = bodies
        .iter()
        .flat_map(|body| frame(&header, body))
        .collect();
    for size in [1, 2, 3, 4, 5, 27, 28, 29, 100, 1024, 4096] {
        let mut reader = FrameReader::default();
        let mut read = Vec::new();
        for mut piece in bytes.chunks(size) {
            while let Some((seen, body)) = reader.read(&mut piece).unwrap() {
                assert_eq!(seen, header);
                read.push(body.into_owned());
            }
            assert!(piece.is_empty());
        }
        assert_eq!(read, bodies);
    }
}

#[test]
fn the_largest_frame_is_read() {
    let header = Header {
        program: REMOTE,
        version: 1,
        procedure: 1,
        kind: Kind::Reply,
        serial: 1,
        status: Status::Ok,
    };
    let bytes = frame(&header, &vec![1; MAX_FRAME - 28]);
    let frames = read_all(&bytes).unwrap();
    assert_eq!(frames[0].1.len(), MAX_FRAME - 28);
}
