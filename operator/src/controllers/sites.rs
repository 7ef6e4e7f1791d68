//! What pools and networks share: one object, realised on many hosts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use drover_core::plan::{Verdict, used_by};
use drover_core::selector;
use drover_crds::common::HOSTNAME;
use drover_crds::condition::Reason;
use drover_crds::{Host, HostState};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;

use crate::ctx::Ctx;
use crate::hosts::{HostError, HostHandle};

/// The labels of a Host: its own, and its name as Kubernetes labels nodes with theirs.
#[must_use]
pub fn labels(host: &Host) -> BTreeMap<String, String> {
    let mut labels = host.metadata.labels.clone().unwrap_or_default();
    let name = || host.name_any();
    labels.entry(HOSTNAME.to_owned()).or_insert_with(name);
    labels
}

/// How many steps one look takes on one host at most: more than any plan has.
pub const MOST_STEPS: usize = 12;

/// The handles of the hosts with these labels, by name; a Host that stands for the same machine as
/// another one is left out.
pub fn selected(ctx: &Ctx, selector: Option<&LabelSelector>) -> Vec<(String, Arc<HostHandle>)> {
    let mut hosts = ctx.cache.hosts.all();
    hosts.retain(|host| {
        let labels = labels(host);
        selector::matches_optional(selector, &labels)
    });
    let twice = super::host::said_twice(ctx);
    let mut selected: Vec<_> = hosts
        .iter()
        .map(|host| (host.name_any(), ctx.hosts.ensure(host)))
        .filter(|(name, handle)| {
            let facts = handle.read(|inventory| inventory.facts.clone());
            let facts =
                facts.filter(|facts| facts.host_uuid().is_some_and(|it| twice.contains(it)));
            facts.is_none_or(|facts| super::host::duplicate_of(ctx, name, &facts).is_none())
        })
        .collect();
    selected.sort_by(|(a, _), (b, _)| a.cmp(b));
    selected
}

/// How long hosts are given to do their share before it is told what the others have done.
const PATIENCE: Duration = Duration::from_secs(1);

/// One host's share of an object.
#[derive(Debug, Clone)]
pub struct Share {
    /// As the status has it.
    pub state: HostState,
    /// How it is there.
    pub verdict: Verdict,
    /// Capacity and what is free of it, of a pool whose host could be asked.
    pub size: Option<(u64, u64)>,
    /// What the marker of a Shared pool says, if it has been read.
    pub marker: Option<String>,
}

impl Share {
    /// What is known of any object on a host.
    #[must_use]
    pub fn new(state: HostState, verdict: Verdict) -> Self {
        Self {
            state,
            verdict,
            size: None,
            marker: None,
        }
    }

    /// What is not as it should be; what it had is still the best that is known.
    #[must_use]
    pub fn unknown(host: &str, verdict: Verdict, had: Option<&HostState>) -> Self {
        let mut state = state(host, false, &verdict);
        state.capacity = had.and_then(|had| had.capacity.clone());
        Self::new(state, verdict)
    }

    /// What is not as it should be, for a reason that is no host's: what was active there is so still.
    #[must_use]
    pub fn without(host: &str, verdict: &Verdict, had: Option<&HostState>) -> Self {
        let active = had.filter(|had| had.state == "Active");
        let state = active
            .cloned()
            .unwrap_or_else(|| state(host, false, verdict));
        Self::new(state, verdict.clone())
    }

    // Of a host that has not answered: what it had, it has.
    fn awaited(host: &str, had: Option<&HostState>) -> Self {
        let active = had.filter(|had| had.state == "Active");
        let verdict = match active {
            Some(_) => Verdict::new(Reason::Realized, ""),
            None => Verdict::new(Reason::Creating, "the host has not answered yet"),
        };
        let state = had.cloned().unwrap_or_else(|| state(host, false, &verdict));
        Self::new(state, verdict)
    }
}

/// Hosts that are asked for their shares, all at once: a slow one holds up no other.
pub struct Asking<'a> {
    asked: FuturesUnordered<BoxFuture<'a, Share>>,
    hosts: Vec<String>,
    done: Vec<Share>,
}

