//! How long a machine takes from `kubectl apply` to `Ready`, when many come at a steady rate, and
//! how long it is off when somebody else destroys it: on libvirt's test driver, so that the control
//! plane is measured and not QEMU.
//!
//! Each Host is a daemon of its own: all connections to one daemon share the test driver's domains.

use std::time::{Duration, Instant};

use drover_crds::VirtualMachine;
use drover_e2e::Lab;
use drover_e2e::hosts::Host;
use drover_rpc::enums::{DomainEventID, DomainEventType};
use drover_rpc::objects::LifecycleEvent;
use drover_rpc::proto::remote;
use drover_rpc::{Client, ConnectOptions, Notice, Subscription};
use kube::ResourceExt;
use kube::api::ListParams;

use crate::audit;
use crate::figures::{Target, load, part};
use crate::fleet::{Fleet, LIMIT, WRITES, machine};
use crate::subject::Subject;

/// Measures both.
pub(crate) async fn run(lab: &Lab, count: Option<usize>) -> Vec<Target> {
    let count = count.unwrap_or(200);
    let hosts = [1, 2].map(|number| {
        let uri = format!("test+tcp://{}/default", Host::standard(number).address());
        (format!("bench{number}"), uri)
    });
    let subject = Subject::start(lab);
    let fleet = Fleet::new(lab, &hosts).await;
    let (idle, _) = subject.memory();
    let all: Vec<_> = (0..count).map(machine).collect();
    let since = audit::now(lab);
    let ready = fleet.create(&all, 10.0).await;
    println!("{count} machines at 10 a second, {}", load());
    let at_server = fleet.at_server(since, &ready, WRITES);
    let (busy, _) = subject.memory();
    let times_off = repair(&fleet, &hosts).await;
    println!("each destroyed once, one after the other, {}", load());
    let removed = fleet.delete_machines().await;
    fleet.remove().await;
    println!(
        "No peer can be run on the same terms: KubeVirt, Harvester and cobaltcore need a cluster with \
         kubelets or agents on the hosts; Terraform and scripts do not converge."
    );
    let times: Vec<_> = ready.iter().map(|(_, took)| *took).collect();
    let apply = |at| part(&times, at);
    let rest = times.iter().zip(&at_server);
    let rest: Vec<_> = rest.map(|(took, it)| took.saturating_sub(*it)).collect();
    let off = |at| part(&times_off, at);
    vec![
        Target::new("apply to Ready, P50", apply(0.5), "ms", 25.0),
        Target::new("apply to Ready, P99", apply(0.99), "ms", 150.0),
        Target::shown("apply to Ready, longest", apply(1.0), "ms"),
        Target::shown("of it in the API server, P50", part(&at_server, 0.5), "ms"),
        Target::shown("of it elsewhere, P50", part(&rest, 0.5), "ms"),
        Target::shown("of it elsewhere, P99", part(&rest, 0.99), "ms"),
        Target::shown("destroyed to running, P50", off(0.5), "ms"),
        Target::new("destroyed to running, P99", off(0.99), "ms", 50.0),
        Target::shown("all removed", removed.as_secs_f64() * 1_000.0, "ms"),
        Target::shown("memory before", idle, "MiB"),
        Target::shown("memory with all machines", busy, "MiB"),
    ]
}

/// A daemon: one connection that destroys, and one that hears of it.
struct Daemon {
    client: Client,
    events: Subscription,
}

impl Daemon {
    async fn connect(uri: &str) -> Self {
        let uri = uri.parse().expect("a URI");
        let connect = || Client::connect(&uri, ConnectOptions::default());
        let (client, listener) = (connect().await, connect().await);
        let events = listener.expect("a connection");
        let events = events.domain_events(DomainEventID::LIFECYCLE).await;
        Self {
            client: client.expect("a connection"),
            events: events.expect("a subscription"),
        }
    }

    // From before the call until the second connection hears that it was started.
    async fn destroy(&mut self, domain: remote::Domain) -> Duration {
        let start = Instant::now();
        let destroyed = self.client.domain_destroy_flags(domain.clone(), 0).await;
        destroyed.expect("destroyed");
        let running = async {
            loop {
                let Some(Notice::Event(event)) = self.events.next().await else {
                    panic!("the events ended");
                };
                let remote::Event::DomainEventCallbackLifecycle(event) = &*event else {
                    continue;
                };
                let started = LifecycleEvent::from(&event.msg).kind() == DomainEventType::STARTED;
                if started && event.msg.dom.uuid == domain.uuid {
                    return start.elapsed();
                }
            }
        };
        let running = tokio::time::timeout(LIMIT, running).await;
        running.expect("it runs again")
    }
}

async fn repair(fleet: &Fleet, hosts: &[(String, String)]) -> Vec<Duration> {
    let machines = fleet.machines().list(&ListParams::default()).await;
    let machines = machines.expect("a list").items;
    let mut times = Vec::new();
    for (name, uri) in hosts {
        let mut daemon = Daemon::connect(uri).await;
        let on = |machine: &&VirtualMachine| {
            let status = machine.status.as_ref();
            status.and_then(|status| status.host.as_ref()) == Some(name)
        };
        for machine in machines.iter().filter(on) {
            let domain = format!("{}_{}", fleet.namespace, machine.name_any());
            let domain = daemon.client.domain_lookup_by_name(domain).await;
            times.push(daemon.destroy(domain.expect("a domain")).await);
        }
    }
    times
}
