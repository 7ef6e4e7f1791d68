//! Networks: definitions that are up or down.

use std::collections::BTreeMap;

use drover_rpc_proto::remote;
use uuid::Uuid;

use super::State;
use super::errors::{Failure, only};
use crate::definition::{identity, missing, rooted};
use crate::driver::Driver;

// virNetworkEventLifecycleType.
const DEFINED: i32 = 0;
const UNDEFINED: i32 = 1;
const STARTED: i32 = 2;
const STOPPED: i32 = 3;
// VIR_NETWORK_XML_INACTIVE, which the test driver does not know.
const INACTIVE: u32 = 1;

/// A network.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) name: Box<str>,
    pub(crate) uuid: Uuid,
    /// What its next start takes.
    pub(crate) persistent: Option<Box<str>>,
    /// What is up.
    pub(crate) live: Option<Box<str>>,
}

/// The networks of a host.
pub(crate) type Networks = BTreeMap<Uuid, Network>;

impl Network {
    /// As the protocol names it.
    pub(crate) fn wire(&self) -> remote::Network {
        remote::Network {
            name: (&*self.name).into(),
            uuid: self.uuid.into_bytes(),
        }
    }

    pub(crate) fn describe(&self, flags: u32) -> Result<&str, Failure> {
        let live = self.live.as_deref().filter(|_| flags & INACTIVE == 0);
        let kept = self.persistent.as_deref().or(self.live.as_deref());
        Ok(live.or(kept).unwrap_or_default())
    }
}

impl State {
    /// The network that the client names; only its UUID counts.
    pub(crate) fn network(&mut self, named: &remote::Network) -> Result<&mut Network, Failure> {
        let uuid = Uuid::from_bytes(named.uuid);
        self.networks
            .get_mut(&uuid)
            .ok_or_else(|| Failure::no_network(uuid))
    }

    /// Its definition: the one that is up, or the one that its next start takes.
    pub(crate) fn describe_network(
        &mut self,
        named: &remote::Network,
        flags: u32,
    ) -> Result<&str, Failure> {
        only(flags, self.driver.flags(INACTIVE))?;
        self.network(named)?.describe(flags)
    }

    fn told_network(&self, uuid: Uuid, event: i32) {
        if let Some(network) = self.networks.get(&uuid) {
            self.tell_network(network, event);
        }
    }

    pub(crate) fn define_network(&mut self, xml: &str) -> Result<remote::Network, Failure> {
        let mut root = rooted(xml, "network")?;
        let (name, uuid) = identity(&mut root, &mut self.random, missing())?;
        let same = |it: &&Network| (it.uuid == uuid) != (*it.name == *name);
        if let Some(other) = self.networks.values().find(same) {
            let (name, uuid) = (&other.name, other.uuid);
            return Err(Failure::failed(format!(
                "operation failed: network '{name}' is already defined with uuid {uuid}"
            )));
        }
        if root.find("forward").is_none() || root.find("bridge").is_some() {
            root.ensure("bridge").set("delay", "0");
        }
        let text = Some(root.to_string().into_boxed_str());
        let network = self.networks.entry(uuid).or_insert_with(|| Network {
            name: name.into_boxed_str(),
            uuid,
            persistent: None,
            live: None,
        });
        network.persistent = text;
        let wire = network.wire();
        self.told_network(uuid, DEFINED);
        Ok(wire)
    }

    pub(crate) fn start_network(&mut self, named: &remote::Network) -> Result<(), Failure> {
        let network = self.network(named)?;
        if network.live.is_some() {
            return Err(Failure::state(
                "Requested operation is not valid: network is already active",
            ));
        }
        network.live.clone_from(&network.persistent);
        let uuid = network.uuid;
        self.told_network(uuid, STARTED);
        Ok(())
    }

    pub(crate) fn stop_network(&mut self, named: &remote::Network) -> Result<(), Failure> {
        let driver = self.driver;
        let network = self.network(named)?;
        // The test driver stops what is down already.
        if network.live.take().is_none() && driver == Driver::Qemu {
            return Err(Failure::state(
                "Requested operation is not valid: network is not active",
            ));
        }
        let uuid = network.uuid;
        self.told_network(uuid, STOPPED);
        self.drop_network(uuid);
        Ok(())
    }

    pub(crate) fn undefine_network(&mut self, named: &remote::Network) -> Result<(), Failure> {
        let driver = self.driver;
        let network = self.network(named)?;
        if driver == Driver::Test && network.live.is_some() {
            return Err(Failure::state(
                "Requested operation is not valid: network is still active",
            ));
        }
        if network.persistent.is_none() {
            return Err(Failure::state(
                "Requested operation is not valid: can't undefine transient network",
            ));
        }
        network.persistent = None;
        let uuid = network.uuid;
        self.told_network(uuid, UNDEFINED);
        self.drop_network(uuid);
        Ok(())
    }

    // What is neither up nor kept is gone.
    fn drop_network(&mut self, uuid: Uuid) {
        let there = |it: &Network| it.live.is_some() || it.persistent.is_some();
        if !self.networks.get(&uuid).is_some_and(there) {
            self.networks.remove(&uuid);
        }
    }
}
