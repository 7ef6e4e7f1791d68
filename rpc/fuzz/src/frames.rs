//! Frames: the same in whatever pieces they come, and written as they were read.

use drover_rpc_proto::frame::{FrameError, FrameReader, Header, write_frame};

/// The first byte says how large the pieces are.
pub fn run(data: &[u8]) {
    let Some((size, bytes)) = data.split_first() else {
        return;
    };
    let whole = read(bytes, bytes.len().max(1));
    let pieces = read(bytes, usize::from(*size).max(1));
    assert_eq!(whole, pieces);
    let mut written = Vec::new();
    for (header, body) in &whole.0 {
        write_frame(&mut written, header, body);
    }
    assert!(bytes.starts_with(&written));
}

type Frames = (Vec<(Header, Vec<u8>)>, Option<FrameError>);

fn read(bytes: &[u8], size: usize) -> Frames {
    let mut reader = FrameReader::default();
    let mut frames = Vec::new();
    for mut piece in bytes.chunks(size) {
        loop {
            match reader.read(&mut piece) {
                Ok(Some((header, body))) => frames.push((header, body.into_owned())),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        assert!(piece.is_empty());
    }
    (frames, None)
}
