//! An asynchronous client of libvirt's native RPC protocol, in Rust alone.

#![forbid(unsafe_code)]
