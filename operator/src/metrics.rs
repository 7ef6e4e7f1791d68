//! What is counted. Machines and volumes are never labels: there may be many thousands of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use drover_rpc::Observer;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use crate::reconcile::{Kind, Queue};

/// The buckets that controller-runtime has for a reconcile.
const RECONCILE_SECONDS: [f64; 40] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9,
    1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0,
    25.0, 30.0, 40.0, 50.0, 60.0,
];
/// From a lookup on the same machine to a call that waits for a slow disk.
const RPC_SECONDS: [f64; 10] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0,
];

/// How a reconcile went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Well, and something has to change before it is looked at again.
    Success,
    /// Well, and it is looked at again after a while.
    RequeueAfter,
    /// Not well; it is tried again after a while.
    Error,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::RequeueAfter => "requeue_after",
            Self::Error => "error",
        }
    }
}

/// What the controllers do.
#[derive(Debug)]
struct Controllers {
    reconciles: IntCounterVec,
    errors: IntCounterVec,
    seconds: HistogramVec,
    active: IntGaugeVec,
    max_concurrent: IntGaugeVec,
    queue_adds: IntCounterVec,
    queue_retries: IntCounterVec,
}

impl Controllers {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let of = ["controller"];
        let queue = ["name", "controller"];
        let counter = |name, help, labels: &[&str]| counters(registry, name, help, labels);
        let gauge = |name, help, labels: &[&str]| gauges(registry, name, help, labels);
        Ok(Self {
            reconciles: counter(
                "controller_runtime_reconcile_total",
                "Reconciles by controller and result",
                &["controller", "result"],
            )?,
            errors: counter(
                "controller_runtime_reconcile_errors_total",
                "Reconciles that failed",
                &of,
            )?,
            seconds: histograms(
                registry,
                "controller_runtime_reconcile_time_seconds",
                "How long a reconcile takes",
                &of,
                &RECONCILE_SECONDS,
            )?,
            active: gauge(
                "controller_runtime_active_workers",
                "Reconciles under way",
                &of,
            )?,
            max_concurrent: gauge(
                "controller_runtime_max_concurrent_reconciles",
                "How many reconciles may be under way",
                &of,
            )?,
            queue_adds: counter(
                "workqueue_adds_total",
                "Objects that were put into the queue",
                &queue,
            )?,
            queue_retries: counter(
                "workqueue_retries_total",
                "Objects that were put into the queue again after a failure",
                &queue,
            )?,
        })
    }
}

// Counted when it is asked for.
struct QueueDepth {
    queue: Arc<Queue>,
    depth: IntGaugeVec,
}

impl Collector for QueueDepth {
    fn desc(&self) -> Vec<&Desc> {
        self.depth.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        for kind in Kind::ALL {
            let count = self.queue.depth(kind);
            let labels = [kind.as_str(); 2];
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.depth.with_label_values(&labels).set(count);
        }
        self.depth.collect()
    }
}

/// What goes on with the hosts.
#[derive(Debug)]
struct Hosts {
    calls: IntCounterVec,
    errors: IntCounterVec,
    seconds: HistogramVec,
    connects: IntCounterVec,
    connected: IntGauge,
}

impl Hosts {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let connected = IntGauge::new("drover_hosts_connected", "Hosts with a connection")?;
        registry.register(Box::new(connected.clone()))?;
        Ok(Self {
            calls: counters(
                registry,
                "drover_rpc_calls_total",
                "Calls to libvirt that have ended",
                &["procedure"],
            )?,
            errors: counters(
                registry,
                "drover_rpc_call_errors_total",
                "Calls to libvirt that failed, by what failed",
                &["host", "category"],
            )?,
            seconds: histograms(
                registry,
                "drover_rpc_call_seconds",
                "How long a call to libvirt takes, its wait for a place included",
                &["host"],
                &RPC_SECONDS,
            )?,
            connects: counters(
                registry,
                "drover_host_connects_total",
                "Connections made to a host",
                &["host"],
            )?,
            connected,
        })
    }
}

/// All metrics of the operator.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    controllers: Controllers,
    hosts: Hosts,
    leader: IntGaugeVec,
    import_bytes: IntCounter,
    events_dropped: IntCounter,
}

