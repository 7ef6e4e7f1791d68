//! Who leads: one replica at a time, by a Lease, with client-go's rules.
//!
//! Clocks of different machines are never compared. A replica notes by its own clock when it last
//! saw the Lease change; another's Lease has expired when it has not changed for its duration. The
//! leader gives up well before that. Every write names the version that it was decided on.

mod state;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::state::{Observed, Step};

/// Which Lease, and for whom.
#[derive(Debug, Clone)]
pub struct LeaseConfig {
    /// The name of the Lease.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The name of this replica, which no other has.
    pub identity: String,
    /// How long a Lease is good after its last renewal.
    pub duration: Duration,
    /// How long the leader tries to renew before it gives up. Shorter than the duration.
    pub renew_deadline: Duration,
    /// How long to wait between tries.
    pub retry_period: Duration,
}

impl LeaseConfig {
    /// With client-go's times: 15 s, 10 s and 2 s.
    #[must_use]
    pub fn new(namespace: &str, name: &str, identity: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            identity: identity.to_owned(),
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// The lead is lost: another replica may already have it. The process must end at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease could not be renewed in time")]
pub struct Lost;

/// Waits for the lead, keeps it, and gives it back when told to stop. `leading` says whether it is
/// there.
///
/// # Errors
/// [`Lost`] when it was there and could not be kept.
pub async fn run(
    client: Client,
    config: LeaseConfig,
    leading: watch::Sender<bool>,
    stop: CancellationToken,
) -> Result<(), Lost> {
    let mut elector = Elector {
        api: Api::namespaced(client, &config.namespace),
        config,
        observed: None,
    };
    if !elector.acquire(&stop).await {
        return Ok(());
    }
    tracing::info!(lease = elector.config.name, "leading");
    leading.send_replace(true);
    let kept = elector.keep(&stop).await;
    leading.send_replace(false);
    if kept.is_ok() {
        elector.release().await;
    }
    kept
}

struct Elector {
    api: Api<Lease>,
    config: LeaseConfig,
    observed: Option<Observed>,
}

impl Elector {
    // True with the lead; false when told to stop.
    async fn acquire(&mut self, stop: &CancellationToken) -> bool {
        loop {
            let attempt = tokio::time::timeout(self.config.renew_deadline, self.attempt());
            tokio::select! {
                () = stop.cancelled() => return false,
                result = attempt => match result {
                    Ok(Ok(true)) => return true,
                    Ok(Ok(false)) => {}
                    Ok(Err(error)) => tracing::warn!(%error, "the lease cannot be had"),
                    Err(_) => tracing::warn!("the lease cannot be had: no answer in time"),
                },
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(jittered(self.config.retry_period)) => {}
            }
        }
    }

    // Well when told to stop.
    async fn keep(&mut self, stop: &CancellationToken) -> Result<(), Lost> {
        let mut renewed = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(self.config.retry_period) => {}
            }
            // The lead counts from before the request that renewed it.
            let asked = Instant::now();
            let deadline = renewed + self.config.renew_deadline;
            match tokio::time::timeout_at(deadline, self.attempt()).await {
                Ok(Ok(true)) => renewed = asked,
                Ok(Ok(false)) => return Err(Lost),
                Ok(Err(error)) => tracing::warn!(%error, "the lease was not renewed"),
                Err(_) => {}
            }
            if renewed.elapsed() >= self.config.renew_deadline {
                return Err(Lost);
            }
        }
    }

    // One look at the Lease, and one write if it may be ours. True if it is.
    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        let Some(lease) = self.api.get_opt(&self.config.name).await? else {
            let lease = self.lease(None, self.spec(0, None));
            let created = self.api.create(&PostParams::default(), &lease).await;
            return self.took(created);
        };
        let observed = Observed::update(self.observed.take(), &lease, Instant::now());
        let step = observed.step(&self.config.identity, Instant::now());
        self.observed = Some(observed);
        let spec = match step {
            Step::Wait => return Ok(false),
            Step::Renew { acquired } => self.spec(transitions(&lease), acquired),
            Step::Take => self.spec(transitions(&lease).saturating_add(1), None),
        };
        let next = self.lease(lease.metadata.resource_version, spec);
        let parameters = PostParams::default();
        let replaced = self
            .api
            .replace(&self.config.name, &parameters, &next)
            .await;
        self.took(replaced)
    }

    // A conflict says that another replica was faster.
    fn took(&mut self, written: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
        match written {
            Ok(lease) => {
                let now = Instant::now();
                self.observed = Some(Observed::update(self.observed.take(), &lease, now));
                Ok(true)
            }
            Err(kube::Error::Api(status)) if status.code == 409 && !self.leads() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn leads(&self) -> bool {
        self.observed
            .as_ref()
            .is_some_and(|observed| observed.holder() == self.config.identity)
    }

    // So that the next one need not wait for the end of the duration.
    async fn release(&mut self) {
        if !self.leads() {
            return;
        }
        let Some((version, transitions)) = self.observed.as_ref().map(Observed::version) else {
            return;
        };
        let mut spec = self.spec(transitions, None);
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        let lease = self.lease(version, spec);
        let parameters = PostParams::default();
        let released = self.api.replace(&self.config.name, &parameters, &lease);
        match tokio::time::timeout(self.config.retry_period, released).await {
            Ok(Ok(_)) => tracing::info!(lease = self.config.name, "the lead is given back"),
            Ok(Err(error)) => tracing::warn!(%error, "the lease was not given back"),
            Err(_) => tracing::warn!("the lease was not given back in time"),
        }
    }

    fn lease(&self, version: Option<String>, spec: LeaseSpec) -> Lease {
        Lease {
            metadata: ObjectMeta {
                name: Some(self.config.name.clone()),
                namespace: Some(self.config.namespace.clone()),
                resource_version: version,
                ..ObjectMeta::default()
            },
            spec: Some(spec),
        }
    }

    fn spec(&self, transitions: i32, acquired: Option<MicroTime>) -> LeaseSpec {
        // Only people read these times.
        let now = MicroTime(Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.config.identity.clone()),
            lease_duration_seconds: i32::try_from(self.config.duration.as_secs()).ok(),
            acquire_time: Some(acquired.unwrap_or_else(|| now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

fn transitions(lease: &Lease) -> i32 {
    let spec = lease.spec.as_ref();
    spec.and_then(|spec| spec.lease_transitions)
        .unwrap_or_default()
}

// Replicas that started together do not ask together for ever.
fn jittered(period: Duration) -> Duration {
    let random = uuid::Uuid::new_v4().as_bytes()[0];
    period.mul_f64(1.0 + 0.2 * f64::from(random) / 255.0)
}
