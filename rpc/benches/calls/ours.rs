//! Calls through our client; at a depth above 1 from as many tasks.

use std::time::{Duration, Instant};

use drover_rpc::flags::DomainXMLFlags;
use drover_rpc::{Client, ConnectOptions, Domain, Uri};

use crate::common::{one_thread, report, two_threads, usage};

/// `THREADS URI info|xml DEPTH SECONDS`; prints the same line as the peers.
pub(crate) fn run(words: &[String]) {
    let [threads, uri, ask, depth, seconds] = words else {
        panic!("{words:?}");
    };
    let runtime = if threads == "1" {
        one_thread()
    } else {
        two_threads()
    };
    let duration = Duration::from_secs(seconds.parse().unwrap());
    let uri = uri.parse().unwrap();
    runtime.block_on(measure(uri, ask == "xml", depth.parse().unwrap(), duration));
}

async fn measure(uri: Uri, asks_xml: bool, depth: usize, duration: Duration) {
    // All four places are for calls like these.
    let options = ConnectOptions {
        reserved: 0,
        ..ConnectOptions::default()
    };
    let client = Client::connect(&uri, options).await.unwrap();
    let domain = client.domain("test").await.unwrap();
    let start = Instant::now();
    let used = usage::cpu_micros();
    let end = start + duration;
    let tasks: Vec<_> = (0..depth)
        .map(|_| tokio::spawn(call_until(domain.clone(), asks_xml, end)))
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.push(task.await.unwrap());
    }
    let elapsed = start.elapsed().as_secs_f64() * 1e6;
    let used = usage::cpu_micros() - used;
    let times: Vec<f64> = times.concat().iter().map(Duration::as_secs_f64).collect();
    let [p50, p99] = [0.5, 0.99].map(|part| report::part(times.iter().copied(), part) * 1e9);
    println!("{} {used} {elapsed} {p50} {p99}", times.len());
}

async fn call_until(domain: Domain, asks_xml: bool, end: Instant) -> Vec<Duration> {
    let mut times = Vec::with_capacity(1 << 20);
    let mut last = Instant::now();
    while last < end {
        if asks_xml {
            domain.xml(DomainXMLFlags::empty()).await.unwrap();
        } else {
            domain.info().await.unwrap();
        }
        let now = Instant::now();
        times.push(now - last);
        last = now;
    }
    times
}
