//! One host's session: connect, subscribe, list, listen; and again, when the connection is lost.

use std::sync::Arc;
use std::time::Duration;

use drover_core::identity::Stop;
use drover_crds::condition::Reason;
use drover_rpc::proto::remote::Event;
use drover_rpc::{Client, CloseReason, ConnectOptions, Keepalive, Notice, Uri};
use futures::StreamExt;
use futures::stream::SelectAll;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::access::Failure;
use super::bulk::Dial;
use super::inventory::{HostHandle, Reach};
use super::kinds::Kinds;
use super::listing;
use super::pace::Pace;
use crate::metrics::Metrics;
use crate::reconcile::{Hints, Key};

/// The first and the longest wait between two attempts to connect.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(6);
/// How long it is enough to have said of a host why it was lost.
const NEWS: Duration = Duration::from_secs(300);
// A host that says nothing for this long is asked, and given up after two unanswered questions.
const PING_INTERVAL: Duration = Duration::from_secs(2);
const PINGS: u32 = 2;
// virDomainEventID: lifecycle, tray, balloon, removed, block job by its disk's device, tunable, agent,
// added, removal failed, metadata. Networks, pools and devices: lifecycle.
const DOMAIN_EVENTS: [i32; 10] = [0, 10, 13, 15, 16, 17, 18, 19, 22, 23];
// virDomainEventType: a start, a stop, and a shutdown that something on the host asked for.
const STARTED: i32 = 2;
const STOPPED: i32 = 5;
const SHUTDOWN: i32 = 6;
const BY_THE_HOST: i32 = 2;
const LIFECYCLE: i32 = 0;
const REFRESH: i32 = 1;
const UPDATE: i32 = 1;

/// What a session needs.
pub struct Session {
    /// The host.
    pub host: Arc<HostHandle>,
    /// Where its keys are.
    pub secrets: Api<Secret>,
    /// Who is told what to look at again.
    pub hints: Hints,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What hosts can do.
    pub kinds: Arc<Kinds>,
    /// When it may be dialled.
    pub pace: Arc<Pace>,
    /// Ends the session.
    pub stop: CancellationToken,
}

