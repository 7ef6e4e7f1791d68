//! The Kubernetes operator for fleets of plain libvirt hosts.

#![forbid(unsafe_code)]
