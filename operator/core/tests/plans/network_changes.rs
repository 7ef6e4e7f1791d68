//! What each change of a network asks for: an edit while it runs, or a restart.

use drover_core::desired::network::DesiredNetwork;
use drover_core::observed::network::{NetworkFacts, ObservedNetwork};
use drover_core::plan::network::{Command, Sides, Step, plan};
use drover_core::xml::{Kept, network_xml};
use drover_crds::Network;
use drover_crds::condition::Reason;
use serde_json::{Value, json};

use super::given;

const GOOD: &str = include_str!("../../../../e2e/tests/good-input/networks.yaml");

// Networks of every mode.
fn good() -> Vec<Value> {
    GOOD.split("---\n").map(given::object::<Value>).collect()
}

fn named(name: &str) -> Value {
    let mut all = good().into_iter();
    all.find(|network| network["metadata"]["name"] == name)
        .unwrap()
}

fn desired(network: &Value) -> DesiredNetwork {
    let object: Network = serde_json::from_value(network.clone()).unwrap();
    DesiredNetwork::parse(&object, given::FLEET).unwrap()
}

fn running(network: &DesiredNetwork) -> ObservedNetwork {
    let facts = NetworkFacts::parse(&network_xml(network, &Kept::default())).unwrap();
    ObservedNetwork {
        name: network.name.clone(),
        uuid: network.uuid,
        active: true,
        persistent: true,
        config: facts.clone(),
        live: Some(facts),
    }
}

#[test]
fn what_was_written_is_as_declared() {
    for network in good() {
        let network = desired(&network);
        let found = plan(&network, Some(&running(&network)), &[]);
        let managed = network.managed;
        assert_eq!(
            (found.step, found.verdict.reason),
            (None, Reason::Realized),
            "{}",
            network.name
        );
        assert!(managed || network.name == "good-observed");
    }
}

// What is done to the running network for a change of a field: `command section` for each edit, or
// the field that needs a restart.
fn asked(name: &str, pointer: &str, to: &Value) -> Vec<String> {
    let before = named(name);
    let mut after = before.clone();
    match after.pointer_mut(pointer) {
        Some(value) => *value = to.clone(),
        None => {
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            after.pointer_mut(parent).unwrap()[field] = to.clone();
        }
    }
    let wanted = desired(&after);
    let mut host = running(&desired(&before));
    let users = ["shop/web".to_owned()];
    match plan(&wanted, Some(&host), &users).step {
        Some(Step::Update(edits)) => {
            let word = |command| match command {
                Command::Add => "add",
                Command::Modify => "modify",
                Command::Delete => "delete",
            };
            assert!(edits.iter().all(|edit| edit.sides == Sides::Both));
            let words = edits
                .iter()
                .map(|edit| format!("{} {:?}", word(edit.command), edit.section));
            words.collect()
        }
        Some(Step::Define(xml)) => {
            host.config = NetworkFacts::parse(&xml).unwrap();
            let waiting = plan(&wanted, Some(&host), &users);
            assert_eq!(waiting.step, None, "{pointer}");
            assert_eq!(waiting.verdict.reason, Reason::RestartRequired, "{pointer}");
            assert!(waiting.verdict.message.ends_with("cut off shop/web"));
            assert_eq!(plan(&wanted, Some(&host), &[]).step, Some(Step::Destroy));
            let field = waiting.verdict.message.split(": ").next().unwrap();
            vec![field.to_owned()]
        }
        other => panic!("{pointer}: {other:?}"),
    }
}

const FULL: &str = "good-full";

fn each(table: &[(&str, &str, Value, &[&str])]) {
    for (name, field, to, expected) in table {
        let pointer = format!("/spec/{field}");
        assert_eq!(asked(name, &pointer, to), *expected, "{name} {field}");
    }
}

#[test]
fn what_dhcp_gives_is_edited() {
    let host = |ip: &str, mac: &str| json!([{"ip": ip, "mac": mac}]);
    let (first, other) = ("192.168.151.7", "192.168.151.8");
    let (mac, another) = ("52:54:00:00:00:0a", "52:54:00:00:00:0b");
    let hosts = "subnets/0/dhcp/hosts";
    let replaced = ["delete DhcpRange", "add DhcpRange"];
    let moved = ["delete DhcpHost", "add DhcpHost"];
    each(&[
        (FULL, "subnets/0/dhcp/ranges", json!([]), &replaced[..1]),
        (
            FULL,
            "subnets/0/dhcp/ranges/0/end",
            json!("192.168.151.99"),
            &replaced,
        ),
        (FULL, hosts, json!([]), &moved[..1]),
        (FULL, hosts, host(other, mac), &["modify DhcpHost"]),
        (FULL, hosts, host(first, another), &moved),
    ]);
}

