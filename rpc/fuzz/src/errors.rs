//! The body of an error: read whole, or refused.

use drover_rpc_proto::{LibvirtError, code, net};
use drover_xdr::from_bytes;

/// All of it is the body.
pub fn run(data: &[u8]) {
    let Ok(error) = LibvirtError::from_body(data) else {
        assert!(from_bytes::<net::MessageError>(data).is_err());
        return;
    };
    let Ok(raw) = from_bytes::<net::MessageError>(data) else {
        unreachable!("an error that can be read cannot");
    };
    let mapped = raw.code == code::RPC && error.code == code::NO_SUPPORT;
    assert!(error.code == raw.code || mapped);
    assert_eq!((error.domain, error.level), (raw.domain, raw.level));
    assert_eq!((error.int1, error.int2), (raw.int1, raw.int2));
    assert_eq!(
        (&error.str1, &error.str2, &error.str3),
        (&raw.str1, &raw.str2, &raw.str3)
    );
    let kinds = [error.not_found(), error.exists(), error.invalid_state()];
    assert!(kinds.iter().filter(|is| **is).count() <= 1);
    assert!(error.to_string().contains("libvirt error"));
}
