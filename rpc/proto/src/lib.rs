//! libvirt's RPC protocol without I/O: the types of every procedure and the connection as a state machine.

#![forbid(unsafe_code)]