impl Session {
    /// Keeps the host connected until it is stopped.
    pub async fn run(self) {
        let stop = self.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep_connected() => {}
        }
    }

    async fn keep_connected(&self) {
        let uri = match self.host.access.uri.parse() {
            Ok(uri) => uri,
            Err(error) => {
                self.refused(Reason::InvalidSpec, format!("spec.uri: {error}"));
                return std::future::pending().await;
            }
        };
        let mut wait = FIRST_WAIT;
        let mut last_up = None;
        let mut told = None;
        let mut silences = 0;
        loop {
            match self.connected(&uri, &mut silences).await {
                Ok(reason) => {
                    wait = FIRST_WAIT;
                    last_up = Some(jiff::Timestamp::now().as_second());
                    told = Some(Instant::now());
                    self.lost(last_up, &format!("the connection was lost: {reason}"));
                }
                Err(Failure::Refused { reason, message }) => {
                    told = None;
                    self.refused(reason, message);
                }
                // That it is not back yet is no news for a while, however it shows.
                Err(Failure::Lost(_))
                    if last_up.is_some() && told.is_some_and(|told| told.elapsed() < NEWS) => {}
                Err(Failure::Lost(message)) => {
                    told = Some(Instant::now());
                    self.lost(last_up, &message);
                }
            }
            tokio::time::sleep(jittered(wait)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    // One connection, to its end, and why it has ended; an error if it was never of use. Counted is how
    // often in a row there was only silence.
    async fn connected(&self, uri: &Uri, silences: &mut u32) -> Result<String, Failure> {
        let options = ConnectOptions {
            credentials: self.host.access.credentials(&self.secrets).await?,
            keepalive: Some(Keepalive {
                interval: PING_INTERVAL,
                count: PINGS,
            }),
            observer: Some(self.metrics.rpc_observer(&self.host.name)),
            ..ConnectOptions::default()
        };
        let failed = self.host.failed("connecting");
        let dial = Dial {
            uri: uri.clone(),
            options,
        };
        let client = self.dial(dial.clone(), silences).await?;
        // Subscribed before it is listed: what changes meanwhile is told.
        let mut events = subscribe(&client).await.map_err(failed)?;
        // Dropped before the subscriptions, which would tell the server that they end.
        let _hang_up = HangUp(client.clone());
        let listing = tokio::select! {
            listing = listing::list(&client, &self.kinds) => listing,
            () = self.listen(&mut events) => return Ok("events were missed".to_owned()),
        };
        let listing = listing.map_err(|error| {
            let error = error.into_host(&self.host, "listing");
            tracing::warn!(%error, "cannot be listed");
            error
        })?;
        tracing::info!(
            host = self.host.name,
            domains = listing.domains(),
            "connected and listed"
        );
        self.host.write(|inventory| {
            listing.enter(inventory);
            inventory.removals.answers(Instant::now());
            inventory.dial = Some(dial);
            inventory.reach = Reach::Up(client.clone());
        });
        self.metrics.host_connected(&self.host.name);
        self.hints.hint_everything();
        // Why it ended comes before that there are no more events.
        let reason = tokio::select! {
            biased;
            reason = client.closed() => {
                *silences = u32::from(reason == CloseReason::Keepalive);
                reason.to_string()
            }
            () = self.listen(&mut events) => "events were missed".to_owned(),
        };
        tracing::warn!(host = self.host.name, reason, "the connection ended");
        self.metrics.host_disconnected();
        Ok(reason)
    }

    async fn dial(&self, dial: Dial, silences: &mut u32) -> Result<Client, Failure> {
        let turn = self.pace.turn(*silences).await;
        let (began, patience) = (Instant::now(), turn.patience);
        let connecting = Client::connect(&dial.uri, dial.options);
        let connected = match tokio::time::timeout(patience, connecting).await {
            Ok(connected) if connected.is_ok() || began.elapsed() < patience => connected,
            _ => {
                *silences += 1;
                // The same words however long it was: others would be news.
                let name = &self.host.name;
                let message = format!("{name}: connecting: no answer from {}", dial.uri);
                return Err(Failure::Lost(message));
            }
        };
        *silences = 0;
        Ok(connected.map_err(self.host.failed("connecting"))?)
    }

    // Marks what events speak of, until there are no more.
    async fn listen(&self, events: &mut SelectAll<drover_rpc::Subscription>) {
        while let Some(notice) = events.next().await {
            match notice {
                Notice::Event(event) => self.mark(&event),
                Notice::Qemu(_) => {}
                // Nobody knows what was missed: connect and list again.
                Notice::Lost => return,
            }
        }
    }

    fn mark(&self, event: &Event) {
        match event {
            Event::DomainEventCallbackLifecycle(event) => {
                let uuid = Uuid::from_bytes(event.msg.dom.uuid);
                self.host.write(|inventory| match event.msg.event {
                    SHUTDOWN if event.msg.detail == BY_THE_HOST => {
                        inventory.stops.insert(uuid, Stop::Outside);
                    }
                    STARTED => drop(inventory.stops.remove(&uuid)),
                    _ => {}
                });
                if event.msg.event == STOPPED {
                    self.hint_networks_of(uuid);
                }
                self.mark_domain(&event.msg.dom);
            }
            Event::DomainEventCallbackMetadataChange(event) => self.mark_domain(&event.dom),
            Event::DomainEventCallbackTrayChange(event) => self.mark_domain(&event.msg.dom),
            Event::DomainEventCallbackBalloonChange(event) => self.mark_domain(&event.msg.dom),
            Event::DomainEventCallbackDeviceRemoved(event) => {
                self.hint_networks_of(Uuid::from_bytes(event.msg.dom.uuid));
                self.mark_domain(&event.msg.dom);
            }
            Event::DomainEventBlockJob2(event) => {
                self.host.block_job(event);
                self.mark_domain(&event.dom);
            }
            Event::DomainEventCallbackTunable(event) => self.mark_domain(&event.dom),
            Event::DomainEventCallbackAgentLifecycle(event) => self.readdress(&event.dom),
            Event::DomainEventCallbackDeviceAdded(event) => self.readdress(&event.dom),
            Event::DomainEventCallbackDeviceRemovalFailed(event) => self.mark_domain(&event.dom),
            Event::NetworkEventLifecycle(event) => {
                let name = event.net.name.to_string();
                self.host
                    .mark_network(&name, Uuid::from_bytes(event.net.uuid));
                self.hints.hint(Key::network(&name));
            }
            Event::StoragePoolEventLifecycle(event) => {
                let name = event.pool.name.to_string();
                self.host
                    .mark_pool(&name, Uuid::from_bytes(event.pool.uuid));
                self.hints.hint(Key::pool(&name));
            }
            Event::StoragePoolEventRefresh(event) => {
                let name = event.pool.name.to_string();
                // Of what Drover asked for itself it waits for the reply.
                if !self.host.write(|inventory| inventory.refreshed(&name)) {
                    self.host
                        .mark_pool(&name, Uuid::from_bytes(event.pool.uuid));
                    self.hints.hint(Key::pool(&name));
                }
            }
            Event::NodeDeviceEventLifecycle(event) => self.mark_device(&event.dev),
            Event::NodeDeviceEventUpdate(event) => self.mark_device(&event.dev),
            _ => {}
        }
    }

    fn mark_device(&self, device: &drover_rpc::proto::remote::NodeDevice) {
        if self.host.mark_device(&device.name.to_string()) {
            self.hints.hint(Key::host(&self.host.name));
        }
    }

    fn mark_domain(&self, domain: &drover_rpc::proto::remote::Domain) {
        let name = domain.name.to_string();
        let uuid = Uuid::from_bytes(domain.uuid);
        self.host.mark_domain(uuid, &name);
        self.hints.hint_domain(&name, uuid);
    }

    // A guest whose agent or whose devices changed may have other addresses.
    fn readdress(&self, domain: &drover_rpc::proto::remote::Domain) {
        let uuid = Uuid::from_bytes(domain.uuid);
        self.host
            .write(|inventory| inventory.readdressed.insert(uuid));
        self.mark_domain(domain);
    }

    // What waits for a network to be left by the last guest waits for this.
    fn hint_networks_of(&self, domain: Uuid) {
        let networks: Vec<String> = self.host.read(|inventory| {
            let seen = inventory.domains.get(&domain);
            let live = seen.and_then(|(_, slot)| slot.value.as_ref()?.live.as_ref());
            let nics = live.into_iter().flat_map(|live| &live.interfaces);
            nics.filter_map(|nic| nic.network.clone()).collect()
        });
        for network in networks {
            self.hints.hint(Key::network(&network));
        }
    }

    fn lost(&self, since: Option<i64>, message: &str) {
        let was_down = self
            .host
            .read(|inventory| matches!(inventory.reach, Reach::Down { .. }));
        self.reach(Reach::Down {
            since,
            message: message.to_owned(),
        });
        // Only the first of many failures is news to what is placed there.
        match was_down {
            true => self.hints.hint(Key::host(&self.host.name)),
            false => self.hints.hint_everything(),
        }
    }

    // Somebody has to change something; what was changed is seen at the next try.
    fn refused(&self, reason: Reason, message: String) {
        self.reach(Reach::Refused { reason, message });
        self.hints.hint(Key::host(&self.host.name));
    }

    fn reach(&self, reach: Reach) {
        self.host.write(|inventory| inventory.reach = reach);
    }
}

/// Ends the connection with the session.
struct HangUp(Client);

impl Drop for HangUp {
    fn drop(&mut self) {
        self.0.hang_up();
    }
}

async fn subscribe(
    client: &Client,
) -> Result<SelectAll<drover_rpc::Subscription>, drover_rpc::Error> {
    let mut events = SelectAll::new();
    for id in DOMAIN_EVENTS {
        events.extend(unless_unknown(client.subscribe_domain(id, None).await)?);
    }
    events.extend(unless_unknown(
        client.subscribe_network(LIFECYCLE, None).await,
    )?);
    for id in [LIFECYCLE, REFRESH] {
        events.extend(unless_unknown(
            client.subscribe_storage_pool(id, None).await,
        )?);
    }
    for id in [LIFECYCLE, UPDATE] {
        events.extend(unless_unknown(
            client.subscribe_node_device(id, None).await,
        )?);
    }
    Ok(events)
}

// An event that the daemon does not know is no reason to do without the others.
fn unless_unknown<T>(result: Result<T, drover_rpc::Error>) -> Result<Option<T>, drover_rpc::Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.libvirt().is_some() => {
            tracing::debug!(%error, "no such event here");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

// Between half of it and all of it, so that many hosts do not come back at once.
fn jittered(wait: Duration) -> Duration {
    let random = Uuid::new_v4().as_u128() as u32;
    wait / 2 + wait.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
}
