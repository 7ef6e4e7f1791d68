//! Who gets which address in a network.

use std::sync::Arc;

use drover_core::desired::network::DesiredNetwork;
use drover_core::observed::network::{NetworkFacts, ObservedNetwork};
use drover_core::reservations::{Claim, Reservation, Ruling, left};
use drover_core::xml::{Kept, network_xml};
use drover_crds::{Network, VirtualMachine};

use super::{given, world};

fn machine(name: &str, second: u32, interfaces: &str) -> VirtualMachine {
    given::object(&format!(
        "
apiVersion: drover.dev/v1alpha1
kind: VirtualMachine
metadata: {{name: {name}, namespace: shop, creationTimestamp: '2026-01-01T00:00:{second:02}Z'}}
spec:
  memory: {{guest: 64Mi}}
  interfaces: [{interfaces}]
"
    ))
}

fn network(spec: &str) -> DesiredNetwork {
    let text = format!(
        "
apiVersion: drover.dev/v1alpha1
kind: Network
metadata: {{name: lan}}
spec: {spec}
"
    );
    DesiredNetwork::parse(&given::object::<Network>(&text), given::FLEET).unwrap()
}

fn lan() -> DesiredNetwork {
    network(
        "{mode: NAT, subnets: [{cidr: 192.168.150.0/24, dhcp: {}}, {cidr: 10.9.0.0/24}, {cidr: 'fd00::/64', dhcp: {}}]}",
    )
}

fn rule(network: &DesiredNetwork, machines: &[VirtualMachine]) -> Ruling {
    let claims = machines.iter();
    let claims = claims.flat_map(|machine| Claim::of(machine, given::FLEET, "lan"));
    Ruling::of(network, claims.collect())
}

fn key(name: &str) -> (String, String) {
    ("shop".to_owned(), name.to_owned())
}

fn asks(ip: &str) -> String {
    format!("{{name: eth0, network: lan, ipAddress: '{ip}'}}")
}

#[test]
fn what_is_refused_says_why() {
    let observed = network("{mode: NAT, managementPolicy: Observe}");
    let bridge = network("{mode: Bridge, bridge: {name: br0}}");
    for (network, ip, words) in [
        (
            lan(),
            "192.168.151.7",
            "must be in a subnet of Network lan: 192.168.150.0/24, 10.9.0.0/24, fd00::/64",
        ),
        (
            lan(),
            "192.168.150.1",
            "must not be the host's own in Network lan",
        ),
        (
            lan(),
            "192.168.150.0",
            "must not be the first or the last of 192.168.150.0/24",
        ),
        (
            lan(),
            "192.168.150.255",
            "must not be the first or the last of 192.168.150.0/24",
        ),
        (lan(), "10.9.0.7", "its subnet 10.9.0.0/24 has no dhcp"),
        (lan(), "fd00::7", "must be an IPv4 address"),
        (observed, "192.168.150.7", "its managementPolicy is Observe"),
        (bridge, "192.168.150.7", "it has no DHCP server of its own"),
    ] {
        let ruling = rule(&network, &[machine("web", 1, &asks(ip))]);
        let refused = ruling.refused(&key("web")).map(ToString::to_string);
        let refused = refused.unwrap_or_default();
        assert!(
            refused.starts_with("spec.interfaces[eth0].ipAddress: "),
            "{refused}"
        );
        assert!(
            refused.contains(words) && refused.contains(&format!("got {ip:?}")),
            "{refused}"
        );
        assert!(ruling.reservations.is_empty());
    }
}

#[test]
fn the_one_that_came_first_keeps_it() {
    let (old, new) = (
        machine("b", 1, &asks("192.168.150.7")),
        machine("a", 2, &asks("192.168.150.7")),
    );
    for machines in [[old.clone(), new.clone()], [new.clone(), old.clone()]] {
        let ruling = rule(&lan(), &machines);
        assert_eq!(ruling.refused(&key("b")), None);
        let refused = ruling.refused(&key("a")).unwrap().to_string();
        assert_eq!(
            refused,
            "spec.interfaces[eth0].ipAddress: must be nobody else's in Network lan: shop/b has it, got \
             \"192.168.150.7\""
        );
        assert_eq!(ruling.reservations.len(), 1);
        assert_eq!(ruling.kept_for(&key("b")).len(), 1);
    }
    // As old as each other: the name decides.
    let ruling = rule(&lan(), &[old, machine("a", 1, &asks("192.168.150.7"))]);
    assert!(ruling.refused(&key("a")).is_none() && ruling.refused(&key("b")).is_some());
}

#[test]
fn one_that_is_refused_holds_nothing() {
    let wrong =
        "{name: eth0, network: lan, ipAddress: 192.168.151.7, macAddress: '52:54:00:00:00:01'}";
    let right = "{name: eth0, network: lan, macAddress: '52:54:00:00:00:01'}";
    let ruling = rule(&lan(), &[machine("a", 1, wrong), machine("b", 2, right)]);
    assert!(ruling.refused(&key("a")).is_some() && ruling.refused(&key("b")).is_none());
}

