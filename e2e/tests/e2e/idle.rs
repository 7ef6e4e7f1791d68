//! While nothing happens, nothing is done: no write but the Lease, no call but keepalive.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use drover_e2e::places::OPERATOR_LISTEN;

use crate::support::{World, audit, state};

/// As long as the promise is.
const WHILE: Duration = Duration::from_secs(60);

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn nothing_is_written_and_nothing_is_called() {
    let world = World::new();
    // The last thing that is looked for after a start.
    world.machine_is("demo", "first", "with an address", |machine| {
        state(machine) == "Running" && machine["status"]["interfaces"][0]["ips"][0].is_string()
    });
    settle();
    let (since, before) = (audit::now(&world.lab), calls());
    std::thread::sleep(WHILE);
    let (writes, after) = (audit::by_operator(&world.lab, since), calls());
    let mut lease = 0;
    for write in &writes {
        assert_eq!(write.resource, "leases", "{write:?}");
        lease += 1;
    }
    println!("{lease} writes of the Lease in {WHILE:?}, no others");
    let total: u64 = after.values().sum();
    println!("{total} calls since the start, in {WHILE:?}:");
    let new: Vec<_> = after
        .iter()
        .filter(|(call, count)| before.get(*call) != Some(count))
        .collect();
    println!("{new:#?}");
    assert!(new.is_empty(), "called while idle: {new:?}");
}

/// Until two looks three seconds apart see the same.
fn settle() {
    let mut last = calls();
    for _ in 0..40 {
        std::thread::sleep(Duration::from_secs(3));
        let now = calls();
        if now == last {
            return;
        }
        last = now;
    }
}

/// How often each procedure was called, from the operator's metrics.
fn calls() -> BTreeMap<String, u64> {
    let mut stream = TcpStream::connect(OPERATOR_LISTEN).unwrap();
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let lines = text
        .lines()
        .filter(|line| line.starts_with("drover_rpc_calls_total{"));
    lines
        .filter_map(|line| {
            let (name, count) = line.rsplit_once(' ')?;
            Some((name.to_owned(), count.parse().ok()?))
        })
        .collect()
}
