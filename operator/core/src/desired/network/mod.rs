//! A network.

mod subnet;

pub use drover_crds::network::NetworkMode as Mode;
use drover_crds::network::{
    Dns, Macvtap, Nat, NetworkBandwidth, NetworkBridge, NetworkHostDevices, PortGroup, Route, Vlan,
};
use drover_crds::{ManagementPolicy, Network, ReclaimPolicy};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use uuid::Uuid;

pub use self::subnet::{FixedHost, Subnet};
use self::subnet::{parse_routes, parse_subnets};
use super::{Consent, Invalid};
use crate::identity::{self, Mark};
use crate::reservations::Reservation;

/// A network as it is to be on each of its hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredNetwork {
    /// The fleet.
    pub fleet: String,
    /// Its name, which is also the libvirt network's.
    pub name: String,
    /// Its object's UID.
    pub uid: String,
    /// Its UUID on every host.
    pub uuid: Uuid,
    /// How guests reach the world.
    pub mode: Mode,
    /// The hosts that have it.
    pub host_selector: Option<LabelSelector>,
    /// Whether Drover makes it.
    pub managed: bool,
    /// Its bridge.
    pub bridge: Option<NetworkBridge>,
    /// The one device that traffic leaves by.
    pub device: Option<String>,
    /// What guests look like from outside.
    pub nat: Option<Nat>,
    /// The devices that guests are put on.
    pub macvtap: Option<Macvtap>,
    /// The virtual functions that guests get.
    pub host_devices: Option<NetworkHostDevices>,
    /// Its addresses.
    pub subnets: Vec<Subnet>,
    /// The addresses that are kept for machines.
    pub reservations: Vec<Reservation>,
    /// The domain that guests are told.
    pub domain: Option<String>,
    /// What its DNS server knows.
    pub dns: Dns,
    /// The routes that the host gets.
    pub routes: Vec<Route>,
    /// The largest packets.
    pub mtu: Option<i32>,
    /// Kinds of ports.
    pub port_groups: Vec<PortGroup>,
    /// The VLANs of every guest.
    pub vlan: Option<Vlan>,
    /// How much goes through its bridge.
    pub bandwidth: Option<NetworkBandwidth>,
    /// Whether it is removed with its object.
    pub delete: bool,
    /// Whose machines may use it.
    pub consent: Consent,
}

impl DesiredNetwork {
    /// Reads a network's object.
    ///
    /// # Errors
    /// [`Invalid`] for what the API server should have refused, and for what it cannot see: an IPv6
    /// range that ends before it starts.
    pub fn parse(object: &Network, fleet: &str) -> Result<Self, Invalid> {
        let name = object.metadata.name.clone().unwrap_or_default();
        let spec = &object.spec;
        let subnets = parse_subnets(&spec.subnets)?;
        parse_routes(&spec.routes, &subnets)?;
        Ok(Self {
            fleet: fleet.to_owned(),
            uid: object.metadata.uid.clone().unwrap_or_default(),
            uuid: identity::network_uuid(fleet, &name),
            mode: spec.mode,
            host_selector: spec.host_selector.clone(),
            managed: spec.management_policy == ManagementPolicy::Full,
            bridge: spec.bridge.clone(),
            device: spec.device.clone(),
            nat: spec.nat.clone(),
            macvtap: spec.macvtap.clone(),
            host_devices: spec.host_devices.clone(),
            subnets,
            reservations: Vec::new(),
            domain: spec.domain.clone(),
            dns: spec.dns.clone().unwrap_or_default(),
            routes: spec.routes.clone(),
            mtu: spec.mtu,
            port_groups: spec.port_groups.clone(),
            vlan: spec.vlan.clone(),
            bandwidth: spec.bandwidth.clone(),
            delete: spec.deletion_policy == ReclaimPolicy::Delete,
            consent: Consent::parse(spec.namespaces.as_ref()),
            name,
        })
    }

    /// Whether libvirt makes its bridge, and serves those on it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        matches!(
            self.mode,
            Mode::NAT | Mode::Route | Mode::Open | Mode::Isolated
        )
    }

    /// The devices that each host must have already.
    #[must_use]
    pub fn devices(&self) -> Vec<&str> {
        let bridge = self.bridge.iter().filter(|_| !self.is_own());
        let bridge = bridge.filter_map(|bridge| bridge.name.as_ref());
        let macvtap = self.macvtap.iter().flat_map(|it| &it.devices);
        let function = self.host_devices.iter();
        let function = function.filter_map(|it| it.physical_function.as_ref());
        let all = bridge.chain(macvtap).chain(function).chain(&self.device);
        all.map(String::as_str).collect()
    }

    /// The mark of its definition.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            fleet: self.fleet.clone(),
            namespace: String::new(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            epoch: 0,
            ..Mark::default()
        }
    }
}
