//! 1 GiB up into a volume and down again, beside libvirt's own library, and the memory it takes.
//!
//! ```text
//! DROVER_TEST_LIBVIRT_URI='test+unix:///default?socket=/run/libvirt/libvirt-sock' \
//!     cargo bench -p drover-rpc --bench streams -- [ROUNDS]
//! ```
//! The volume is in a pool of the QEMU driver of the same daemon, in `/dev/shm` of its host, so that
//! no disk is measured; both are removed afterwards. The peer is built here.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../common/mod.rs"]
mod common;
mod ours;
mod volume;

use std::process::Command;

use drover_rpc::Uri;

use crate::common::peers;
use crate::common::report::{self, Target, Wanted};

const BYTES: u64 = 1 << 30;
/// By then every buffer has its size: from here on memory has to be constant.
const EARLY: u64 = 64 << 20;
const ROUNDS: usize = 11;
/// What the client's own buffers take at any time, if the other side is slow: 1 MiB that waits, and as
/// much on its way out. In KiB.
const CONSTANT: f64 = 2_048.0;

/// What a client came to, in each round.
#[derive(Default)]
struct Samples {
    rate: Vec<f64>,
    cpu: Vec<f64>,
    peak: Vec<f64>,
    growth: Vec<f64>,
}

fn main() {
    if let Some(words) = common::ours() {
        return ours::run(&words);
    }
    let Some(uri) = common::uri() else {
        return;
    };
    let rounds = std::env::args().find_map(|word| word.parse().ok());
    let rounds = rounds.unwrap_or(ROUNDS);
    let packages = ["gcc", "libc6-dev", "libvirt-dev"];
    let library = peers::c("streams/libvirt.c", &packages, &["-lvirt"]);
    let runtime = common::one_thread();
    let uri = common::qemu(&uri);
    // A connection of its own each time: one that nobody serves while others are measured is cut.
    runtime.block_on(async {
        let client = common::connect(&uri).await;
        report::place(&client).await;
        volume::make(&client, BYTES).await;
    });
    let measured = std::panic::catch_unwind(|| {
        ["up", "down"].map(|way| measure(&uri, library.as_deref().map(Command::new), way, rounds))
    });
    runtime.block_on(async { volume::remove(&common::connect(&uri).await).await });
    let measured = measured.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    println!("Medians of {rounds} rounds of 1 GiB for each client, in turns.\n");
    tell(&measured);
}

fn measure(
    uri: &Uri,
    mut library: Option<Command>,
    way: &'static str,
    rounds: usize,
) -> (&'static str, [Samples; 3]) {
    let mut samples: [Samples; 3] = Default::default();
    for round in 0..rounds {
        for turn in 0..samples.len() {
            let at = (round + turn) % samples.len();
            match (at, &mut library) {
                (2, Some(library)) => samples[at].take_theirs(library, uri, way),
                (2, None) => {}
                _ => samples[at].take_ours(at + 1, uri, way),
            }
        }
    }
    (way, samples)
}

fn words(uri: &Uri, way: &str) -> [String; 5] {
    let volume = [volume::POOL, volume::NAME, way].map(str::to_owned);
    let [pool, name, way] = volume;
    [common::text(uri), pool, name, way, BYTES.to_string()]
}

impl Samples {
    fn take_ours(&mut self, threads: usize, uri: &Uri, way: &str) {
        let mut command = common::ourselves();
        command.arg(threads.to_string()).args(words(uri, way));
        let [elapsed, cpu, peak, growth] = peers::numbers(&mut command);
        self.take(elapsed, cpu, peak);
        self.growth.push(growth);
    }

    fn take_theirs(&mut self, library: &Command, uri: &Uri, way: &str) {
        let mut command = Command::new(library.get_program());
        let [elapsed, cpu, peak] = peers::numbers(command.args(words(uri, way)));
        self.take(elapsed, cpu, peak);
    }

    fn take(&mut self, elapsed: f64, cpu: f64, peak: f64) {
        self.rate
            .push(BYTES as f64 / f64::from(1 << 20) * 1e6 / elapsed);
        self.cpu.push(cpu);
        self.peak.push(peak);
    }
}

fn tell(measured: &[(&str, [Samples; 3])]) {
    let names = [
        "drover-rpc, one thread",
        "drover-rpc, two threads",
        "libvirt.so",
    ];
    let middle = |values: &Vec<f64>| report::median(values.iter().copied());
    report::head(&["way", "client", "MiB/s", "CPU", "peak RSS"]);
    for (way, samples) in measured {
        for (name, samples) in names.iter().zip(samples) {
            report::row(&[
                (*way).to_owned(),
                (*name).to_owned(),
                format!("{:.0}", middle(&samples.rate)),
                format!("{:.0} ms", middle(&samples.cpu) / 1e3),
                format!("{:.1} MiB", middle(&samples.peak) / 1_024.0),
            ]);
        }
    }
    let targets: Vec<Target> = measured
        .iter()
        .flat_map(|(way, [ours, _, library])| {
            let most = ours.growth.iter().copied().fold(f64::NAN, f64::max);
            [
                Target {
                    what: format!("{way}: throughput through libvirt.so's"),
                    measured: report::ratio(&ours.rate, &library.rate),
                    wanted: Wanted::AtLeast(1.0),
                },
                Target {
                    what: format!("{way}: growth of the peak after {} MiB, KiB", EARLY >> 20),
                    measured: most,
                    wanted: Wanted::AtMost(CONSTANT),
                },
            ]
        })
        .collect();
    report::verdicts(&targets);
}
