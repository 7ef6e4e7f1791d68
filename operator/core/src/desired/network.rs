//! A network.

use std::net::IpAddr;

use drover_crds::network::NetworkMode;
use drover_crds::{ManagementPolicy, Network, ReclaimPolicy};
use ipnet::IpNet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use uuid::Uuid;

use super::{Consent, Invalid};
use crate::identity::{self, Mark};
use crate::reservations::Reservation;

/// How guests reach the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Behind the host's address.
    Nat,
    /// Not at all.
    Isolated,
    /// Through a bridge of the host.
    Bridge,
    /// In a way that Drover only finds.
    Other,
}

impl Mode {
    /// libvirt's word for how it forwards; nothing for an isolated network.
    #[must_use]
    pub fn forward(self) -> Option<&'static str> {
        match self {
            Self::Nat => Some("nat"),
            Self::Bridge => Some("bridge"),
            Self::Isolated | Self::Other => None,
        }
    }
}

/// Addresses of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Address and prefix.
    pub cidr: IpNet,
    /// Whether it has DHCP.
    pub dhcp: bool,
    /// What DHCP gives: first and last addresses.
    pub ranges: Vec<(IpAddr, IpAddr)>,
}

impl Subnet {
    /// The host's own address in it: the first that a host may have.
    #[must_use]
    pub fn gateway(&self) -> Option<IpAddr> {
        match self.cidr {
            IpNet::V4(cidr) => cidr.hosts().next().map(IpAddr::V4),
            // The very first means any router.
            IpNet::V6(cidr) => cidr.hosts().nth(1).map(IpAddr::V6),
        }
    }
}

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
    /// The name of its bridge.
    pub bridge: Option<String>,
    /// Its addresses.
    pub subnets: Vec<Subnet>,
    /// The addresses that are kept for machines.
    pub reservations: Vec<Reservation>,
    /// Whether it is removed with its object.
    pub delete: bool,
    /// Whose machines may use it.
    pub consent: Consent,
}

impl DesiredNetwork {
    /// Reads a network's object.
    ///
    /// # Errors
    /// [`Invalid`] for what the API server should have refused, and for a DHCP range that ends
    /// before it starts, which it cannot see for IPv6.
    pub fn parse(object: &Network, fleet: &str) -> Result<Self, Invalid> {
        let name = object.metadata.name.clone().unwrap_or_default();
        let spec = &object.spec;
        let subnets = spec.subnets.iter().enumerate().map(|(index, subnet)| {
            let field = format!("spec.subnets[{index}]");
            let cidr: IpNet = subnet.cidr.parse().map_err(|_| {
                Invalid::new(format!("{field}.cidr"), &subnet.cidr, "must be a CIDR")
            })?;
            let ranges = subnet.dhcp.iter().flat_map(|dhcp| &dhcp.ranges);
            let ranges = ranges.map(|range| parse_range(&field, &range.start, &range.end));
            Ok(Subnet {
                cidr,
                dhcp: subnet.dhcp.is_some(),
                ranges: ranges.collect::<Result<_, _>>()?,
            })
        });
        let managed = spec.management_policy == ManagementPolicy::Full;
        let mode = mode(spec.mode);
        if managed && mode == Mode::Other {
            let allowed = "must be NAT, Isolated or Bridge with managementPolicy: Full";
            let found = format!("{:?}", spec.mode);
            return Err(Invalid::new("spec.mode", found, allowed));
        }
        Ok(Self {
            fleet: fleet.to_owned(),
            uid: object.metadata.uid.clone().unwrap_or_default(),
            uuid: identity::network_uuid(fleet, &name),
            mode,
            host_selector: spec.host_selector.clone(),
            managed,
            bridge: spec.bridge.as_ref().and_then(|bridge| bridge.name.clone()),
            subnets: subnets.collect::<Result<_, Invalid>>()?,
            reservations: Vec::new(),
            delete: spec.deletion_policy == ReclaimPolicy::Delete,
            consent: Consent::parse(spec.namespaces.as_ref()),
            name,
        })
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

fn mode(mode: NetworkMode) -> Mode {
    match mode {
        NetworkMode::NAT => Mode::Nat,
        NetworkMode::Isolated => Mode::Isolated,
        NetworkMode::Bridge => Mode::Bridge,
        NetworkMode::Route
        | NetworkMode::Open
        | NetworkMode::OVS
        | NetworkMode::Macvtap
        | NetworkMode::HostDev => Mode::Other,
    }
}

fn parse_range(field: &str, start: &str, end: &str) -> Result<(IpAddr, IpAddr), Invalid> {
    let field = format!("{field}.dhcp.ranges");
    let address = |text: &str| {
        text.parse::<IpAddr>()
            .map_err(|_| Invalid::new(&field, text, "must be an IP address"))
    };
    let range = (address(start)?, address(end)?);
    if range.0 > range.1 {
        return Err(Invalid::new(
            field,
            format!("{start}-{end}"),
            "must not end before it starts",
        ));
    }
    Ok(range)
}
