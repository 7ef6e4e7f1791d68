//! What a machine takes whose image is on its host already: an overlay on it, a seed, an address, the
//! domain; one machine after the other, and many at once.

use std::time::{Duration, Instant};

use drover_crds::{ClusterImage, VirtualMachine, Volume};
use drover_e2e::hosts::Host;
use drover_e2e::{Lab, guest};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

use crate::audit;
use crate::figures::{Target, load, part};
use crate::fleet::{Fleet, WRITES, until};
use crate::subject::Subject;

const CALLS: &str = "drover_rpc_call_seconds_sum";
const FETCHED: &str = "drover_import_bytes_total";
/// A Volume is there, with its finalizer, and is Ready.
const OF_VOLUME: usize = 2;
/// How many come at once.
const MANY: usize = 100;

/// Measures it.
pub(crate) async fn run(lab: &Lab, count: Option<usize>) -> Vec<Target> {
    let subject = Subject::start(lab);
    let bench = Bench {
        lab: lab.clone(),
        fleet: Fleet::new(lab, &[]).await,
        subject,
    };
    bench.image().await;
    let mut targets = bench.one_by_one(count.unwrap_or(40)).await;
    targets.extend(bench.at_once(count.unwrap_or(MANY)).await);
    let images: Api<ClusterImage> = Api::all(bench.fleet.client());
    let how = DeleteParams::default();
    let gone = images.delete(&bench.fleet.namespace, &how).await;
    gone.expect("it is to go");
    bench.fleet.remove().await;
    targets
}

struct Bench {
    lab: Lab,
    fleet: Fleet,
    subject: Subject,
}

impl Bench {
    // The guest's image, fetched to both hosts by a machine on each, and kept.
    async fn image(&self) {
        let file = guest::image(&self.lab).expect("the guest");
        let sum = guest::checksum(&file).expect("its checksum");
        let image = json!({
            "apiVersion": "drover.dev/v1alpha1",
            "kind": "ClusterImage",
            "metadata": {"name": self.fleet.namespace},
            "spec": {
                "source": {"http": {"url": "http://10.77.0.1:8088/guest.qcow2"}},
                "checksum": format!("sha256:{sum}"),
                "retention": "Keep",
            },
        });
        let images: Api<ClusterImage> = Api::all(self.fleet.client());
        let image = serde_json::from_value(image).expect("an image");
        let made = images.create(&PostParams::default(), &image).await;
        made.expect("an image");
        let first = [0, 1].map(|number| self.machine(number, "Halted"));
        self.fleet.create(&first, 10.0).await;
        self.fleet.delete_machines().await;
        self.volumes_are_gone().await;
    }

    fn machine(&self, number: usize, strategy: &str) -> VirtualMachine {
        let host = Host::standard(u8::try_from(number % 2).expect("small") + 1).name;
        let machine: Value = json!({
            "apiVersion": "drover.dev/v1alpha1",
            "kind": "VirtualMachine",
            "metadata": {"name": format!("m{number}")},
            "spec": {
                "runStrategy": strategy,
                "memory": {"guest": "64Mi"},
                "placement": {"host": host},
                "disks": [{
                    "name": "root",
                    "volumeTemplate": {
                        "pool": "first",
                        "capacity": "64Mi",
                        "source": {"clusterImage": {"name": self.fleet.namespace}},
                    },
                }],
                "interfaces": [{
                    "name": "eth0",
                    "network": "first",
                    "ipAddress": format!("192.168.150.{}", 10 + number),
                }],
                "cloudInit": {"userData": format!("#cloud-config\nhostname: m{number}\n")},
                "terminationGracePeriodSeconds": 0,
            },
        });
        serde_json::from_value(machine).expect("a machine")
    }

    async fn one_by_one(&self, count: usize) -> Vec<Target> {
        let (mut all, mut server, mut own) = (Vec::new(), Vec::new(), Vec::new());
        let mut cpu = Vec::new();
        for number in 0..count {
            let machine = self.machine(number, "Always");
            let (before, since) = (self.subject.sum(CALLS), audit::now(&self.lab));
            let worked = self.subject.cpu();
            let ready = self.fleet.create(&[machine], 1.0).await;
            cpu.push(self.subject.cpu().saturating_sub(worked));
            let calls = Duration::from_secs_f64(self.subject.sum(CALLS) - before);
            let at_server = self.fleet.at_server(since, &ready, WRITES + OF_VOLUME)[0];
            let took = ready[0].1;
            all.push(took);
            server.push(at_server);
            own.push(took.saturating_sub(calls + at_server));
            self.fleet.delete_machines().await;
            self.volumes_are_gone().await;
        }
        println!("{count} machines, one after the other, {}", load());
        println!(
            "Own is what is left of apply to Ready without the calls to libvirt that ended meanwhile, \
             and without what the API server took for the {} writes. Where several of these went on at \
             once nothing may be left: what the operator's threads worked is no less than its own share \
             then.",
            WRITES + OF_VOLUME
        );
        vec![
            Target::shown("image cached: apply to Ready, P50", part(&all, 0.5), "ms"),
            Target::shown("image cached: apply to Ready, P95", part(&all, 0.95), "ms"),
            Target::shown("of it in the API server, P50", part(&server, 0.5), "ms"),
            Target::shown("of it in the API server, P95", part(&server, 0.95), "ms"),
            Target::shown("own share, P50", part(&own, 0.5), "ms"),
            Target::new("own share, P95", part(&own, 0.95), "ms", 30.0),
            Target::shown("the operator's processor time, P50", part(&cpu, 0.5), "ms"),
            Target::new(
                "the operator's processor time, P95",
                part(&cpu, 0.95),
                "ms",
                30.0,
            ),
        ]
    }

    async fn at_once(&self, count: usize) -> Vec<Target> {
        let all: Vec<_> = (0..count).map(|it| self.machine(it, "Halted")).collect();
        let (fetched, since) = (self.subject.sum(FETCHED), audit::now(&self.lab));
        let start = Instant::now();
        self.fleet.create(&all, 1_000.0).await;
        let took = start.elapsed();
        let fetched = self.subject.sum(FETCHED) - fetched;
        let writes = audit::by_operator(&self.lab, since);
        let of = |resource: &str| writes.iter().filter(|it| it.resource == resource).count();
        let each = |resource| of(resource) as f64 / count as f64;
        println!("{count} machines at once, {}", load());
        vec![
            Target::shown(
                &format!("{count} machines of one image, until all are there"),
                took.as_secs_f64() * 1_000.0,
                "ms",
            ),
            Target::new("fetched for them", fetched, "bytes", 0.0),
            Target::new("writes to a machine", each("virtualmachines"), "", 3.0),
            Target::new("writes to a Volume", each("volumes"), "", 2.0),
            Target::shown("most memory so far", self.subject.memory().1, "MiB"),
        ]
    }

    async fn volumes_are_gone(&self) {
        let api: Api<Volume> = Api::namespaced(self.fleet.client(), &self.fleet.namespace);
        until(|| async {
            let left = api.list_metadata(&Default::default()).await;
            left.expect("a list").items.is_empty()
        })
        .await;
    }
}
