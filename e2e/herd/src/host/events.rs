//! Who listens to what, and what each is told.

use drover_rpc_proto::remote;
use drover_xdr::{Encode, to_bytes};
use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;

use super::errors::Failure;
use super::{Domain, Network, Pool, State};
use crate::connection::Told;

// The numbers of virDomainEventID that there are, and of the same of networks, pools and devices.
const DOMAIN_EVENTS: i32 = 28;
const NETWORK_EVENTS: i32 = 2;
const POOL_EVENTS: i32 = 2;
const DEVICE_EVENTS: i32 = 2;
const LIFECYCLE: i32 = 0;
const METADATA: i32 = 23;
const REFRESH: i32 = 1;
// The procedures that tell them.
const TELLS_LIFECYCLE: i32 = 318;
const TELLS_METADATA: i32 = 379;
const TELLS_NETWORK: i32 = 315;
const TELLS_POOL: i32 = 370;
const TELLS_REFRESH: i32 = 373;

/// What an event is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Domains,
    Networks,
    Pools,
    Devices,
}

/// A registration.
#[derive(Debug)]
pub(crate) struct Listener {
    connection: u64,
    of: Of,
    event: i32,
    only: Option<Uuid>,
    callback: i32,
    tell: UnboundedSender<Told>,
}

impl State {
    /// Registers a client for an event; the number of the registration.
    pub(crate) fn listen(
        &mut self,
        (connection, tell): (u64, &UnboundedSender<Told>),
        (of, event): (Of, i32),
        only: Option<Uuid>,
    ) -> Result<i32, Failure> {
        let known = match of {
            Of::Domains => DOMAIN_EVENTS,
            Of::Networks => NETWORK_EVENTS,
            Of::Pools => POOL_EVENTS,
            Of::Devices => DEVICE_EVENTS,
        };
        if !(0..known).contains(&event) {
            return Err(Failure::internal(format!("unsupported event ID {event}")));
        }
        let same = |it: &Listener| {
            it.connection == connection && (it.of, it.event, it.only) == (of, event, only)
        };
        if self.listeners.iter().any(same) {
            return Err(Failure::argument("event callback already tracked"));
        }
        let callback = self.last_callback;
        self.last_callback = callback.wrapping_add(1);
        self.listeners.push(Listener {
            connection,
            of,
            event,
            only,
            callback,
            tell: tell.clone(),
        });
        Ok(callback)
    }

    /// Ends a registration of a client.
    pub(crate) fn unlisten(
        &mut self,
        connection: u64,
        of: Of,
        callback: i32,
    ) -> Result<(), Failure> {
        let before = self.listeners.len();
        self.listeners
            .retain(|it| (it.connection, it.of, it.callback) != (connection, of, callback));
        if self.listeners.len() == before {
            return Err(Failure::internal(format!(
                "domain event callback {callback} not registered"
            )));
        }
        Ok(())
    }

    /// A client has gone.
    pub(crate) fn forget(&mut self, connection: u64) {
        self.listeners.retain(|it| it.connection != connection);
        if self.listeners.is_empty() {
            self.listeners = Vec::new();
        }
    }

    fn tell<M: Encode>(
        &self,
        (of, event, procedure): (Of, i32, i32),
        uuid: Uuid,
        message: impl Fn(i32) -> M,
    ) {
        let concerned = self.listeners.iter().filter(|it| {
            it.of == of && it.event == event && it.only.is_none_or(|only| only == uuid)
        });
        for listener in concerned {
            if let Ok(body) = to_bytes(&message(listener.callback)) {
                let told = Told {
                    number: procedure,
                    body: body.into(),
                };
                // A client that has just gone hears nothing.
                let _ = listener.tell.send(told);
            }
        }
    }

    /// Tells that a domain came, started, stopped, went, ...
    pub(crate) fn tell_life(&self, domain: &Domain, event: i32, detail: i32) {
        let of = (Of::Domains, LIFECYCLE, TELLS_LIFECYCLE);
        self.tell(of, domain.uuid, |callback_id| {
            remote::DomainEventCallbackLifecycleMsg {
                callback_id,
                msg: remote::DomainEventLifecycleMsg {
                    dom: domain.wire(),
                    event,
                    detail,
                },
            }
        });
    }

    /// Tells that a network came, went up, went down, went.
    pub(crate) fn tell_network(&self, network: &Network, event: i32) {
        let of = (Of::Networks, LIFECYCLE, TELLS_NETWORK);
        self.tell(of, network.uuid, |callback_id| {
            remote::NetworkEventLifecycleMsg {
                callback_id,
                net: network.wire(),
                event,
                detail: 0,
            }
        });
    }

    /// The same of a pool.
    pub(crate) fn tell_pool(&self, pool: &Pool, event: i32) {
        let of = (Of::Pools, LIFECYCLE, TELLS_POOL);
        self.tell(of, pool.uuid, |callback_id| {
            remote::StoragePoolEventLifecycleMsg {
                callback_id,
                pool: pool.wire(),
                event,
                detail: 0,
            }
        });
    }

    /// Tells that a pool was looked at anew.
    pub(crate) fn tell_refresh(&self, pool: &Pool) {
        let of = (Of::Pools, REFRESH, TELLS_REFRESH);
        self.tell(of, pool.uuid, |callback_id| {
            remote::StoragePoolEventRefreshMsg {
                callback_id,
                pool: pool.wire(),
            }
        });
    }

    /// Tells that a domain's metadata changed.
    pub(crate) fn tell_metadata(&self, domain: &Domain, type_: i32, uri: &str) {
        let of = (Of::Domains, METADATA, TELLS_METADATA);
        self.tell(of, domain.uuid, |callback_id| {
            remote::DomainEventCallbackMetadataChangeMsg {
                callback_id,
                dom: domain.wire(),
                type_,
                nsuri: Some(uri.into()),
            }
        });
    }
}
