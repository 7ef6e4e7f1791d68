//! Addresses that a network's DHCP server keeps for machines: who asks for which, and who gets it.
//! Of two that ask for the same, the one that came first has it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use drover_crds::VirtualMachine;
use ipnet::IpNet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::desired::Invalid;
use crate::desired::network::DesiredNetwork;
use crate::identity;
use crate::observed::domain::ObservedDomain;
use crate::observed::network::{ObservedNetwork, Section};

/// An address that is kept for one MAC address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The MAC address.
    pub mac: String,
    /// The address.
    pub ip: Ipv4Addr,
    /// The name that it has in the network, if it is nobody else's.
    pub name: Option<String>,
}

/// What one interface of a machine asks of its network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The machine: namespace and name.
    pub machine: (String, String),
    /// When its object was made.
    pub since: Option<Time>,
    /// The interface.
    pub interface: String,
    /// Its MAC address, which nobody else may have in the network.
    pub mac: String,
    /// The address that it is to have, as it was written.
    pub ip: Option<String>,
}

impl Claim {
    /// What a machine's interfaces ask of a network.
    #[must_use]
    pub fn of(machine: &VirtualMachine, fleet: &str, network: &str) -> Vec<Self> {
        let meta = &machine.metadata;
        let namespace = meta.namespace.clone().unwrap_or_default();
        let name = meta.name.clone().unwrap_or_default();
        let given = machine.spec.uuid.as_ref().and_then(|it| it.parse().ok());
        let uuid = given.unwrap_or_else(|| identity::machine_uuid(fleet, &namespace, &name));
        let interfaces = machine.spec.interfaces.iter();
        let inside = interfaces.filter(|interface| interface.network == network);
        let claims = inside.map(|interface| Self {
            machine: (namespace.clone(), name.clone()),
            since: meta.creation_timestamp.clone(),
            interface: interface.name.clone(),
            mac: identity::mac_of(&uuid, interface),
            ip: interface.ip_address.clone(),
        });
        claims.collect()
    }

    fn refuse(&self, field: &str, value: &str, allowed: impl Into<String>) -> Invalid {
        let field = format!("spec.interfaces[{}].{field}", self.interface);
        Invalid::new(field, value, allowed)
    }

    fn full_name(&self) -> String {
        format!("{}/{}", self.machine.0, self.machine.1)
    }
}

/// A claim, and why it is refused, if it is.
type Ruled = (Claim, Option<Invalid>);

/// Who has what in a network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ruling {
    /// What is kept, in the order of the addresses.
    pub reservations: Vec<Reservation>,
    claims: BTreeMap<(String, String), Vec<Ruled>>,
}

impl Ruling {
    /// Decides on all claims.
    #[must_use]
    pub fn of(network: &DesiredNetwork, mut claims: Vec<Claim>) -> Self {
        claims.sort_by(|a, b| {
            let age = |claim: &Claim| (claim.since.clone(), claim.machine.clone());
            age(a).cmp(&age(b))
        });
        let mut ruling = Self::default();
        let mut taken = Taken::new(network);
        for claim in claims {
            let refused = match taken.admit(network, &claim) {
                Ok(reservation) => {
                    ruling.reservations.extend(reservation);
                    None
                }
                Err(refused) => Some(refused),
            };
            let of_machine = ruling.claims.entry(claim.machine.clone()).or_default();
            of_machine.push((claim, refused));
        }
        ruling.reservations.sort_by_key(|kept| kept.ip);
        ruling
    }

    /// Whether it was decided on these claims of a machine, and on no others.
    #[must_use]
    pub fn knows(&self, machine: &(String, String), claims: &[Claim]) -> bool {
        let known = self.claims.get(machine).map_or(&[][..], Vec::as_slice);
        known.iter().map(|(claim, _)| claim).eq(claims)
    }

    /// Whether another machine has one of these MAC addresses.
    #[must_use]
    pub fn has_another(&self, machine: &(String, String), claims: &[Claim]) -> bool {
        let others = self.claims.iter().filter(|(other, _)| *other != machine);
        let mut theirs = others.flat_map(|(_, ruled)| ruled);
        theirs.any(|(theirs, _)| claims.iter().any(|claim| claim.mac == theirs.mac))
    }

