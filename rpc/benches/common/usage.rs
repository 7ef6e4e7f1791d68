//! What this process has used.

use nix::sys::resource::{Usage, UsageWho, getrusage};

fn usage() -> Usage {
    getrusage(UsageWho::RUSAGE_SELF).expect("the kernel counts")
}

/// Processor time, in microseconds: of the program and of the kernel for it.
pub(crate) fn cpu_micros() -> f64 {
    let usage = usage();
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64)
        .sum()
}

/// The most memory it ever had, in KiB.
pub(crate) fn peak_kib() -> f64 {
    usage().max_rss() as f64
}

/// The memory it has now, in KiB.
pub(crate) fn resident_kib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.and_then(|kib| kib.parse().ok()).expect("VmRSS")
}
