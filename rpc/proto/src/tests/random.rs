//! Any bytes. Any order of what makes sense is in `tests/interleavings.rs`.

use proptest::prelude::*;

use super::{Pair, plain};
use crate::connection::Config;
use crate::frame::{Kind, Status};

proptest! {
    #[test]
    fn no_bytes_do_harm(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16)) {
        let mut pair = Pair::with(Config::default());
        pair.call(16);
        pair.pump();
        for piece in &pieces {
            pair.client.handle_input(pair.now, piece);
            pair.pump();
            pair.told();
        }
    }

    #[test]
    fn no_well_formed_frames_do_harm(
        frames in prop::collection::vec((0..4_usize, 0..400_i32, 0..7_i32, 0..6_u32, 0..3_i32, prop::collection::vec(any::<u8>(), 0..32)), 0..32),
    ) {
        let mut pair = Pair::with(Config::default());
        for procedure in [16, 209, 316] {
            pair.client.call(plain(procedure).stream(crate::StreamMode { receive: true, ..Default::default() })).unwrap();
        }
        pair.pump();
        for (program, procedure, kind, serial, status, body) in frames {
            let header = crate::frame::Header {
                program: [crate::program::REMOTE, crate::program::QEMU, crate::program::KEEPALIVE, 7][program],
                version: 1,
                procedure,
                kind: Kind::try_from(kind).unwrap(),
                serial,
                status: Status::try_from(status).unwrap(),
            };
            pair.deliver(&header, &body);
            pair.pump();
            pair.told();
        }
    }
}
