//! Numbers of the protocol that the connection itself has to know.

/// Most of libvirt.
pub const REMOTE: u32 = 0x2000_8086;
/// What only QEMU has.
pub const QEMU: u32 = 0x2000_8087;
/// What only LXC has.
pub const LXC: u32 = 0x0006_8000;
/// Are you there?
pub const KEEPALIVE: u32 = 0x6b65_6570;
/// The version of all of them.
pub const VERSION: u32 = 1;

pub(crate) const OPEN: i32 = 1;
pub(crate) const CLOSE: i32 = 2;
pub(crate) const PING: i32 = 1;
pub(crate) const PONG: i32 = 2;
