//! Objects and hosts for one command.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use drover_crds::common::{HOSTNAME, NAMESPACE_NAME};
use drover_crds::{Host, Volume};
use jiff::Timestamp;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::files::Given;
use super::objects::{Objects, Place};
use super::{CliError, HostArgs, server};
use crate::app;
use crate::controllers::placement::Line;
use crate::ctx::{Ctx, Memory};
use crate::events::Events;
use crate::hosts::{Reach, Registry};
use crate::import::address::Allowed;
use crate::import::jobs::Jobs;
use crate::metrics::Metrics;
use crate::reconcile::{Cache, Hints, Queue};
use crate::secrets::SecretReader;
use crate::upload::Uploads;

/// The manager of what is kept without a cluster.
const MANAGER: &str = "cli";

/// Objects and hosts.
pub(super) struct Session {
    pub(super) ctx: Arc<Ctx>,
    pub(super) objects: Arc<Objects>,
    queue: Arc<Queue>,
    stop: CancellationToken,
}

impl Session {
    /// Puts the objects up, and connects the hosts.
    pub(super) async fn start(args: &HostArgs, given: &[Given]) -> Result<Self, CliError> {
        let objects = Objects::new();
        for host in hosts(args)? {
            let name = host["metadata"]["name"].as_str().unwrap_or_default();
            put(
                &objects,
                ("hosts".into(), String::new(), name.into()),
                host.clone(),
            );
        }
        for it in given {
            put(&objects, place(it), it.object.clone());
        }
        name_namespaces(&objects, given);
        let session = Self::of(args, objects, None).await?;
        app::know_everyone(&session.ctx);
        app::hear_hosts(&session.ctx, |_| true).await;
        session.all_answer(|_| true)?;
        Ok(session)
    }

    /// Puts objects of a cluster up; no host is asked for anything but those that are named, which are
    /// reached as is said here.
    pub(super) async fn told(args: &HostArgs, given: &[Given]) -> Result<Self, CliError> {
        let objects = Objects::new();
        let mut ways = ways(args)?;
        for it in given {
            let (mut object, here) = (it.object.clone(), place(it));
            if here.0 == "hosts"
                && let Some((uri, insecure)) = ways.remove(&here.2)
            {
                object["spec"]["uri"] = json!(uri);
                object["spec"]["insecure"] = json!(insecure);
            }
            put(&objects, here, object);
        }
        if let Some(host) = ways.keys().next() {
            return Err(CliError::Usage(format!("there is no Host {host}")));
        }
        let asked: BTreeSet<String> = names(args)?.into_iter().collect();
        let session = Self::of(args, objects, Some(asked.clone())).await?;
        app::hear_hosts(&session.ctx, |host| asked.contains(host)).await;
        session.all_answer(|host| asked.contains(host))?;
        Ok(session)
    }

    // `asked`: the only hosts that are, if not all are.
    async fn of(
        args: &HostArgs,
        objects: Arc<Objects>,
        asked: Option<BTreeSet<String>>,
    ) -> Result<Self, CliError> {
        let stop = CancellationToken::new();
        let queue = Arc::new(Queue::default());
        let hints = Hints::new(Arc::clone(&queue));
        let client = server::client(Arc::clone(&objects));
        let failed = |what: &str| CliError::Failed(what.to_owned());
        let metrics = Metrics::new().map_err(|error| failed(&error.to_string()))?;
        let metrics = Arc::new(metrics);
        let cache = Cache::start(&client, &hints).await;
        let cache = cache.map_err(|_| failed("the objects cannot be listed"))?;
        let secrets = Api::namespaced(client.clone(), &args.namespace);
        let registry = Registry::new(secrets, hints.clone(), Arc::clone(&metrics), stop.clone());
        let jobs = Jobs::default();
        let uploads = Uploads::new(None, &jobs, &hints, &metrics);
        let ctx = Arc::new(Ctx {
            fleet: args.fleet.clone(),
            manager: MANAGER.to_owned(),
            take_over: args.take_over,
            cache,
            hosts: match asked {
                Some(asked) => registry.personal().idle_but(asked),
                None => registry.personal(),
            },
            hints,
            events: Events::start(client.clone(), MANAGER.to_owned(), Arc::clone(&metrics)),
            client,
            metrics,
            // Whoever runs a command could fetch it themselves.
            import_allow: Allowed::everything(),
            jobs,
            uploads: Arc::new(uploads),
            secrets: SecretReader::of_person(&args.namespace),
            placing: Line::default(),
            memory: Memory::default(),
            start: (Instant::now(), Timestamp::now()),
        });
        Ok(Self {
            ctx,
            objects,
            queue,
            stop,
        })
    }

