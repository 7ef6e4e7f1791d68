//! Hosts and machines that are there for a benchmark, and go with it.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::time::{Duration, Instant};

use drover_crds::{Host, Network, StoragePool, VirtualMachine, condition};
use drover_e2e::Lab;
use futures::{Stream, StreamExt};
use hyper_util::client::legacy::Builder;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::client::{Body, ConfigExt};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::json;
use tower::{BoxError, ServiceBuilder};

use crate::audit;

/// How long anything may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);
// How many machines may be on their way, whatever the rate.
const AT_ONCE: usize = 64;

/// How often a machine without disks is written until it is Ready.
pub(crate) const WRITES: usize = 4;

/// A machine, and how long it took until it was Ready.
pub(crate) type Ready = (String, Duration);

/// The API server, and a namespace in it.
pub(crate) struct Fleet {
    lab: Lab,
    client: Client,
    hosts: Vec<String>,
    /// Another one each time: where one of the same name has gone of late, the API server looks for it
    /// anew at each write, which takes half as long again.
    pub(crate) namespace: String,
}

impl Fleet {
    /// Makes a namespace and these Hosts, each a name and a URI, and waits until the operator has
    /// heard them.
    pub(crate) async fn new(lab: &Lab, hosts: &[(String, String)]) -> Self {
        let kubeconfig = Kubeconfig::read_from(lab.kubeconfig()).expect("the lab is up");
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let fleet = Self {
            lab: lab.clone(),
            client: client(&config.expect("a kubeconfig")),
            hosts: hosts.iter().map(|(name, _)| name.clone()).collect(),
            namespace: format!("bench-{}", jiff::Timestamp::now().as_millisecond()),
        };
        fleet.make_namespace(&fleet.namespace).await;
        fleet.add(hosts).await;
        fleet
    }

    /// The same of a herd, whose hosts have none of the lab's own pools and networks.
    pub(crate) async fn of_herd(lab: &Lab, hosts: &[(String, String)]) -> Self {
        let mut fleet = Self::new(lab, &[]).await;
        fleet.hosts = hosts.iter().map(|(name, _)| name.clone()).collect();
        fleet.keep_apart(true).await;
        fleet.add(hosts).await;
        fleet
    }

    async fn keep_apart(&self, apart: bool) {
        let nowhere = json!({"matchExpressions": [{"key": "bench", "operator": "DoesNotExist"}]});
        let selector = if apart { nowhere } else { json!(null) };
        let patch = Patch::Merge(json!({"spec": {"hostSelector": selector}}));
        let params = PatchParams::default();
        let pools: Api<StoragePool> = Api::all(self.client.clone());
        let patched = pools.patch("first", &params, &patch).await;
        patched.expect("the lab's pool");
        let networks: Api<Network> = Api::all(self.client.clone());
        let patched = networks.patch("first", &params, &patch).await;
        patched.expect("the lab's network");
    }

    // Makes the Hosts, and waits until the operator has heard them.
    async fn add(&self, hosts: &[(String, String)]) {
        let params = PatchParams::apply("bench");
        for (name, uri) in hosts {
            let host = json!({
                "apiVersion": "drover.dev/v1alpha1",
                "kind": "Host",
                "metadata": {"name": name, "labels": {"bench": "yes"}},
                "spec": {"uri": uri, "insecure": true, "overcommit": {"cpu": "1000", "memory": "1000"}},
            });
            let made = self.hosts().patch(name, &params, &Patch::Apply(host)).await;
            made.expect("a Host");
        }
        self.hosts_are_ready().await;
    }

    async fn make_namespace(&self, name: &str) {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let params = PatchParams::apply("bench");
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let made = namespaces
            .patch(name, &params, &Patch::Apply(namespace))
            .await;
        made.expect("a namespace");
    }

    /// One more namespace, which goes with this.
    pub(crate) async fn another_namespace(&self) -> String {
        let name = self.name_of_another();
        self.make_namespace(&name).await;
        name
    }

    fn name_of_another(&self) -> String {
        format!("{}-too", self.namespace)
    }

    /// Where the objects of this plural are.
    pub(crate) fn path(&self, plural: &str) -> String {
        let namespace = &self.namespace;
        format!("/apis/drover.dev/v1alpha1/namespaces/{namespace}/{plural}")
    }

