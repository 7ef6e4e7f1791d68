//! 10,000 events a second for 10 s: whether one is lost, how far the listener is behind, and how long
//! an event takes.
//!
//! ```text
//! DROVER_TEST_LIBVIRT_URI='test+unix:///default?socket=/run/libvirt/libvirt-sock' \
//!     cargo bench -p drover-rpc --bench events
//! ```
//! Once by libvirtd: another process changes metadata of the test driver's domain `test`, and each
//! change is an event that carries when it was asked for. And once by a script in the place of
//! libvirtd, which keeps to the rate whatever libvirtd can do on this machine.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod cause;
#[path = "../common/mod.rs"]
mod common;
mod listen;
mod script;
mod stamp;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};

use drover_rpc::Uri;

use crate::common::peers;
use crate::common::report::{self, Target, Wanted};

const RATE: usize = 10_000;
const EVENTS: usize = 10 * RATE;
/// How many events wait for a listener before some are lost: a bound of the client.
const QUEUE: f64 = 1_024.0;
/// What a listener prints when it listens.
const LISTENING: &str = "listening";

/// What a listener has seen.
struct Heard {
    events: f64,
    lost: f64,
    rate: f64,
    backlog: f64,
    p50: f64,
    p99: f64,
    cpu: f64,
}

fn main() {
    if let Some(words) = common::ours() {
        match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["listen", uri] => listen::run(uri),
            ["cause", uri] => cause::run(uri),
            _ => panic!("{words:?}"),
        }
        return;
    }
    let Some(uri) = common::uri() else {
        return;
    };
    let runtime = common::one_thread();
    runtime.block_on(async { report::place(&common::connect(&uri).await).await });
    let by_libvirtd = by_libvirtd(&uri);
    let by_script = by_script();
    println!("{EVENTS} events asked for at {RATE} a second, one listener on one thread.");
    println!("Waiting: events that were asked for, or written, and not taken by the listener.\n");
    let columns = [
        "made by",
        "events",
        "lost",
        "events/s",
        "most waiting",
        "p50",
        "p99",
        "CPU",
    ];
    report::head(&columns);
    print("libvirtd", &by_libvirtd);
    print("a script", &by_script);
    let targets = [
        targets("libvirtd", &by_libvirtd),
        targets("a script", &by_script),
    ];
    report::verdicts(targets.as_flattened());
}

fn by_libvirtd(uri: &Uri) -> Heard {
    let uri = common::text(uri);
    let listener = Listener::start(&uri);
    let mut command = common::ourselves();
    let status = command.args(["cause", &uri]).status().unwrap();
    assert!(status.success(), "{status}");
    listener.heard()
}

fn by_script() -> Heard {
    let script = script::Script::start();
    let listener = Listener::start(&script.uri());
    script.make_events();
    listener.heard()
}

/// A process that listens, and does so already.
struct Listener {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Listener {
    fn start(uri: &str) -> Self {
        let mut command = common::ourselves();
        command.args(["listen", uri]).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), LISTENING);
        Self { process, output }
    }

    fn heard(mut self) -> Heard {
        let mut said = String::new();
        self.output.read_to_string(&mut said).unwrap();
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}: {said}");
        let [events, lost, rate, backlog, p50, p99, cpu] = peers::parse(&said);
        Heard {
            events,
            lost,
            rate,
            backlog,
            p50,
            p99,
            cpu,
        }
    }
}

fn print(maker: &str, heard: &Heard) {
    report::row(&[
        maker.to_owned(),
        heard.events.to_string(),
        heard.lost.to_string(),
        format!("{:.0}", heard.rate),
        heard.backlog.to_string(),
        format!("{:.0} µs", heard.p50),
        format!("{:.0} µs", heard.p99),
        format!("{:.1} µs each", heard.cpu),
    ]);
}

fn targets(maker: &str, heard: &Heard) -> [Target; 3] {
    let target = |what, measured, wanted| Target {
        what: format!("by {maker}: {what}"),
        measured,
        wanted,
    };
    // A script that is late by a timer's tick has kept the rate.
    let rate = Wanted::AtLeast(RATE as f64 * 0.99);
    [
        target("events a second", heard.rate, rate),
        target("events lost", heard.lost, Wanted::AtMost(0.0)),
        target("most events waiting", heard.backlog, Wanted::AtMost(QUEUE)),
    ]
}