impl Metrics {
    /// Makes and registers them.
    ///
    /// # Errors
    /// When two have the same name: a mistake in this file, which the first start shows.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let process = prometheus::process_collector::ProcessCollector::for_self();
        registry.register(Box::new(process))?;
        let plain = |name, help| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        Ok(Self {
            controllers: Controllers::new(&registry)?,
            hosts: Hosts::new(&registry)?,
            leader: gauges(
                &registry,
                "leader_election_master_status",
                "Whether this replica leads",
                &["name"],
            )?,
            import_bytes: plain(
                "drover_import_bytes_total",
                "Bytes of images that were fetched or sent",
            )?,
            events_dropped: plain(
                "drover_events_dropped_total",
                "Kubernetes events that were dropped because the API server was slow",
            )?,
            registry,
        })
    }

    /// A reconcile begins; it ends with [`Reconcile::end`], or when that is dropped.
    #[must_use]
    pub fn reconcile(self: &Arc<Self>, controller: &'static str) -> Reconcile {
        self.controllers
            .active
            .with_label_values(&[controller])
            .inc();
        Reconcile {
            metrics: Arc::clone(self),
            controller,
            start: Instant::now(),
            outcome: Outcome::Error,
        }
    }

    /// How many reconciles of a controller may be under way.
    pub fn set_max_concurrent(&self, controller: &str, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.controllers
            .max_concurrent
            .with_label_values(&[controller])
            .set(count);
    }

    /// Tells from now on how many objects of each kind wait in a queue.
    ///
    /// # Errors
    /// When another queue is told of.
    pub fn watch_queue(&self, queue: Arc<Queue>) -> Result<(), prometheus::Error> {
        let of = Opts::new("workqueue_depth", "Objects that wait for a reconcile");
        let depth = IntGaugeVec::new(of, &["name", "controller"])?;
        self.registry
            .register(Box::new(QueueDepth { queue, depth }))
    }

    /// An object has been put into the queue.
    pub fn queue_add(&self, controller: &str) {
        self.controllers
            .queue_adds
            .with_label_values(&[controller, controller])
            .inc();
    }

    /// An object has been put into the queue again after a failure.
    pub fn queue_retry(&self, controller: &str) {
        self.controllers
            .queue_retries
            .with_label_values(&[controller, controller])
            .inc();
    }

    /// Whether this replica leads, by the Lease of this name.
    pub fn set_leader(&self, lease: &str, leads: bool) {
        self.leader
            .with_label_values(&[lease])
            .set(i64::from(leads));
    }

    /// Counts the calls to a host.
    #[must_use]
    pub fn rpc_observer(&self, host: &str) -> Observer {
        // Both by host and by procedure there would be tens of thousands of series.
        let calls = self.hosts.calls.clone();
        let errors = self.hosts.errors.clone();
        let seconds = self.hosts.seconds.with_label_values(&[host]);
        let host = host.to_owned();
        Arc::new(move |call| {
            calls.with_label_values(&[call.procedure]).inc();
            seconds.observe(call.took.as_secs_f64());
            tracing::trace!(host, call = call.procedure, took = ?call.took, failed = call.failed);
            if let Some(category) = call.failed {
                errors.with_label_values(&[host.as_str(), category]).inc();
            }
        })
    }

    /// A host has been connected to.
    pub fn host_connected(&self, host: &str) {
        self.hosts.connected.inc();
        self.hosts.connects.with_label_values(&[host]).inc();
    }

    /// The connection to a host has ended.
    pub fn host_disconnected(&self) {
        self.hosts.connected.dec();
    }

    /// Bytes of an image have been fetched.
    pub fn imported(&self, bytes: u64) {
        self.import_bytes.inc_by(bytes);
    }

    /// A Kubernetes event has been dropped.
    pub fn event_dropped(&self) {
        self.events_dropped.inc();
    }

    /// All of them, in Prometheus' text format.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn render(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// A reconcile under way. Dropped without an end, it has failed.
#[derive(Debug)]
pub struct Reconcile {
    metrics: Arc<Metrics>,
    controller: &'static str,
    start: Instant,
    outcome: Outcome,
}

impl Reconcile {
    /// It has ended.
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// How long it has been going on.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Drop for Reconcile {
    fn drop(&mut self) {
        let (metrics, controller) = (&self.metrics.controllers, self.controller);
        metrics.active.with_label_values(&[controller]).dec();
        metrics
            .reconciles
            .with_label_values(&[controller, self.outcome.as_str()])
            .inc();
        metrics
            .seconds
            .with_label_values(&[controller])
            .observe(self.took().as_secs_f64());
        if self.outcome == Outcome::Error {
            metrics.errors.with_label_values(&[controller]).inc();
        }
    }
}

fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    let made = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntGaugeVec, prometheus::Error> {
    let made = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn histograms(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
    buckets: &[f64],
) -> Result<HistogramVec, prometheus::Error> {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    let made = HistogramVec::new(options, labels)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use drover_rpc::CallRecord;

    use super::*;

    fn text(metrics: &Metrics) -> String {
        String::from_utf8(metrics.render().unwrap()).unwrap()
    }

    #[test]
    fn a_reconcile_is_counted_however_it_ends() {
        let metrics = Arc::new(Metrics::new().unwrap());
        metrics.reconcile("host").end(Outcome::Success);
        drop(metrics.reconcile("host"));
        let under_way = metrics.reconcile("host");
        let text = text(&metrics);
        for line in [
            r#"controller_runtime_reconcile_total{controller="host",result="success"} 1"#,
            r#"controller_runtime_reconcile_total{controller="host",result="error"} 1"#,
            r#"controller_runtime_reconcile_errors_total{controller="host"} 1"#,
            r#"controller_runtime_active_workers{controller="host"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        drop(under_way);
    }

    #[test]
    fn calls_are_counted_by_procedure_and_their_errors_by_host() {
        let metrics = Metrics::new().unwrap();
        let observer = metrics.rpc_observer("host1");
        observer(&CallRecord {
            procedure: "DOMAIN_GET_INFO",
            took: Duration::from_millis(1),
            failed: Some("timeout"),
        });
        metrics.host_connected("host1");
        metrics.set_leader("drover", true);
        let text = text(&metrics);
        for line in [
            r#"drover_rpc_calls_total{procedure="DOMAIN_GET_INFO"} 1"#,
            r#"drover_rpc_call_errors_total{category="timeout",host="host1"} 1"#,
            "drover_hosts_connected 1",
            r#"leader_election_master_status{name="drover"} 1"#,
            "process_resident_memory_bytes",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
