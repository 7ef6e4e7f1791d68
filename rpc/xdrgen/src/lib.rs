//! A compiler for XDR and RPC language files, libvirt's dialect included.

#![forbid(unsafe_code)]
