//! What of the time from `kubectl apply` to `Ready` is the operator's own, on QEMU: one machine at a
//! time, so that the calls to libvirt that end meanwhile are its own.

use std::time::Duration;

use drover_e2e::Lab;
use drover_e2e::hosts::Host;
use serde_json::json;

use crate::audit;
use crate::figures::{Target, load, part};
use crate::fleet::{Fleet, WRITES, placed};
use crate::subject::Subject;

const CALLS: &str = "drover_rpc_call_seconds_sum";

/// Measures it.
pub(crate) async fn run(lab: &Lab, count: Option<usize>) -> Vec<Target> {
    let count = count.unwrap_or(40);
    let subject = Subject::start(lab);
    let fleet = Fleet::new(lab, &[]).await;
    let (mut all, mut server, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..count {
        let host = Host::standard(u8::try_from(number % 2).expect("small") + 1).name;
        let machine = placed(number, &json!({"host": host}));
        let (before, since) = (subject.sum(CALLS), audit::now(lab));
        let ready = fleet.create(&[machine], 1.0).await;
        let calls = Duration::from_secs_f64(subject.sum(CALLS) - before);
        let (took, at_server) = (ready[0].1, fleet.at_server(since, &ready, WRITES)[0]);
        all.push(took);
        server.push(at_server);
        own.push(took.saturating_sub(calls + at_server));
        // Two processors do not run many guests beside what is measured.
        fleet.delete_machines().await;
    }
    fleet.remove().await;
    println!("{count} machines, one after the other, {}", load());
    println!(
        "Own is what is left of apply to Ready without the calls to libvirt that ended meanwhile, and \
         without what the API server took for the four writes."
    );
    vec![
        Target::shown("apply to Ready on QEMU, P50", part(&all, 0.5), "ms"),
        Target::shown("apply to Ready on QEMU, P95", part(&all, 0.95), "ms"),
        Target::shown("of it in the API server, P50", part(&server, 0.5), "ms"),
        Target::shown("of it in the API server, P95", part(&server, 0.95), "ms"),
        Target::shown("own share, P50", part(&own, 0.5), "ms"),
        Target::new("own share, P95", part(&own, 0.95), "ms", 30.0),
    ]
}
