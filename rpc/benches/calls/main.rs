//! Calls a second, processor time per call and how long a call takes, beside libvirt's own library, a
//! raw loop around a socket in C, and go-libvirt.
//!
//! ```text
//! DROVER_TEST_LIBVIRT_URI='test+unix:///default?socket=/run/libvirt/libvirt-sock' \
//!     cargo bench -p drover-rpc --bench calls -- [ROUNDS]
//! ```
//! The peers are built here; what that needs of Debian's packages is installed. Go has to be there.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../common/mod.rs"]
mod common;
mod ours;

use std::path::PathBuf;
use std::process::Command;

use drover_rpc::Uri;

use crate::common::peers;
use crate::common::report::{self, Target, Wanted};

const SECONDS: &str = "1";
// So many because what wakes a processor of a virtual machine takes now more, now less.
const ROUNDS: usize = 15;
/// What is asked, of the domain `test` that the test driver always has, and how many at a time.
const RUNS: [(&str, &str, usize); 4] = [
    ("info", "DOMAIN_GET_INFO", 1),
    ("info", "DOMAIN_GET_INFO", 4),
    ("xml", "DOMAIN_GET_XML_DESC", 1),
    ("xml", "DOMAIN_GET_XML_DESC", 4),
];

/// A program that calls, with the words before those of a run.
struct Caller {
    name: &'static str,
    program: Option<PathBuf>,
    words: Vec<String>,
}

/// What it came to, in each round.
#[derive(Default)]
struct Samples {
    rate: Vec<f64>,
    cpu: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

fn main() {
    if let Some(words) = common::ours() {
        return ours::run(&words);
    }
    let Some(uri) = common::uri() else {
        return;
    };
    // cargo adds `--bench`.
    let rounds = std::env::args().find_map(|word| word.parse().ok());
    let rounds = rounds.unwrap_or(ROUNDS);
    let callers = callers(&uri);
    let runtime = common::one_thread();
    runtime.block_on(async { report::place(&common::connect(&uri).await).await });
    println!("Medians of {rounds} rounds of {SECONDS} s for each client, in turns.\n");
    let (mut all, mut targets) = (Vec::new(), Vec::new());
    for run in RUNS {
        let samples = measure(&callers, run, rounds);
        targets.extend(compare(run, &samples));
        all.push((run, samples));
    }
    report::head(&[
        "call",
        "depth",
        "client",
        "calls/s",
        "CPU per call",
        "p50",
        "p99",
    ]);
    for ((_, call, depth), samples) in &all {
        for (caller, samples) in callers.iter().zip(samples) {
            print(call, *depth, caller.name, samples);
        }
    }
    report::verdicts(&targets);
}

/// Ours is the first; the rest are in the order of [`compare`].
fn callers(uri: &Uri) -> [Caller; 5] {
    let own = vec![common::text(uri)];
    let raw = vec![common::socket(uri).to_owned(), uri.name()];
    let us = std::env::current_exe().unwrap();
    let ours = |threads: &str| {
        let words = ["--ours", threads, &own[0]];
        words.map(str::to_owned).to_vec()
    };
    let library = peers::c(
        "calls/libvirt.c",
        &["gcc", "libc6-dev", "libvirt-dev"],
        &["-lvirt"],
    );
    let loops = peers::c("calls/raw.c", &["gcc", "libc6-dev"], &[]);
    let go = peers::go("calls/go-libvirt");
    let caller = |name, program, words| Caller {
        name,
        program,
        words,
    };
    [
        caller("drover-rpc, one thread", Some(us.clone()), ours("1")),
        caller("drover-rpc, two threads", Some(us), ours("2")),
        caller("libvirt.so", library, own),
        caller("raw loop in C", loops, raw.clone()),
        caller("go-libvirt", go, raw),
    ]
}

// In turns, and not always in the same order, so that a noisy moment is shared.
fn measure(callers: &[Caller; 5], run: (&str, &str, usize), rounds: usize) -> [Samples; 5] {
    let mut samples: [Samples; 5] = Default::default();
    for round in 0..rounds {
        for turn in 0..callers.len() {
            let at = (round + turn) % callers.len();
            samples[at].take(&callers[at], run);
        }
    }
    samples
}

impl Samples {
    fn take(&mut self, caller: &Caller, (ask, _, depth): (&str, &str, usize)) {
        let Some(program) = &caller.program else {
            return;
        };
        let mut command = Command::new(program);
        command.args(&caller.words);
        command.args([ask, &depth.to_string(), SECONDS]);
        let [calls, cpu, elapsed, p50, p99] = peers::numbers(&mut command);
        self.rate.push(calls * 1e6 / elapsed);
        self.cpu.push(cpu / calls);
        self.p50.push(p50 / 1e3);
        self.p99.push(p99 / 1e3);
    }
}

fn print(call: &str, depth: usize, name: &str, samples: &Samples) {
    let middle = |values: &Vec<f64>| report::median(values.iter().copied());
    report::row(&[
        call.to_owned(),
        depth.to_string(),
        name.to_owned(),
        format!("{:.0}", middle(&samples.rate)),
        format!("{:.1} µs", middle(&samples.cpu)),
        format!("{:.0} µs", middle(&samples.p50)),
        format!("{:.0} µs", middle(&samples.p99)),
    ]);
}

fn compare((_, call, depth): (&str, &str, usize), samples: &[Samples; 5]) -> [Target; 4] {
    let [ours, _, library, raw, go] = samples;
    let target = |what, measured, wanted| Target {
        what: format!("{call}, depth {depth}: {what}"),
        measured,
        wanted,
    };
    [
        target(
            "calls/s through libvirt.so's",
            report::ratio(&ours.rate, &library.rate),
            Wanted::AtLeast(1.2),
        ),
        target(
            "calls/s through the raw loop's",
            report::ratio(&ours.rate, &raw.rate),
            Wanted::AtLeast(0.95),
        ),
        target(
            "CPU per call through go-libvirt's",
            report::ratio(&ours.cpu, &go.cpu),
            Wanted::AtMost(0.5),
        ),
        // How much a client can win at all: the rest of the time is the daemon's.
        target(
            "the raw loop's calls/s through libvirt.so's",
            report::ratio(&raw.rate, &library.rate),
            Wanted::Nothing,
        ),
    ]
}
