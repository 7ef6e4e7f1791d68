//! Calls a second and processor time per call, beside libvirt's own C library in the same run.
//!
//! ```text
//! DROVER_TEST_LIBVIRT_URI=test+tcp://10.77.0.12:16509/default cargo bench -p drover-rpc
//! ```
//! The C library is taken from the package libvirt-dev, which is installed if it is missing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use drover_rpc::{Client, ConnectOptions, Uri};
use tokio::runtime::Builder;

const SECONDS: u64 = 3;
const ROUNDS: usize = 3;
const DEPTHS: [usize; 2] = [1, 4];

/// One measurement.
#[derive(Clone, Copy)]
struct Sample {
    calls: f64,
    cpu_micros: f64,
    elapsed_micros: f64,
}

impl Sample {
    fn per_second(&self) -> f64 {
        self.calls * 1e6 / self.elapsed_micros
    }

    fn cpu_per_call(&self) -> f64 {
        self.cpu_micros / self.calls
    }
}

fn main() {
    let Ok(text) = std::env::var("DROVER_TEST_LIBVIRT_URI") else {
        println!("DROVER_TEST_LIBVIRT_URI is not set: it names the libvirtd to call.");
        return;
    };
    let uri: Uri = text.parse().expect("a URI");
    let library = build_library_peer();
    println!("CONNECT_GET_LIB_VERSION at {text}, median of {ROUNDS} runs of {SECONDS} s\n");
    println!("| client | depth | calls/s | CPU per call |");
    println!("|---|---|---|---|");
    for depth in DEPTHS {
        // In turns, so that a noisy moment is shared.
        let mut ours = Vec::new();
        let mut ours_threaded = Vec::new();
        let mut theirs = Vec::new();
        for _ in 0..ROUNDS {
            ours.push(run_ours(&uri, depth, false));
            ours_threaded.push(run_ours(&uri, depth, true));
            if let Some(library) = &library {
                theirs.push(run_library(library, &text, depth));
            }
        }
        print("drover-rpc, one thread", depth, ours);
        print("drover-rpc, two threads", depth, ours_threaded);
        print("libvirt's C library", depth, theirs);
    }
}

fn print(name: &str, depth: usize, mut samples: Vec<Sample>) {
    samples.sort_by(|one, other| one.per_second().total_cmp(&other.per_second()));
    let Some(median) = samples.get(samples.len() / 2) else {
        return;
    };
    println!(
        "| {name} | {depth} | {:.0} | {:.1} µs |",
        median.per_second(),
        median.cpu_per_call()
    );
}

fn run_ours(uri: &Uri, depth: usize, threaded: bool) -> Sample {
    let mut builder = if threaded {
        Builder::new_multi_thread()
    } else {
        Builder::new_current_thread()
    };
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure(uri, depth))
}

async fn measure(uri: &Uri, depth: usize) -> Sample {
    let client = Client::connect(uri, ConnectOptions::default())
        .await
        .unwrap();
    let start = Instant::now();
    let used = cpu_micros();
    let end = start + Duration::from_secs(SECONDS);
    let tasks: Vec<_> = (0..depth)
        .map(|_| tokio::spawn(call_until(client.clone(), end)))
        .collect();
    let mut calls = 0;
    for task in tasks {
        calls += task.await.unwrap();
    }
    Sample {
        calls: f64::from(calls),
        cpu_micros: cpu_micros() - used,
        elapsed_micros: start.elapsed().as_secs_f64() * 1e6,
    }
}

async fn call_until(client: Client, end: Instant) -> u32 {
    let mut calls = 0;
    while Instant::now() < end {
        client.connect_get_lib_version().await.unwrap();
        calls += 1;
    }
    calls
}

/// What this process has used, from the kernel's counters.
fn cpu_micros() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: f64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum();
    // A tick is a hundredth of a second on every Linux that matters.
    ticks * 10_000.0
}

/// The program that calls through libvirt's library, if it can be built.
fn build_library_peer() -> Option<PathBuf> {
    if !PathBuf::from("/usr/include/libvirt/libvirt.h").exists() {
        println!("installing libvirt-dev, for the comparison with libvirt's own library");
        let install = Command::new("apt-get")
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(["libvirt-dev", "gcc", "libc6-dev"])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .output();
        if !install.is_ok_and(|output| output.status.success()) {
            println!("could not: apt-get install libvirt-dev gcc libc6-dev");
            return None;
        }
    }
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/calls/libvirt.c");
    let program = std::env::temp_dir().join("drover-bench-libvirt");
    let built = Command::new("cc")
        .args(["-O2", "-pthread", "-o"])
        .arg(&program)
        .args([source, "-lvirt"])
        .status();
    if built.is_ok_and(|status| status.success()) {
        Some(program)
    } else {
        println!("could not build {source}");
        None
    }
}

fn run_library(program: &PathBuf, uri: &str, depth: usize) -> Sample {
    let output = Command::new(program)
        .args([uri, &depth.to_string(), &SECONDS.to_string()])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    let [calls, cpu_micros, elapsed_micros] = numbers[..] else {
        panic!("libvirt's library could not call {uri}");
    };
    Sample {
        calls,
        cpu_micros,
        elapsed_micros,
    }
}
