//! How long a machine takes from `kubectl apply` to `Ready`, when many come at a steady rate: on
//! libvirt's test driver, so that the control plane is measured and not QEMU.
//!
//! `cargo bench -p drover-e2e --bench machines -- [MACHINES] [PER_SECOND]`, with the lab up. Each
//! Host is a daemon of its own: all connections to one daemon share the test driver's domains.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::pin::pin;
use std::time::{Duration, Instant};

use drover_crds::{Host, VirtualMachine, condition};
use drover_e2e::places::Lab;
use drover_e2e::{operator, process};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::json;

const NAMESPACE: &str = "bench";
const HOSTS: [(&str, &str); 2] = [
    ("bench1", "test+tcp://10.77.0.11/default"),
    ("bench2", "test+tcp://10.77.0.12/default"),
];
const LIMIT: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() {
    // cargo adds `--bench`.
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|word| word.parse::<usize>().ok());
    let (machines, rate) = (numbers.next().unwrap_or(200), numbers.next().unwrap_or(10));
    let lab = Lab::find().expect("the project's folder");
    let client = client(&lab).await;
    prepare(&client).await;
    let idle = memory(&lab);
    let times = create(&client, machines, rate).await;
    let busy = memory(&lab);
    let started = Instant::now();
    remove(&client).await;
    let removed = started.elapsed();
    report(&times, rate);
    println!("operator's memory (RSS): {idle} MiB before, {busy} MiB with {machines} machines");
    println!("all removed in {:.1} s", removed.as_secs_f64());
    println!(
        "No peer can be run here on the same terms: KubeVirt and Harvester need a whole cluster"
    );
    println!("with kubelets, Terraform and scripts do not converge. This is the base line.");
}

async fn client(lab: &Lab) -> Client {
    let kubeconfig = Kubeconfig::read_from(lab.kubeconfig()).expect("the lab is up");
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .expect("a kubeconfig");
    Client::try_from(config).expect("a client")
}

fn memory(lab: &Lab) -> u64 {
    let pid = process::running(lab, operator::NAME).expect("the operator runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("its RSS");
    let kib = line
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok());
    kib.expect("a number") / 1_024
}

async fn prepare(client: &Client) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let params = PatchParams::apply("bench");
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    namespaces
        .patch(NAMESPACE, &params, &Patch::Apply(namespace))
        .await
        .expect("a namespace");
    let hosts: Api<Host> = Api::all(client.clone());
    for (name, uri) in HOSTS {
        let host = json!({
            "apiVersion": "drover.dev/v1alpha1",
            "kind": "Host",
            "metadata": {"name": name, "labels": {"bench": "yes"}},
            "spec": {"uri": uri, "insecure": true, "overcommit": {"cpu": "100", "memory": "100"}},
        });
        hosts
            .patch(name, &params, &Patch::Apply(host))
            .await
            .expect("a Host");
    }
    let mut events = pin!(watcher(hosts, watcher::Config::default()).applied_objects());
    let mut connected = HashMap::new();
    let all = async {
        while connected.len() < HOSTS.len() {
            let host = events.next().await.expect("a watch").expect("an event");
            let status = host.status.clone().unwrap_or_default();
            if HOSTS.iter().any(|(name, _)| *name == host.name_any())
                && condition::is_true(&status.conditions, "Ready")
            {
                connected.insert(host.name_any(), ());
            }
        }
    };
    tokio::time::timeout(LIMIT, all)
        .await
        .expect("the Hosts are Ready");
}

fn machine(number: usize) -> VirtualMachine {
    let machine = json!({
        "apiVersion": "drover.dev/v1alpha1",
        "kind": "VirtualMachine",
        "metadata": {"name": format!("m{number}"), "namespace": NAMESPACE},
        "spec": {
            "memory": {"guest": "64Mi"},
            "placement": {"hostSelector": {"matchLabels": {"bench": "yes"}}},
            "terminationGracePeriodSeconds": 0,
        },
    });
    serde_json::from_value(machine).expect("a machine")
}

// From just before the request until the watch shows Ready.
async fn create(client: &Client, machines: usize, rate: usize) -> Vec<Duration> {
    let api: Api<VirtualMachine> = Api::namespaced(client.clone(), NAMESPACE);
    let mut events = pin!(watcher(api.clone(), watcher::Config::default()).applied_objects());
    let mut interval = tokio::time::interval(Duration::from_secs(1) / u32::try_from(rate).unwrap());
    let mut applied: HashMap<String, Instant> = HashMap::new();
    let mut ready: HashMap<String, Duration> = HashMap::new();
    let end = Instant::now() + LIMIT;
    while ready.len() < machines && Instant::now() < end {
        tokio::select! {
            _ = interval.tick(), if applied.len() < machines => {
                let machine = machine(applied.len());
                applied.insert(machine.name_any(), Instant::now());
                let api = api.clone();
                tokio::spawn(async move {
                    api.create(&PostParams::default(), &machine).await.expect("a machine");
                });
            }
            Some(event) = events.next() => {
                let machine = event.expect("an event");
                let status = machine.status.clone().unwrap_or_default();
                let start = applied.get(&machine.name_any());
                if let (Some(start), true) = (start, condition::is_true(&status.conditions, "Ready")) {
                    ready.entry(machine.name_any()).or_insert_with(|| start.elapsed());
                }
            }
            () = tokio::time::sleep_until(end.into()) => {}
        }
    }
    assert_eq!(ready.len(), machines, "not all became Ready in {LIMIT:?}");
    ready.into_values().collect()
}

async fn remove(client: &Client) {
    let api: Api<VirtualMachine> = Api::namespaced(client.clone(), NAMESPACE);
    let all = ListParams::default();
    api.delete_collection(&DeleteParams::default(), &all)
        .await
        .expect("deleted");
    let end = Instant::now() + LIMIT;
    while !api
        .list_metadata(&all)
        .await
        .expect("a list")
        .items
        .is_empty()
    {
        assert!(Instant::now() < end, "not all were removed in {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let hosts: Api<Host> = Api::all(client.clone());
    for (name, _) in HOSTS {
        hosts
            .delete(name, &DeleteParams::default())
            .await
            .expect("deleted");
    }
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces
        .delete(NAMESPACE, &DeleteParams::default())
        .await
        .expect("deleted");
}

fn report(times: &[Duration], rate: usize) {
    let mut sorted: Vec<f64> = times
        .iter()
        .map(|time| time.as_secs_f64() * 1_000.0)
        .collect();
    sorted.sort_by(f64::total_cmp);
    let at = |part: f64| sorted[((sorted.len() - 1) as f64 * part).round() as usize];
    println!("{} machines at {rate} a second, all Running:", sorted.len());
    println!(
        "apply -> Ready: p50 {:.0} ms, p90 {:.0} ms, p99 {:.0} ms, longest {:.0} ms",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}
