//! XDR (RFC 4506): bounded encoding and decoding that cannot panic.

#![forbid(unsafe_code)]