#[test]
fn what_dns_knows_is_edited() {
    let records = |section: &str| [format!("delete {section}"), format!("add {section}")];
    let (host, srv, txt) = (records("DnsHost"), records("DnsSrv"), records("DnsTxt"));
    let [host, srv, txt] = [&host, &srv, &txt].map(|words| [words[0].as_str(), words[1].as_str()]);
    each(&[
        (FULL, "dns/hosts", json!([]), &host[..1]),
        (FULL, "dns/hosts/0/hostnames", json!(["other"]), &host),
        (FULL, "dns/srv", json!([]), &["delete DnsSrv"; 2]),
        (FULL, "dns/srv/0/port", json!(636), &srv),
        (FULL, "dns/txt/0/value", json!("x"), &txt),
    ]);
}

#[test]
fn ports_and_devices_are_edited() {
    let slower = json!({"outbound": {"average": 7}});
    let devices = ["delete ForwardInterface", "add ForwardInterface"];
    each(&[
        (FULL, "portGroups", json!([]), &["delete PortGroup"; 2]),
        (
            FULL,
            "portGroups/0/bandwidth",
            slower,
            &["modify PortGroup"],
        ),
        (
            "good-ovs",
            "portGroups/0/vlan/tags",
            json!([7]),
            &["modify PortGroup"],
        ),
        (
            "good-macvtap",
            "macvtap/devices",
            json!(["eth2", "eth3"]),
            &devices,
        ),
    ]);
}

#[test]
fn the_rest_needs_a_restart() {
    let other = json!([{"cidr": "10.1.2.0/24"}]);
    let server = json!("192.0.2.9");
    each(&[
        (
            FULL,
            "bridge/name",
            json!("virbr-other"),
            &["spec.bridge.name"],
        ),
        (FULL, "bridge/stp", json!(true), &["spec.bridge.stp"]),
        (FULL, "bridge/delay", json!(0), &["spec.bridge.delay"]),
        (FULL, "device", json!("eth1"), &["spec.device"]),
        (FULL, "nat/ports/end", json!(3001), &["spec.nat"]),
        (FULL, "nat/ipv6", json!(false), &["spec.nat"]),
        (FULL, "domain", json!("other.example.org"), &["spec.domain"]),
        (FULL, "dns/localOnly", json!(false), &["spec.dns.localOnly"]),
        (
            FULL,
            "dns/forwarders/0/address",
            server,
            &["spec.dns.forwarders"],
        ),
        (FULL, "routes/0/metric", json!(3), &["spec.routes"]),
        (FULL, "mtu", json!(1400), &["spec.mtu"]),
        (
            FULL,
            "bandwidth/inbound/average",
            json!(7),
            &["spec.bandwidth"],
        ),
        (
            FULL,
            "subnets/0/dhcp/options/0/number",
            json!(43),
            &["spec.subnets[].dhcp.options"],
        ),
        ("good-isolated", "subnets", other, &["spec.subnets"]),
        (
            "good-route",
            "dns/enabled",
            json!(true),
            &["spec.dns.enabled"],
        ),
    ]);
}

#[test]
fn so_it_is_with_other_modes() {
    let (pool, address) = ("good-hostdev-pool", "hostDevices/addresses/0");
    each(&[
        ("good-ovs", "vlan/tags", json!([7]), &["spec.vlan"]),
        (
            "good-ovs",
            "bridge/name",
            json!("ovsbr1"),
            &["spec.bridge.name"],
        ),
        (
            "good-macvtap",
            "macvtap/mode",
            json!("vepa"),
            &["spec.mode"],
        ),
        (
            "good-hostdev",
            "hostDevices/physicalFunction",
            json!("eth2"),
            &["spec.hostDevices"],
        ),
        (pool, address, json!("0000:3b:03.0"), &["spec.hostDevices"]),
    ]);
}

#[test]
fn an_address_is_the_same_however_it_is_written() {
    let mut written = named(FULL);
    written["spec"]["routes"][1]["gateway"] = json!("FD00:0151:0:0:0:0:0:7");
    written["spec"]["dns"]["forwarders"][0]["address"] = json!("FD00:0:0:0:0:0:0:1");
    let mut usual = written.clone();
    usual["spec"]["routes"][1]["gateway"] = json!("fd00:151::7");
    usual["spec"]["dns"]["forwarders"][0]["address"] = json!("fd00::1");
    let host = running(&desired(&usual));
    let found = plan(&desired(&written), Some(&host), &[]);
    assert_eq!((found.step, found.verdict.reason), (None, Reason::Realized));
}
