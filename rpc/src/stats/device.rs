//! Statistics of devices.

use std::time::Duration;

/// A network interface, seen from the guest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkDeviceStats {
    /// Its number in the list.
    pub number: u32,
    /// The host's name of it.
    pub name: Option<String>,
    /// Bytes received.
    pub rx_bytes: Option<u64>,
    /// Packets received.
    pub rx_packets: Option<u64>,
    /// Receive errors.
    pub rx_errors: Option<u64>,
    /// Packets dropped on receipt.
    pub rx_dropped: Option<u64>,
    /// Bytes sent.
    pub tx_bytes: Option<u64>,
    /// Packets sent.
    pub tx_packets: Option<u64>,
    /// Send errors.
    pub tx_errors: Option<u64>,
    /// Packets dropped on sending.
    pub tx_dropped: Option<u64>,
}

/// A disk, or with the flag `BACKING` one of its backing files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockDeviceStats {
    /// Its number in the list.
    pub number: u32,
    /// Its `<target dev=…/>`.
    pub name: Option<String>,
    /// Of a backing file, its index.
    pub backing_index: Option<u64>,
    /// Its file or device.
    pub path: Option<String>,
    /// Read requests.
    pub read_requests: Option<u64>,
    /// Bytes read.
    pub read_bytes: Option<u64>,
    /// Time spent reading.
    pub read_time: Option<Duration>,
    /// Write requests.
    pub write_requests: Option<u64>,
    /// Bytes written.
    pub write_bytes: Option<u64>,
    /// Time spent writing.
    pub write_time: Option<Duration>,
    /// Flush requests.
    pub flush_requests: Option<u64>,
    /// Time spent flushing.
    pub flush_time: Option<Duration>,
    /// Errors; Xen's alone.
    pub errors: Option<u64>,
    /// The last byte written of its container.
    pub allocation: Option<u64>,
    /// Its size as the guest sees it, in bytes.
    pub capacity: Option<u64>,
    /// The size of its container, in bytes.
    pub physical: Option<u64>,
    /// The byte at which the event `BLOCK_THRESHOLD` is sent.
    pub threshold: Option<u64>,
}

/// An I/O thread.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IoThreadStats {
    /// Its number.
    pub number: u32,
    /// The longest it polls.
    pub poll_max: Option<Duration>,
    /// By how much the time of polling grows, in ns or as a factor; 0 is QEMU's own.
    pub poll_grow: Option<u64>,
    /// By how much it shrinks.
    pub poll_shrink: Option<u64>,
}
