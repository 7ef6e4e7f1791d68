//! How long the statistics of 2,000 domains take, beside libvirt-python.
//!
//! ```text
//! DROVER_TEST_LIBVIRT_URI='test+unix:///default?socket=/run/libvirt/libvirt-sock' \
//!     cargo bench -p drover-rpc --bench stats -- [ROUNDS]
//! ```
//! The domains are the test driver's, and the QEMU driver's of the same daemon, shut off; they are
//! defined before and removed afterwards. libvirt-python is installed from Debian's package.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../common/mod.rs"]
mod common;
mod domains;

use std::process::Command;
use std::time::Instant;

use drover_rpc::flags::{ConnectGetAllDomainStatsFlags, DomainStatsTypes};
use drover_rpc::{Client, Uri};
use futures::FutureExt;

use crate::common::report::{self, Target, Wanted};
use crate::common::{peers, usage};

const DOMAINS: usize = 2_000;
const ROUNDS: usize = 7;
/// How often each program asks in a round.
const TIMES: &str = "9";

/// What a client took, in each round.
#[derive(Default)]
struct Samples {
    values: f64,
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

fn main() {
    let runtime = common::one_thread();
    if let Some(words) = common::ours() {
        return runtime.block_on(ours(&words));
    }
    let Some(uri) = common::uri() else {
        return;
    };
    let rounds = std::env::args().find_map(|word| word.parse().ok());
    let rounds = rounds.unwrap_or(ROUNDS);
    let python = peers::python("stats/libvirt_python.py");
    runtime.block_on(async { report::place(&common::connect(&uri).await).await });
    let drivers = [
        ("test", uri.clone()),
        ("QEMU, shut off", common::qemu(&uri)),
    ];
    let all = drivers.map(|(driver, uri)| {
        let samples = runtime.block_on(measure(&uri, python.as_ref(), rounds));
        (driver, samples)
    });
    println!(
        "{DOMAINS} domains; medians of {rounds} rounds of {TIMES} calls for each, in turns.\n"
    );
    report::head(&["driver", "client", "values", "wall time", "CPU", "the rest"]);
    for (driver, [ours, theirs]) in &all {
        print(driver, "drover-rpc", ours);
        print(driver, "libvirt-python", theirs);
    }
    // The target is for the test driver: QEMU's takes so long that no client makes a difference.
    let targets = all.each_ref().map(|(driver, [ours, theirs])| Target {
        what: format!("{driver}: wall time through libvirt-python's"),
        measured: report::ratio(&ours.wall, &theirs.wall),
        wanted: if *driver == "test" {
            Wanted::AtMost(0.5)
        } else {
            Wanted::Nothing
        },
    });
    report::verdicts(&targets);
}

async fn measure(uri: &Uri, python: Option<&Command>, rounds: usize) -> [Samples; 2] {
    let client = common::connect(uri).await;
    domains::define(&client, DOMAINS).await;
    let mut samples: [Samples; 2] = Default::default();
    // The domains go also when a program fails.
    let measured = std::panic::AssertUnwindSafe(async {
        for _ in 0..rounds {
            samples[0].take(&mut common::ourselves(), uri);
            if let Some(python) = python {
                let mut command = Command::new(python.get_program());
                samples[1].take(command.args(python.get_args()), uri);
            }
        }
    });
    let measured = measured.catch_unwind().await;
    domains::remove(&client).await;
    if let Err(panic) = measured {
        std::panic::resume_unwind(panic);
    }
    samples
}

impl Samples {
    fn take(&mut self, command: &mut Command, uri: &Uri) {
        command.args([&common::text(uri), TIMES]);
        let [domains, values, wall, cpu] = peers::numbers(command);
        assert!(domains >= DOMAINS as f64, "{domains} domains");
        self.values = values;
        self.wall.push(wall);
        self.cpu.push(cpu);
    }
}

fn print(driver: &str, name: &str, samples: &Samples) {
    let millis = |micros: f64| format!("{:.1} ms", micros / 1e3);
    let [wall, cpu] = [&samples.wall, &samples.cpu].map(|all| report::median(all.iter().copied()));
    report::row(&[
        driver,
        name,
        &samples.values.to_string(),
        &millis(wall),
        &millis(cpu),
        &millis(wall - cpu),
    ]);
}

/// `URI TIMES`; prints the same line as the peer.
async fn ours(words: &[String]) {
    let [uri, times] = words else {
        panic!("{words:?}");
    };
    let client = common::connect(&uri.parse().unwrap()).await;
    let ask = |client: Client| async move {
        let groups = DomainStatsTypes::empty();
        let flags = ConnectGetAllDomainStatsFlags::empty();
        client.domain_stats(groups, flags).await.unwrap()
    };
    let mut domains = ask(client.clone()).await;
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..times.parse().unwrap() {
        let (start, used) = (Instant::now(), usage::cpu_micros());
        domains = ask(client.clone()).await;
        wall.push(start.elapsed().as_secs_f64() * 1e6);
        cpu.push(usage::cpu_micros() - used);
    }
    // Of the tree only what is in no group can be counted as the peer counts it.
    let plain = client.connect_get_all_domain_stats(Vec::new(), 0, 0);
    let values: usize = plain
        .await
        .unwrap()
        .iter()
        .map(|record| record.params.len())
        .sum();
    let [wall, cpu] = [wall, cpu].map(report::median);
    println!("{} {values} {wall} {cpu}", domains.len());
}