    /// Why a machine does not get what it asks for.
    #[must_use]
    pub fn refused(&self, machine: &(String, String)) -> Option<&Invalid> {
        let mut ruled = self.claims.get(machine)?.iter();
        ruled.find_map(|(_, refused)| refused.as_ref())
    }

    /// The addresses that are kept for a machine, each with its MAC address.
    #[must_use]
    pub fn kept_for(&self, machine: &(String, String)) -> Vec<&Reservation> {
        let ruled = self.claims.get(machine).map_or(&[][..], Vec::as_slice);
        let granted = ruled.iter().filter(|(_, refused)| refused.is_none());
        let kept = granted.filter_map(|(claim, _)| {
            let mut all = self.reservations.iter();
            all.find(|kept| claim.ip.is_some() && kept.mac == claim.mac)
        });
        kept.collect()
    }

    /// The machines that ask for an address.
    pub fn keepers(&self) -> impl Iterator<Item = &(String, String)> {
        let asking = self.claims.iter();
        let asking = asking.filter(|(_, ruled)| ruled.iter().any(|(claim, _)| claim.ip.is_some()));
        asking.map(|(machine, _)| machine)
    }

    /// The machines of which it was decided otherwise before.
    #[must_use]
    pub fn differs_for(&self, before: Option<&Self>) -> Vec<&(String, String)> {
        let same = |machine: &(String, String)| {
            before.is_some_and(|before| {
                before.claims.get(machine) == self.claims.get(machine)
                    && before.kept_for(machine) == self.kept_for(machine)
            })
        };
        self.claims.keys().filter(|it| !same(it)).collect()
    }
}

/// What a host keeps for the fleet's machines of which nobody has said anything yet, because their
/// objects come later or are lost: their guests have it still.
#[must_use]
pub fn left(
    network: &DesiredNetwork,
    ruling: &Ruling,
    observed: &ObservedNetwork,
    domains: &[Arc<ObservedDomain>],
) -> Vec<Reservation> {
    let is_lost = |domain: &&Arc<ObservedDomain>| {
        let mark = domain.mark().filter(|mark| mark.fleet == network.fleet);
        mark.is_some_and(|mark| {
            let machine = (mark.namespace.clone(), mark.name.clone());
            !ruling.claims.contains_key(&machine)
        })
    };
    let definitions = domains.iter().filter(is_lost);
    let definitions = definitions.filter_map(|it| it.live.as_ref().or(it.inactive.as_ref()));
    let macs: HashSet<&str> = definitions
        .flat_map(|definition| &definition.interfaces)
        .filter(|nic| nic.network.as_ref() == Some(&network.name))
        .map(|nic| nic.mac.as_str())
        .collect();
    let kept = observed.config.items.iter();
    let kept = kept.filter(|item| item.section == Section::DhcpHost);
    let lost = kept.filter_map(|item| {
        let mac = item.element.get("mac").filter(|mac| macs.contains(mac))?;
        let ip = item.element.get("ip")?.parse().ok()?;
        let others = ruling.reservations.iter();
        let free = others
            .clone()
            .all(|other| other.ip != ip && other.mac != mac);
        let name = item.element.get("name").map(str::to_owned);
        free.then(|| Reservation {
            mac: mac.to_owned(),
            ip,
            name: name.filter(|name| others.clone().all(|it| it.name.as_ref() != Some(name))),
        })
    });
    lost.collect()
}

/// What is somebody's already, and whose.
#[derive(Default)]
struct Taken {
    fixed: HashMap<String, String>,
    macs: HashMap<String, String>,
    addresses: HashMap<Ipv4Addr, String>,
    names: HashMap<String, String>,
}

