//! The lab: a real control plane and real libvirt hosts on one machine, and the end-to-end tests.

#![forbid(unsafe_code)]
