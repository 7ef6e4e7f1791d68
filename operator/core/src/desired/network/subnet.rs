//! The addresses of a network.

use std::net::IpAddr;

use drover_crds::network::{self, Dhcp, DhcpOption, Route};
use ipnet::IpNet;

use crate::desired::Invalid;

/// Addresses of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Address and prefix.
    pub cidr: IpNet,
    /// Whether it has DHCP.
    pub dhcp: bool,
    /// What DHCP gives: first and last addresses.
    pub ranges: Vec<(IpAddr, IpAddr)>,
    /// What DHCP keeps for others than machines.
    pub hosts: Vec<FixedHost>,
    /// What DHCP tells beside addresses.
    pub options: Vec<DhcpOption>,
}

/// An address that is kept for somebody who is no machine of the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedHost {
    /// The address.
    pub ip: IpAddr,
    /// The MAC address in lower case, of IPv4.
    pub mac: Option<String>,
    /// The DUID in lower case, of IPv6.
    pub duid: Option<String>,
    /// Its name in the network.
    pub hostname: Option<String>,
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

pub(super) fn parse_subnets(subnets: &[network::Subnet]) -> Result<Vec<Subnet>, Invalid> {
    let parsed = subnets.iter().enumerate().map(|(index, subnet)| {
        let field = format!("spec.subnets[{index}]");
        let cidr: IpNet = subnet
            .cidr
            .parse()
            .map_err(|_| Invalid::new(format!("{field}.cidr"), &subnet.cidr, "must be a CIDR"))?;
        let dhcp = subnet.dhcp.clone().unwrap_or_default();
        let ranges = dhcp.ranges.iter();
        let ranges = ranges.map(|range| parse_range(&field, &range.start, &range.end));
        Ok(Subnet {
            cidr,
            dhcp: subnet.dhcp.is_some(),
            ranges: ranges.collect::<Result<_, _>>()?,
            hosts: parse_hosts(&field, &cidr, &dhcp)?,
            options: dhcp.options,
        })
    });
    parsed.collect()
}

fn parse_address(field: &str, text: &str) -> Result<IpAddr, Invalid> {
    text.parse()
        .map_err(|_| Invalid::new(field, text, "must be an IP address"))
}

fn parse_range(field: &str, start: &str, end: &str) -> Result<(IpAddr, IpAddr), Invalid> {
    let field = format!("{field}.dhcp.ranges");
    let range = (parse_address(&field, start)?, parse_address(&field, end)?);
    if range.0 > range.1 {
        return Err(Invalid::new(
            field,
            format!("{start}-{end}"),
            "must not end before it starts",
        ));
    }
    Ok(range)
}

fn parse_hosts(field: &str, cidr: &IpNet, dhcp: &Dhcp) -> Result<Vec<FixedHost>, Invalid> {
    let field = format!("{field}.dhcp.hosts");
    let parsed = dhcp.hosts.iter().map(|host| {
        let ip = parse_address(&field, &host.ip)?;
        if !cidr.contains(&ip) {
            let allowed = format!("must be in {cidr}");
            return Err(Invalid::new(&field, &host.ip, allowed));
        }
        Ok(FixedHost {
            ip,
            mac: host.mac.as_ref().map(|mac| mac.to_lowercase()),
            duid: host.duid.as_ref().map(|duid| duid.to_lowercase()),
            hostname: host.hostname.clone(),
        })
    });
    parsed.collect()
}

pub(super) fn parse_routes(routes: &[Route], subnets: &[Subnet]) -> Result<(), Invalid> {
    for (index, route) in routes.iter().enumerate() {
        let field = format!("spec.routes[{index}]");
        if route.cidr.parse::<IpNet>().is_err() {
            let field = format!("{field}.cidr");
            return Err(Invalid::new(field, &route.cidr, "must be a CIDR"));
        }
        let field = format!("{field}.gateway");
        let gateway = parse_address(&field, &route.gateway)?;
        if !subnets.iter().any(|subnet| subnet.cidr.contains(&gateway)) {
            let allowed = "must be in a subnet of the network";
            return Err(Invalid::new(field, &route.gateway, allowed));
        }
    }
    Ok(())
}