    // Somebody is there to hear why a host does not answer.
    fn all_answer(&self, is_asked: impl Fn(&str) -> bool) -> Result<(), CliError> {
        let mut hosts = self.ctx.hosts.all();
        hosts.retain(|host| is_asked(&host.name));
        for host in hosts {
            let why = host.read(|inventory| match &inventory.reach {
                Reach::Up(_) => None,
                Reach::Connecting => Some("it does not answer".to_owned()),
                Reach::Down { message, .. } | Reach::Refused { message, .. } => {
                    Some(message.clone())
                }
            });
            if let Some(why) = why {
                return Err(CliError::Failed(format!("{}: {why}", host.name)));
            }
        }
        Ok(())
    }

    /// The Volumes that there are at this moment, whatever has been heard of them.
    pub(super) fn volumes(&self) -> Vec<Volume> {
        let (all, _) = self.objects.list("volumes", "");
        let volumes = all.into_iter();
        volumes
            .filter_map(|it| serde_json::from_value(it).ok())
            .collect()
    }

    /// Waits until nothing more follows from what was done.
    pub(super) async fn idle(&self) {
        self.queue.idle().await;
    }

    /// Begins to work, as the operator does.
    pub(super) fn work(&self) -> JoinSet<()> {
        self.ctx.hints.hint_everything();
        app::start_workers(&self.ctx, &self.queue)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The place of an object.
pub(super) fn place(given: &Given) -> Place {
    let text = |name: &str| {
        let text = given.object["metadata"][name].as_str();
        text.unwrap_or_default().to_owned()
    };
    (given.plural.clone(), text("namespace"), text("name"))
}

// The same object twice is the one that came first.
fn put(objects: &Objects, place: Place, object: Value) {
    let _known = objects.create(place, object);
}

// Each namespace is there, with its name among its labels, as in a cluster.
fn name_namespaces(objects: &Objects, given: &[Given]) {
    let spaces = given.iter().filter_map(|it| match it.plural.as_str() {
        "namespaces" => it.object["metadata"]["name"].as_str(),
        _ => it.object["metadata"]["namespace"].as_str(),
    });
    for name in spaces.collect::<BTreeSet<_>>() {
        let place = ("namespaces".to_owned(), String::new(), name.to_owned());
        let labels = json!({"metadata": {"labels": {NAMESPACE_NAME: name}}});
        let space = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        put(objects, place.clone(), space);
        // It is there now.
        let _labelled = objects.patch(&place, false, false, &labels);
    }
}

fn hosts(args: &HostArgs) -> Result<Vec<Value>, CliError> {
    let mut hosts: Vec<Value> = Vec::new();
    for given in &args.connect {
        let (wanted, uri) = called(given);
        let parsed: drover_rpc::Uri = uri
            .parse()
            .map_err(|error| CliError::Usage(format!("--connect {uri}: {error}")))?;
        let unproved = refuse_unproved(uri, args.insecure)?;
        let name = wanted.map_or_else(|| name(&parsed.to_string()), str::to_owned);
        let taken = |name: &str| hosts.iter().any(|host| host["metadata"]["name"] == name);
        let name = match taken(&name) {
            true => format!("{name}-{}", hosts.len() + 1),
            false => name,
        };
        hosts.push(json!({
            "apiVersion": "drover.dev/v1alpha1",
            "kind": "Host",
            "metadata": {"name": name, "labels": {HOSTNAME: name}},
            "spec": {"uri": uri, "insecure": unproved, "unschedulable": false,
                     "adoption": {"from": "All"}},
        }));
    }
    Ok(hosts)
}

// How each host that is named is reached, and whether nobody's identity is proved on the way.
fn ways(args: &HostArgs) -> Result<BTreeMap<String, (String, bool)>, CliError> {
    let way = |given: &String| match called(given) {
        (Some(name), uri) => {
            let insecure = refuse_unproved(uri, args.insecure)?;
            Ok((name.to_owned(), (uri.to_owned(), insecure)))
        }
        (None, uri) => Err(CliError::Usage(format!(
            "--connect {uri}: say which Host it is: --connect NAME={uri}"
        ))),
    };
    args.connect.iter().map(way).collect()
}

/// Whether nobody's identity is proved on this way, which has to be allowed.
pub(super) fn refuse_unproved(uri: &str, allowed: bool) -> Result<bool, CliError> {
    let unproved = uri.to_lowercase().contains("+tcp:");
    if unproved && !allowed {
        return Err(CliError::Usage(format!(
            "--connect {uri}: refused: tcp is not authenticated; use tls or ssh, or say --insecure"
        )));
    }
    Ok(unproved)
}

/// The name of a Host and its URI, from `NAME=URI` or only a URI.
pub(super) fn called(given: &str) -> (Option<&str>, &str) {
    let named = given.split_once('=');
    let named = named.filter(|(name, _)| !name.is_empty() && name.chars().all(is_of_a_name));
    named.map_or((None, given), |(name, uri)| (Some(name), uri))
}

/// The names that the hosts have.
pub(super) fn names(args: &HostArgs) -> Result<Vec<String>, CliError> {
    let name = |host: &Value| host["metadata"]["name"].as_str().map(str::to_owned);
    Ok(hosts(args)?.iter().filter_map(name).collect())
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.')
}

/// The host of a URI, as a name of Kubernetes.
pub(super) fn named_host(uri: &str) -> String {
    name(uri)
}

fn name(uri: &str) -> String {
    let host = url::Url::parse(uri).ok();
    let host = host
        .as_ref()
        .and_then(url::Url::host_str)
        .unwrap_or_default();
    let host: String = host
        .to_lowercase()
        .chars()
        .map(|c| if is_of_a_name(c) { c } else { '-' })
        .collect();
    match host.trim_matches(['-', '.']) {
        "" => "local".to_owned(),
        host => host.to_owned(),
    }
}

/// A machine's namespace and its name, from NAME or NAMESPACE/NAME.
pub(super) fn named<'a>(machine: &'a str, namespace: &'a str) -> (&'a str, &'a str) {
    machine.split_once('/').unwrap_or((namespace, machine))
}

/// The names of the hosts.
pub(super) fn host_names(hosts: &[Arc<Host>]) -> Vec<String> {
    hosts.iter().map(|host| host.name_any()).collect()
}

#[cfg(test)]
mod tests {
    use super::{called, name};

    #[test]
    fn a_host_is_called_as_its_uri_says() {
        assert_eq!(
            name("qemu+ssh://root@KVM-07.example.org/system"),
            "kvm-07.example.org"
        );
        assert_eq!(name("qemu:///system"), "local");
        assert_eq!(name("qemu+tls://[fd00::1]/system"), "fd00--1");
        let uri = "qemu+unix:///system?socket=/run/s";
        assert_eq!(called(uri), (None, uri));
        assert_eq!(called(&format!("kvm-1={uri}")), (Some("kvm-1"), uri));
    }
}
