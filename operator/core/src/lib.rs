//! The deciding part of Drover: plans, schedules and libvirt XML, without I/O and without a clock.

#![forbid(unsafe_code)]
