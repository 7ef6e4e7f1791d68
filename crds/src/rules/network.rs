//! What a Network may say.

use serde_json::{Value, json};

use super::{at, immutable, rule};

// The modes in which libvirt makes a bridge, and serves those on it.
const OWN: &[&str] = &["NAT", "Route", "Open", "Isolated"];
// The modes in which somebody heeds VLAN tags: libvirt refuses them elsewhere.
const TAGGED: &[&str] = &["OVS", "HostDev"];
const OBSERVED: &str = "(has(self.managementPolicy) && self.managementPolicy == 'Observe')";

fn is_one_of(modes: &[&str]) -> String {
    format!("self.mode in ['{}']", modes.join("', '"))
}

fn words(modes: &[&str]) -> String {
    match modes {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

// `field` may be set with these modes only. An empty list is as good as none.
fn only(field: &str, is_set: &str, modes: &[&str]) -> Value {
    let message = format!("{field} is only for mode: {}", words(modes));
    let parent = field.split('[').next().unwrap_or(field);
    let text = format!("!({is_set}) || {}", is_one_of(modes));
    at(&format!(".{parent}"), rule(text, &message))
}

// `field` is needed with these modes, unless the network is there already.
fn needed(field: &str, is_set: &str, modes: &[&str]) -> Value {
    let message = format!("{field} is needed with mode: {}", words(modes));
    let text = format!("{OBSERVED} || !({}) || {is_set}", is_one_of(modes));
    rule(text, &message)
}

fn list(name: &str) -> String {
    format!("has(self.{name}) && size(self.{name}) > 0")
}

/// A Network's spec.
#[must_use]
pub fn network_spec() -> Value {
    let mut rules = by_mode();
    rules.extend([
        at(
            ".portGroups",
            rule(
                "self.mode != 'HostDev' || !has(self.portGroups) || \
                 !self.portGroups.exists(g, has(g.bandwidth))",
                "portGroups[].bandwidth is not for mode: HostDev",
            ),
        ),
        at(
            ".routes",
            rule(
                "!has(self.routes) || self.routes.all(r, !isIP(r.gateway) || (has(self.subnets) && \
                 self.subnets.exists(s, isCIDR(s.cidr) && cidr(s.cidr).containsIP(r.gateway))))",
                "the gateway of a route is in no subnet of the network",
            ),
        ),
        at(
            ".dns",
            rule(
                "!has(self.dns) || !has(self.dns.localOnly) || !self.dns.localOnly || has(self.domain)",
                "localOnly needs a domain",
            ),
        ),
        immutable("mode"),
        immutable("managementPolicy"),
    ]);
    rules.into()
}

// Exactly what a mode takes.
fn by_mode() -> Vec<Value> {
    let name = "has(self.bridge) && has(self.bridge.name)";
    let tagged = "has(self.portGroups) && self.portGroups.exists(g, has(g.vlan))";
    let subnet = format!("({})", list("subnets"));
    let mut rules = vec![
        needed("bridge.name", &format!("({name})"), &["Bridge", "OVS"]),
        needed("macvtap", "has(self.macvtap)", &["Macvtap"]),
        needed("hostDevices", "has(self.hostDevices)", &["HostDev"]),
        needed("a subnet", &subnet, &["NAT", "Route", "Open"]),
        only(
            "bridge",
            "has(self.bridge)",
            &[OWN, &["Bridge", "OVS"]].concat(),
        ),
        only(
            "bridge.stp",
            "has(self.bridge) && has(self.bridge.stp)",
            OWN,
        ),
        only(
            "bridge.delay",
            "has(self.bridge) && has(self.bridge.delay)",
            OWN,
        ),
        only("device", "has(self.device)", &["NAT", "Route"]),
        only("nat", "has(self.nat)", &["NAT"]),
        only("macvtap", "has(self.macvtap)", &["Macvtap"]),
        only("hostDevices", "has(self.hostDevices)", &["HostDev"]),
        only("subnets", &list("subnets"), OWN),
        only("routes", &list("routes"), OWN),
        only("vlan", "has(self.vlan)", TAGGED),
        only("portGroups[].vlan", tagged, TAGGED),
    ];
    for field in ["domain", "dns", "mtu", "bandwidth"] {
        rules.push(only(field, &format!("has(self.{field})"), OWN));
    }
    rules
}

/// A Network's subnets.
#[must_use]
pub fn subnets() -> Value {
    let with_dhcp = |is: &str| format!("self.filter(s, has(s.dhcp) && {is}).size() <= 1");
    let one = "only one subnet of each family has dhcp: libvirt's DHCP server serves no more";
    json!([
        rule(
            "self.all(a, !isCIDR(a.cidr) || self.exists_one(b, isCIDR(b.cidr) && \
             (cidr(a.cidr).containsCIDR(b.cidr) || cidr(b.cidr).containsCIDR(a.cidr))))",
            "two subnets overlap",
        ),
        rule(with_dhcp("!s.cidr.contains(':')"), one),
        rule(with_dhcp("s.cidr.contains(':')"), one),
    ])
}

/// One subnet.
#[must_use]
pub fn subnet() -> Value {
    let ranges = "has(self.dhcp) && has(self.dhcp.ranges)";
    json!([
        at(
            ".cidr",
            rule("isCIDR(self.cidr)", "not a CIDR, such as 192.168.150.0/24")
        ),
        at(
            ".cidr",
            rule(
                "!isCIDR(self.cidr) || cidr(self.cidr) == cidr(self.cidr).masked()",
                "bits are set behind the prefix: the network's own address is needed",
            )
        ),
        at(
            ".dhcp",
            rule(
                format!(
                    "!isCIDR(self.cidr) || !({ranges}) || self.dhcp.ranges.all(r, \
                     isIP(r.start) && isIP(r.end) && cidr(self.cidr).containsIP(r.start) && \
                     cidr(self.cidr).containsIP(r.end))"
                ),
                "a DHCP range is outside of the subnet",
            )
        ),
        at(
            ".dhcp",
            rule(
                "!isCIDR(self.cidr) || !has(self.dhcp) || !has(self.dhcp.hosts) || \
                 self.dhcp.hosts.all(h, isIP(h.ip) && cidr(self.cidr).containsIP(h.ip))",
                "the address of a DHCP host is outside of the subnet",
            )
        ),
    ])
}

/// One range of addresses. CEL orders no addresses, so IPv4's are made numbers; IPv6's are
/// compared when the network is made.
#[must_use]
pub fn dhcp_range() -> Value {
    let number = |list: &str| {
        format!("{list}[0] * 16777216 + {list}[1] * 65536 + {list}[2] * 256 + {list}[3]")
    };
    let parts = |field: &str| format!("self.{field}.split('.').map(x, int(x))");
    let text = format!(
        "!isIP(self.start) || !isIP(self.end) || ip(self.start).family() != 4 || \
         ip(self.end).family() != 4 || [{}].all(s, [{}].all(e, {} <= {}))",
        parts("start"),
        parts("end"),
        number("s"),
        number("e"),
    );
    json!([rule(text, "a DHCP range ends before it starts")])
}

/// The addresses that DHCP keeps.
#[must_use]
pub fn dhcp_hosts() -> Value {
    json!([
        rule(
            "self.all(a, self.exists_one(b, b.ip == a.ip))",
            "two DHCP hosts have the same ip",
        ),
        rule(
            "self.all(a, !has(a.mac) || self.exists_one(b, has(b.mac) && \
             b.mac.lowerAscii() == a.mac.lowerAscii()))",
            "two DHCP hosts have the same mac",
        ),
        rule(
            "self.all(a, !has(a.hostname) || self.exists_one(b, has(b.hostname) && \
             b.hostname == a.hostname))",
            "two DHCP hosts have the same hostname",
        ),
        rule(
            "self.all(h, !isIP(h.ip) || ip(h.ip).family() == 6 || (has(h.mac) && !has(h.duid)))",
            "an IPv4 address is kept for a mac",
        ),
        rule(
            "self.all(h, !isIP(h.ip) || ip(h.ip).family() == 4 || (!has(h.mac) && \
             (has(h.duid) || has(h.hostname))))",
            "an IPv6 address is kept for a duid or a hostname: DHCPv6 sees no MAC address",
        ),
    ])
}

/// A route.
#[must_use]
pub fn route() -> Value {
    json!([
        at(
            ".cidr",
            rule("isCIDR(self.cidr)", "not a CIDR, such as 10.20.0.0/16")
        ),
        at(
            ".cidr",
            rule(
                "!isCIDR(self.cidr) || cidr(self.cidr) == cidr(self.cidr).masked()",
                "bits are set behind the prefix: the network's own address is needed",
            )
        ),
        at(
            ".gateway",
            rule(
                "isIP(self.gateway) && (!isCIDR(self.cidr) || \
                 ip(self.gateway).family() == cidr(self.cidr).ip().family())",
                "not an IP address of the route's family",
            )
        ),
    ])
}

/// A network's `dns`.
#[must_use]
pub fn dns() -> Value {
    let fields = ["localOnly", "forwarders", "hosts", "srv", "txt"];
    let others: Vec<_> = fields
        .iter()
        .map(|name| format!("has(self.{name})"))
        .collect();
    json!([rule(
        format!(
            "!has(self.enabled) || self.enabled || !({})",
            others.join(" || ")
        ),
        "enabled: false excludes everything else",
    )])
}

/// Whom a DNS server asks.
#[must_use]
pub fn dns_forwarder() -> Value {
    json!([
        rule(
            "has(self.address) || has(self.domain)",
            "address or domain is needed",
        ),
        at(
            ".address",
            rule(
                "!has(self.address) || isIP(self.address)",
                "not an IP address"
            )
        ),
    ])
}

/// The names of an address.
#[must_use]
pub fn dns_host() -> Value {
    json!([at(".ip", rule("isIP(self.ip)", "not an IP address"))])
}

/// All names of all addresses.
#[must_use]
pub fn dns_hosts() -> Value {
    json!([rule(
        "self.all(a, self.exists_one(b, b.ip == a.ip))",
        "two DNS hosts have the same ip: list its names together",
    )])
}

/// Where a service is.
#[must_use]
pub fn dns_service() -> Value {
    json!([rule(
        "has(self.target) || !(has(self.port) || has(self.priority) || has(self.weight))",
        "port, priority and weight need a target",
    )])
}

/// A name of DNS.
#[must_use]
pub fn dns_name() -> Value {
    json!([rule(
        "self.matches('^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?([.][A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?)*$')",
        "not a name of DNS, such as lab.example.org",
    )])
}

/// Port groups.
#[must_use]
pub fn port_groups() -> Value {
    json!([rule(
        "self.filter(g, has(g.default) && g.default).size() <= 1",
        "only one port group is the default",
    )])
}

/// The VLANs of a port.
#[must_use]
pub fn vlan() -> Value {
    json!([
        rule(
            "size(self.tags) == 1 || (has(self.trunk) && self.trunk)",
            "several tags need trunk: true",
        ),
        at(
            ".tags",
            rule(
                "self.tags.all(a, self.tags.exists_one(b, a == b))",
                "a tag is there twice",
            )
        ),
    ])
}

/// What guests look like behind NAT.
#[must_use]
pub fn nat() -> Value {
    json!([
        at(
            ".addresses",
            rule(
                "!has(self.addresses) || (isIP(self.addresses.start) && isIP(self.addresses.end) && \
                 ip(self.addresses.start).family() == 4 && ip(self.addresses.end).family() == 4)",
                "not IPv4 addresses",
            )
        ),
        at(
            ".ports",
            rule(
                "!has(self.ports) || self.ports.start <= self.ports.end",
                "the range of ports ends before it starts",
            )
        ),
    ])
}

/// The virtual functions that guests get.
#[must_use]
pub fn network_host_devices() -> Value {
    json!([rule(
        "has(self.physicalFunction) != (has(self.addresses) && size(self.addresses) > 0)",
        "exactly one of physicalFunction and addresses is needed",
    )])
}
