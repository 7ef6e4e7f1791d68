//! An operator that starts again beside many machines: how soon each has been looked at, that nothing
//! is written or changed on that account, and what it costs to have them while nothing happens.

use std::time::{Duration, Instant};

use drover_e2e::Lab;
use drover_e2e::hosts::Host;
use drover_rpc::{Client, ConnectOptions};

use crate::audit;
use crate::daemons::Daemons;
use crate::figures::{self, Target, load};
use crate::fleet::{Fleet, LIMIT, machine};
use crate::subject::Subject;

const DAEMONS: usize = 10;
const IDLE: Duration = Duration::from_secs(30);
const RECONCILES: &str = "controller_runtime_reconcile_total{controller=\"virtualmachine\"";

/// Measures it.
pub(crate) async fn run(lab: &Lab, count: Option<usize>) {
    let count = count.unwrap_or(10_000);
    let daemons = Daemons::start(lab, Host::standard(2), DAEMONS);
    // The test driver forgets its domains with its last connection.
    let mut kept = Vec::new();
    for (_, uri) in daemons.hosts() {
        let uri = uri.parse().expect("a URI");
        let client = Client::connect(&uri, ConnectOptions::default()).await;
        kept.push(client.expect("a connection"));
    }
    let subject = Subject::start(lab);
    let fleet = Fleet::new(lab, &daemons.hosts()).await;
    let start = Instant::now();
    let all: Vec<_> = (0..count).map(machine).collect();
    fleet.create(&all, 200.0).await;
    let rate = count as f64 / start.elapsed().as_secs_f64();
    println!("{count} machines made on {DAEMONS} daemons, {rate:.0} a second");
    settle(&subject).await;
    figures::print(&restart(lab, &subject, count).await);
    // Nothing is cleaned up one by one: the daemons go with all they have.
    subject.stop();
    drop(kept);
    drop(daemons);
    fleet.abandon().await;
}

async fn restart(lab: &Lab, subject: &Subject, count: usize) -> Vec<Target> {
    subject.stop();
    let since = audit::now(lab);
    let start = Instant::now();
    subject.restart();
    let planned = loop {
        let looks = subject.sum(RECONCILES);
        let busy = subject.sum("controller_runtime_active_workers");
        if looks >= count as f64 && busy == 0.0 {
            break start.elapsed();
        }
        assert!(start.elapsed() < LIMIT, "{looks} looks in {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    println!("started again, {}", load());
    settle(subject).await;
    let (_, peak) = subject.memory();
    let looks = subject.sum(RECONCILES);
    let writes = audit::by_operator(lab, since).into_iter();
    let writes = writes.filter(|write| write.resource != "leases").count();
    let changes = changes(subject);
    let (since, cpu, calls) = (audit::now(lab), subject.cpu(), calls(subject));
    tokio::time::sleep(IDLE).await;
    let cpu = (subject.cpu() - cpu).as_secs_f64() / IDLE.as_secs_f64() * 100.0;
    let idle_writes = audit::by_operator(lab, since).into_iter();
    let idle_writes = idle_writes.filter(|write| write.resource != "leases");
    let (steady, _) = subject.memory();
    let planned = planned.as_secs_f64();
    vec![
        Target::new("restart: every machine planned", planned, "s", 6.0),
        Target::shown("restart: looks at a machine", looks / count as f64, ""),
        Target::new("restart: API writes", writes as f64, "", 0.0),
        Target::new("restart: calls that change something", changes, "", 0.0),
        Target::new("idle: API writes", idle_writes.count() as f64, "", 0.0),
        Target::new("idle: calls", self::calls(subject) - calls, "", 0.0),
        Target::new("idle: of a core", cpu, "%", 0.5),
        Target::new("idle: memory (RSS)", steady, "MiB", 96.0),
        Target::new("peak through idle memory", peak / steady, "", 1.3),
    ]
}

/// Until two looks three seconds apart see the same.
pub(crate) async fn settle(subject: &Subject) {
    let seen = || {
        (
            calls(subject),
            subject.sum("controller_runtime_reconcile_total"),
        )
    };
    let mut last = seen();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = seen();
        if now == last {
            return;
        }
        last = now;
    }
    panic!("the operator does not come to rest");
}

fn calls(subject: &Subject) -> f64 {
    subject.sum("drover_rpc_calls_total")
}

/// How often something was called that is not known to change nothing.
fn changes(subject: &Subject) -> f64 {
    const READS: [&str; 9] = [
        "_GET_",
        "_LIST_",
        "_IS_",
        "_LOOKUP_",
        "CONNECT_",
        "AUTH_",
        "_CALLBACK",
        "NODE_GET",
        "_SUPPORTS_",
    ];
    let all = subject.metrics();
    let changing = all.iter().filter(|(name, _)| {
        let calls = name.strip_prefix("drover_rpc_calls_total{");
        calls.is_some_and(|name| !READS.iter().any(|read| name.contains(read)))
    });
    changing
        .inspect(|(name, count)| println!("{name} {count}"))
        .map(|(_, count)| *count)
        .fold(0.0, |all, count| all + count)
}