impl Taken {
    // What the network keeps for others than machines comes first. A machine may be one of them, by
    // its MAC address, as long as it asks for nothing else.
    fn new(network: &DesiredNetwork) -> Self {
        let mut taken = Self::default();
        let fixed = network.subnets.iter().flat_map(|subnet| &subnet.hosts);
        for host in fixed {
            let owner = format!("spec.subnets[].dhcp.hosts of Network {}", network.name);
            if let IpAddr::V4(ip) = host.ip {
                taken.addresses.insert(ip, owner.clone());
            }
            taken
                .fixed
                .extend(host.mac.clone().map(|mac| (mac, owner.clone())));
            taken
                .names
                .extend(host.hostname.clone().map(|name| (name, owner)));
        }
        taken
    }

    fn admit(
        &mut self,
        network: &DesiredNetwork,
        claim: &Claim,
    ) -> Result<Option<Reservation>, Invalid> {
        let whose = claim.full_name();
        if let Some(owner) = self.macs.get(&claim.mac) {
            let allowed = format!(
                "must be nobody else's in Network {}: {owner} has it",
                network.name
            );
            return Err(claim.refuse("macAddress", &claim.mac, allowed));
        }
        let Some(text) = &claim.ip else {
            self.macs.insert(claim.mac.clone(), whose);
            return Ok(None);
        };
        if let Some(owner) = self.fixed.get(&claim.mac) {
            let allowed = format!(
                "must not be there: {owner} has the MAC address {}",
                claim.mac
            );
            return Err(claim.refuse("ipAddress", text, allowed));
        }
        let ip = address(network, text).map_err(|why| claim.refuse("ipAddress", text, why))?;
        if let Some(owner) = self.addresses.get(&ip) {
            let allowed = format!(
                "must be nobody else's in Network {}: {owner} has it",
                network.name
            );
            return Err(claim.refuse("ipAddress", text, allowed));
        }
        self.macs.insert(claim.mac.clone(), whose.clone());
        self.addresses.insert(ip, whose.clone());
        Ok(Some(Reservation {
            mac: claim.mac.clone(),
            ip,
            name: self.name(claim, whose),
        }))
    }

    // The machine's own name, unless another one of that name is in the network.
    fn name(&mut self, claim: &Claim, whose: String) -> Option<String> {
        let (namespace, name) = &claim.machine;
        let longer = [&claim.interface, namespace].map(|more| format!("{name}-{more}"));
        let names = std::iter::once(name.clone()).chain(longer);
        // dnsmasq takes no dots, and DNS no more than 63 characters.
        let mut free = names.filter(|name| {
            name.len() <= 63 && !name.contains('.') && !self.names.contains_key(name)
        });
        let name = free.next()?;
        self.names.insert(name.clone(), whose);
        Some(name)
    }
}

// An address that the network can keep; why not, if it cannot.
fn address(network: &DesiredNetwork, text: &str) -> Result<Ipv4Addr, String> {
    let name = &network.name;
    if !network.managed {
        return Err(format!(
            "no address is kept in Network {name}: its managementPolicy is Observe"
        ));
    }
    if !network.is_own() {
        return Err(format!(
            "no address is kept in Network {name}: it has no DHCP server of its own"
        ));
    }
    let ip: Ipv4Addr = text.parse().map_err(|_| {
        "must be an IPv4 address: a DHCPv6 server knows guests by a DUID that only they know"
            .to_owned()
    })?;
    let cidrs = network.subnets.iter().map(|subnet| subnet.cidr.to_string());
    let cidrs = cidrs.collect::<Vec<_>>().join(", ");
    let mut subnets = network.subnets.iter();
    let inside = subnets.find(|subnet| subnet.cidr.contains(&IpAddr::V4(ip)));
    let Some(subnet) = inside else {
        return Err(format!("must be in a subnet of Network {name}: {cidrs}"));
    };
    if !subnet.dhcp {
        return Err(format!(
            "no address is kept in Network {name}: its subnet {} has no dhcp",
            subnet.cidr
        ));
    }
    if subnet.gateway() == Some(IpAddr::V4(ip)) {
        return Err(format!("must not be the host's own in Network {name}"));
    }
    let IpNet::V4(cidr) = subnet.cidr else {
        return Ok(ip);
    };
    if cidr.prefix_len() < 31 && (ip == cidr.network() || ip == cidr.broadcast()) {
        return Err(format!(
            "must not be the first or the last of {cidr}, which mean all of it"
        ));
    }
    Ok(ip)
}