impl<'a> Asking<'a> {
    /// Begins to ask.
    pub fn new(asked: impl IntoIterator<Item = (String, BoxFuture<'a, Share>)>) -> Self {
        let (hosts, asked) = asked.into_iter().unzip();
        Self {
            asked,
            hosts,
            done: Vec::new(),
        }
    }

    /// Waits, but not for long; whether all have answered.
    pub async fn for_a_while(&mut self) -> bool {
        tokio::time::timeout(PATIENCE, self.wait()).await.is_ok()
    }

    /// All shares as far as is known: `had` is what the others had.
    #[must_use]
    pub fn meanwhile(&self, had: &[HostState]) -> Vec<Share> {
        let mut shares = self.done.clone();
        for host in &self.hosts {
            if !self.done.iter().any(|share| share.state.name == *host) {
                let had = had.iter().find(|had| had.name == *host);
                shares.push(Share::awaited(host, had));
            }
        }
        sorted(shares)
    }

    /// All shares, once there are all.
    pub async fn all(mut self) -> Vec<Share> {
        self.wait().await;
        sorted(self.done)
    }

    async fn wait(&mut self) {
        while let Some(share) = self.asked.next().await {
            self.done.push(share);
        }
    }
}

fn sorted(mut shares: Vec<Share>) -> Vec<Share> {
    shares.sort_by(|a, b| a.state.name.cmp(&b.state.name));
    shares
}

/// One host's share of an object, in the words of its status.
#[must_use]
pub fn state(name: &str, active: bool, verdict: &Verdict) -> HostState {
    let word = match verdict.reason {
        Reason::Realized | Reason::RestartRequired => "Active",
        Reason::HostUnreachable => "Unreachable",
        _ if active => "Degraded",
        Reason::Creating => "Creating",
        _ => "Failed",
    };
    HostState {
        name: name.to_owned(),
        state: word.to_owned(),
        message: Some(verdict.message.clone()).filter(|text| !text.is_empty()),
        ..HostState::default()
    }
}

/// What a host's refusal says of the object there. The log keeps all of them, the status the last.
#[must_use]
pub fn refusal(host: &str, object: &str, error: &HostError) -> Verdict {
    let reason = if error.is_unreachable() {
        Reason::HostUnreachable
    } else {
        tracing::warn!(host, object, %error, "refused");
        match error.is_unsupported() {
            true => Reason::NotSupported,
            false => Reason::NotRealized,
        }
    };
    Verdict::new(reason, error.to_string())
}

/// How the object is, over all its hosts: as bad as on the worst of them.
#[must_use]
pub fn overall(verdicts: &[(String, Verdict)]) -> Verdict {
    if verdicts.is_empty() {
        return Verdict::new(Reason::NotRealized, "no host matches hostSelector");
    }
    let rank = |reason: Reason| match reason {
        Reason::Realized => 0,
        // Hosts come and go: the others have it.
        Reason::HostUnreachable => 1,
        Reason::RestartRequired => 2,
        Reason::Creating => 3,
        Reason::NotRealized => 4,
        _ => 5,
    };
    let worst = verdicts
        .iter()
        .map(|(_, verdict)| verdict.reason)
        .max_by_key(|r| rank(*r));
    let worst = worst.unwrap_or(Reason::Realized);
    let alike: Vec<_> = verdicts
        .iter()
        .filter(|(_, verdict)| verdict.reason == worst)
        .collect();
    let realized = verdicts
        .iter()
        .filter(|(_, v)| v.reason == Reason::Realized)
        .count();
    if worst == Reason::Realized || (worst == Reason::HostUnreachable && realized > 0) {
        let message = format!("as declared on {realized} of {} hosts", verdicts.len());
        return Verdict::new(Reason::Realized, message);
    }
    let first = alike.first().map_or(String::new(), |(host, verdict)| {
        let message = &verdict.message;
        if message.starts_with(host.as_str()) {
            message.clone()
        } else {
            format!("{host}: {message}")
        }
    });
    let more = match alike.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more hosts)", count - 1),
    };
    Verdict::new(worst, format!("{first}{more}"))
}

/// Taking an object that is being deleted off its hosts: how far that is.
pub struct Removal<'a> {
    object: &'a str,
    had: &'a [HostState],
    verdict: Verdict,
}

impl<'a> Removal<'a> {
    /// Begins, unless something uses the object. `had` are the hosts that had it.
    #[must_use]
    pub fn new(object: &'a str, had: &'a [HostState], users: &[String]) -> Self {
        let verdict = match used_by("objects", users) {
            Some(message) => Verdict::new(Reason::InUse, message),
            None => Verdict::new(Reason::Deleting, ""),
        };
        Self {
            object,
            had,
            verdict,
        }
    }

    /// The hosts that it is to be taken off: none while something uses it.
    #[must_use]
    pub fn hosts(&self, ctx: &Ctx) -> Vec<(String, Arc<HostHandle>)> {
        match self.verdict.reason {
            Reason::InUse => Vec::new(),
            _ => selected(ctx, None),
        }
    }

    /// What came of it on one host. One that never had it is not waited for.
    pub fn heard(&mut self, host: &str, result: Result<Verdict, HostError>) {
        let here = result.unwrap_or_else(|error| refusal(host, self.object, &error));
        let had_it = self.had.iter().any(|state| state.name == host);
        if here.reason != Reason::Deleting && (had_it || here.reason != Reason::HostUnreachable) {
            self.verdict = Verdict::new(here.reason, format!("{host}: {}", here.message));
        }
    }

    /// How far it is; `Deleting` when nothing is left.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        self.verdict
    }
}

/// `namespace/name`, for messages.
pub fn full_name(object: &impl ResourceExt) -> String {
    format!(
        "{}/{}",
        object.namespace().unwrap_or_default(),
        object.name_any()
    )
}