    /// Some Kubernetes event of the namespace, as it would be written.
    pub(crate) async fn an_event(&self) -> serde_json::Value {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let one = events.list(&ListParams::default().limit(1)).await;
        let event = one.expect("a list").items.pop().expect("an event");
        let mut event = serde_json::to_value(&event).expect("an event");
        event["apiVersion"] = "events.k8s.io/v1".into();
        event["kind"] = "Event".into();
        event
    }

    /// The API server.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    fn hosts(&self) -> Api<Host> {
        Api::all(self.client.clone())
    }

    pub(crate) fn machines(&self) -> Api<VirtualMachine> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn hosts_are_ready(&self) {
        let mut events = pin!(watch(self.hosts()));
        let mut waiting: HashSet<&String> = self.hosts.iter().collect();
        let all = async {
            while !waiting.is_empty() {
                let host = events.next().await.expect("a watch");
                let status = host.status.clone().unwrap_or_default();
                if condition::is_true(&status.conditions, "Ready") {
                    waiting.remove(&host.name_any());
                }
            }
        };
        let all = tokio::time::timeout(LIMIT, all).await;
        all.expect("the Hosts are Ready");
    }

    /// Makes machines, so many a second, and waits until all are Ready: how long each took, from just
    /// before the request until the watch shows it.
    pub(crate) async fn create(&self, machines: &[VirtualMachine], rate: f64) -> Vec<Ready> {
        let api = self.machines();
        let mut events = pin!(watch(api.clone()));
        let mut interval = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
        let mut applied: HashMap<String, Instant> = HashMap::new();
        let mut ready: HashMap<String, Duration> = HashMap::new();
        let mut next = machines.iter();
        let mut told = Instant::now();
        while ready.len() < machines.len() {
            tokio::select! {
                _ = interval.tick(), if next.len() > 0 && applied.len() < ready.len() + AT_ONCE => {
                    let machine = next.next().expect("one more").clone();
                    applied.insert(machine.name_any(), Instant::now());
                    let api = api.clone();
                    tokio::spawn(async move {
                        let made = api.create(&PostParams::default(), &machine).await;
                        made.expect("a machine");
                    });
                }
                Some(machine) = events.next() => {
                    let status = machine.status.clone().unwrap_or_default();
                    let start = applied.get(&machine.name_any());
                    if let (Some(start), true) = (start, condition::is_true(&status.conditions, "Ready")) {
                        let took = start.elapsed();
                        ready.entry(machine.name_any()).or_insert(took);
                        told = Instant::now();
                    }
                }
                () = tokio::time::sleep_until((told + LIMIT).into()) => {
                    panic!("{} of {} became Ready, and no more in {LIMIT:?}", ready.len(), machines.len());
                }
            }
        }
        ready.into_iter().collect()
    }

    /// How long the API server took for what was written of each of these machines, and of the Volumes
    /// that are made with it: that it is there, Drover's finalizer, where it is bound, and that it is
    /// Ready; `least` writes of each.
    pub(crate) fn at_server(
        &self,
        since: audit::Since,
        machines: &[Ready],
        least: usize,
    ) -> Vec<Duration> {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let writes = audit::by_anyone(&self.lab, since);
            let of = |name: &str| {
                let writes = writes.iter().filter(|it| is_of(name, it));
                writes.map(|it| it.took).collect::<Vec<_>>()
            };
            let all: Vec<_> = machines.iter().map(|(name, _)| of(name)).collect();
            // An entry comes after the answer.
            if all.iter().all(|writes| writes.len() >= least) {
                return all.iter().map(|writes| writes.iter().sum()).collect();
            }
            assert!(Instant::now() < end, "not every write is in the audit log");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Deletes all machines and waits until they are gone: what that took.
    pub(crate) async fn delete_machines(&self) -> Duration {
        let start = Instant::now();
        let (how, all) = (DeleteParams::default(), ListParams::default());
        let deleted = self.machines().delete_collection(&how, &all).await;
        deleted.expect("deleted");
        self.are_gone(start).await
    }

    async fn are_gone(&self, start: Instant) -> Duration {
        let one = ListParams::default().limit(1);
        loop {
            let left = self.machines().list_metadata(&one).await.expect("a list");
            if left.items.is_empty() {
                return start.elapsed();
            }
            assert!(start.elapsed() < LIMIT, "not all were removed in {LIMIT:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Deletes everything while the operator runs.
    pub(crate) async fn remove(&self) {
        self.delete_machines().await;
        for name in &self.hosts {
            let deleted = self.hosts().delete(name, &DeleteParams::default()).await;
            deleted.expect("deleted");
        }
        self.remove_namespace(&self.namespace).await;
    }

    /// Deletes everything when neither the operator nor the hosts are there any more.
    pub(crate) async fn abandon(&self) {
        let nobody = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        let params = PatchParams::default();
        self.abandon_machines(&self.machines()).await;
        let too = self.name_of_another();
        self.abandon_machines(&Api::namespaced(self.client.clone(), &too))
            .await;
        for name in &self.hosts {
            let hosts = self.hosts();
            let deleted = hosts.delete(name, &DeleteParams::default()).await;
            deleted.expect("deleted");
            // It is gone already if it had no finalizer.
            drop(hosts.patch_metadata(name, &params, &nobody).await);
        }
        self.remove_namespace(&too).await;
        self.remove_namespace(&self.namespace).await;
        self.keep_apart(false).await;
    }

    async fn abandon_machines(&self, machines: &Api<VirtualMachine>) {
        let nobody = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        let params = PatchParams::default();
        let all = machines.list_metadata(&ListParams::default()).await;
        let (nobody, params) = (&nobody, &params);
        // The API server itself deletes a collection one by one.
        let gone = futures::stream::iter(all.expect("a list").items).map(|machine| async move {
            let name = machine.name_any();
            let freed = machines.patch_metadata(&name, params, nobody).await;
            freed.expect("no finalizer");
            let deleted = machines.delete(&name, &DeleteParams::default()).await;
            deleted.expect("deleted");
        });
        gone.buffer_unordered(16).collect::<Vec<()>>().await;
    }

    // One that is not there is gone.
    async fn remove_namespace(&self, name: &str) {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        drop(namespaces.delete(name, &DeleteParams::default()).await);
        let end = Instant::now() + LIMIT;
        while namespaces.get_opt(name).await.expect("an answer").is_some() {
            assert!(Instant::now() < end, "the namespace stays");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

// Whether it is of this machine, or of a Volume that is made with it.
fn is_of(machine: &str, write: &audit::Write) -> bool {
    let rest = write.name.strip_prefix(machine);
    match write.resource.as_str() {
        "virtualmachines" => rest == Some(""),
        "volumes" => rest.is_some_and(|rest| rest.starts_with('-')),
        _ => false,
    }
}

// One that holds no request back until another is acknowledged: kube's own may for 40 ms.
fn client(config: &Config) -> Client {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let connector = config.rustls_https_connector_with_connector(tcp);
    let server = Builder::new(TokioExecutor::new()).build::<_, Body>(connector.expect("TLS"));
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().expect("credentials"))
        .map_err(BoxError::from)
        .service(server);
    Client::new(service, config.default_namespace.clone())
}

/// Waits until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(is: impl Fn() -> F) {
    let start = Instant::now();
    while !is().await {
        assert!(start.elapsed() < LIMIT, "not in {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Objects as a watch tells them.
pub(crate) fn watch<K>(api: Api<K>) -> impl Stream<Item = K>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
{
    let events = watcher(api, watcher::Config::default().page_size(500)).applied_objects();
    events.filter_map(|event| async { event.ok() })
}

/// A machine without disks, on one of the benchmark's Hosts.
pub(crate) fn machine(number: usize) -> VirtualMachine {
    let selector = json!({"hostSelector": {"matchLabels": {"bench": "yes"}}});
    placed(number, &selector)
}

/// A machine without disks, in this place.
pub(crate) fn placed(number: usize, placement: &serde_json::Value) -> VirtualMachine {
    let machine = json!({
        "apiVersion": "drover.dev/v1alpha1",
        "kind": "VirtualMachine",
        "metadata": {"name": format!("m{number}")},
        "spec": {
            "memory": {"guest": "64Mi"},
            "placement": placement,
            "terminationGracePeriodSeconds": 0,
        },
    });
    serde_json::from_value(machine).expect("a machine")
}