#[test]
fn no_two_have_one_mac_address_in_a_network() {
    let nic = |network: &str, mac: &str| {
        format!("{{name: eth0, network: {network}, macAddress: '{mac}'}}")
    };
    let mac = "52:54:00:AA:00:01";
    let machines = [
        machine("a", 1, &nic("lan", mac)),
        machine("b", 2, &nic("lan", &mac.to_lowercase())),
        machine("c", 3, &nic("wan", mac)),
    ];
    let ruling = rule(&lan(), &machines);
    assert_eq!(
        ruling.refused(&key("b")).unwrap().to_string(),
        "spec.interfaces[eth0].macAddress: must be nobody else's in Network lan: shop/a has it, got \
         \"52:54:00:aa:00:01\""
    );
    assert!(ruling.refused(&key("a")).is_none() && ruling.refused(&key("c")).is_none());
}

#[test]
fn each_has_a_name_of_its_own() {
    let two = format!(
        "{}, {{name: eth1, network: lan, ipAddress: 192.168.150.8}}",
        asks("192.168.150.7")
    );
    let mut other = machine("a", 3, &asks("192.168.150.9"));
    other.metadata.namespace = Some("lab".to_owned());
    let ruling = rule(&lan(), &[machine("a", 1, &two), other]);
    let names = ruling.reservations.iter().map(|kept| kept.name.as_deref());
    assert_eq!(
        names.collect::<Vec<_>>(),
        [Some("a"), Some("a-eth1"), Some("a-eth0")]
    );
}

#[test]
fn a_change_is_told_to_whom_it_concerns() {
    let (a, b) = (
        machine("a", 1, &asks("192.168.150.7")),
        machine("b", 2, &asks("192.168.150.7")),
    );
    let both = rule(&lan(), &[a.clone(), b.clone()]);
    assert_eq!(both.differs_for(None), [&key("a"), &key("b")]);
    assert!(both.differs_for(Some(&both)).is_empty());
    let claims = |machine| Claim::of(machine, given::FLEET, "lan");
    assert!(both.knows(&key("a"), &claims(&a)) && !both.knows(&key("a"), &[]));
    assert!(both.knows(&key("c"), &[]));
    // What the first one had is free for the second one.
    let one = rule(&lan(), &[b]);
    assert_eq!(one.differs_for(Some(&both)), [&key("b")]);
    assert!(!one.knows(&key("a"), &claims(&a)));
}

#[test]
fn what_the_network_keeps_for_others_comes_first() {
    let network = network(
        "{mode: NAT, subnets: [{cidr: 192.168.150.0/24, dhcp: {hosts: [\
         {ip: 192.168.150.7, mac: '52:54:00:00:00:0A', hostname: a}]}}]}",
    );
    let whose = "spec.subnets[].dhcp.hosts of Network lan has";
    let ruling = rule(&network, &[machine("a", 1, &asks("192.168.150.7"))]);
    let refused = ruling.refused(&key("a")).unwrap().to_string();
    assert!(refused.contains(whose), "{refused}");
    let own = "{name: eth0, network: lan, macAddress: '52:54:00:00:00:0a'";
    // A machine may be the one that it is kept for.
    let ruling = rule(&network, &[machine("a", 1, &format!("{own}}}"))]);
    assert_eq!(ruling.refused(&key("a")), None);
    let more = format!("{own}, ipAddress: 192.168.150.8}}");
    let ruling = rule(&network, &[machine("a", 1, &more)]);
    let refused = ruling.refused(&key("a")).unwrap().to_string();
    assert!(
        refused.contains(whose) && refused.contains("52:54:00:00:00:0a"),
        "{refused}"
    );
    let ruling = rule(&network, &[machine("a", 1, &asks("192.168.150.8"))]);
    assert_eq!(ruling.reservations[0].name.as_deref(), Some("a-eth0"));
}

#[test]
fn what_nobody_has_declared_yet_has_its_address_still() {
    let web = given::machine();
    let domains = [Arc::new(world::running(&web, 1))];
    let mut had = lan();
    had.reservations = vec![Reservation {
        mac: web.interfaces[0].mac.clone(),
        ip: "192.168.150.7".parse().unwrap(),
        name: Some("web".to_owned()),
    }];
    let facts = NetworkFacts::parse(&network_xml(&had, &Kept::default())).unwrap();
    let host = ObservedNetwork {
        name: had.name.clone(),
        uuid: had.uuid,
        active: true,
        persistent: true,
        config: facts.clone(),
        live: Some(facts),
    };
    assert!(host.keeps_more_than(&[]) && !host.keeps_more_than(&[&web.interfaces[0].mac]));
    let left = |machines: &[VirtualMachine]| left(&lan(), &rule(&lan(), machines), &host, &domains);
    assert_eq!(left(&[]), had.reservations);
    // It is declared, and asks for nothing.
    assert_eq!(left(&[machine("web", 1, "{name: eth0, network: lan}")]), []);
    assert_eq!(left(&[machine("db", 1, &asks("192.168.150.7"))]), []);
    assert_eq!(left(&[machine("db", 1, &asks("192.168.150.8"))]).len(), 1);
}
