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

#[test]
fn each_field_in_its_way() {
    let full = "good-full";
    let dhcp = "/spec/subnets/0/dhcp";
    let host = |ip: &str, mac: &str| json!({"ip": ip, "mac": mac});
    let (first, other) = ("192.168.151.7", "192.168.151.8");
    let mac = "52:54:00:00:00:0a";
    let table: Vec<(&str, String, Value, &[&str])> = vec![
        (
            full,
            format!("{dhcp}/ranges"),
            json!([]),
            &["delete DhcpRange"],
        ),
        (
            full,
            format!("{dhcp}/ranges/0/end"),
            json!("192.168.151.99"),
            &["delete DhcpRange", "add DhcpRange"],
        ),
        (
            full,
            format!("{dhcp}/hosts"),
            json!([]),
            &["delete DhcpHost"],
        ),
        (
            full,
            format!("{dhcp}/hosts"),
            json!([host(other, mac)]),
            &["modify DhcpHost"],
        ),
        (
            full,
            format!("{dhcp}/hosts"),
            json!([host(first, "52:54:00:00:00:0b")]),
            &["delete DhcpHost", "add DhcpHost"],
        ),
        (
            full,
            "/spec/dns/hosts".into(),
            json!([]),
            &["delete DnsHost"],
        ),
        (
            full,
            "/spec/dns/hosts/0/hostnames".into(),
            json!(["other"]),
            &["delete DnsHost", "add DnsHost"],
        ),
        (
            full,
            "/spec/dns/srv".into(),
            json!([]),
            &["delete DnsSrv", "delete DnsSrv"],
        ),
        (
            full,
            "/spec/dns/srv/0/port".into(),
            json!(636),
            &["delete DnsSrv", "add DnsSrv"],
        ),
        (
            full,
            "/spec/dns/txt/0/value".into(),
            json!("x"),
            &["delete DnsTxt", "add DnsTxt"],
        ),
        (
            full,
            "/spec/portGroups".into(),
            json!([]),
            &["delete PortGroup", "delete PortGroup"],
        ),
        (
            full,
            "/spec/portGroups/0/bandwidth".into(),
            json!({"outbound": {"average": 7}}),
            &["modify PortGroup"],
        ),
        (
            "good-ovs",
            "/spec/portGroups/0/vlan/tags".into(),
            json!([7]),
            &["modify PortGroup"],
        ),
        (
            "good-macvtap",
            "/spec/macvtap/devices".into(),
            json!(["eth2", "eth3"]),
            &["delete ForwardInterface", "add ForwardInterface"],
        ),
        (
            "good-macvtap",
            "/spec/macvtap/mode".into(),
            json!("vepa"),
            &["spec.mode"],
        ),
        (
            full,
            "/spec/bridge/name".into(),
            json!("virbr-other"),
            &["spec.bridge.name"],
        ),
        (
            full,
            "/spec/bridge/stp".into(),
            json!(true),
            &["spec.bridge.stp"],
        ),
        (
            full,
            "/spec/bridge/delay".into(),
            json!(0),
            &["spec.bridge.delay"],
        ),
        (full, "/spec/device".into(), json!("eth1"), &["spec.device"]),
        (
            full,
            "/spec/nat/ports/end".into(),
            json!(3001),
            &["spec.nat"],
        ),
        (full, "/spec/nat/ipv6".into(), json!(false), &["spec.nat"]),
        (
            full,
            "/spec/domain".into(),
            json!("other.example.org"),
            &["spec.domain"],
        ),
        (
            full,
            "/spec/dns/localOnly".into(),
            json!(false),
            &["spec.dns.localOnly"],
        ),
        (
            full,
            "/spec/dns/forwarders/0/address".into(),
            json!("192.0.2.9"),
            &["spec.dns.forwarders"],
        ),
        (
            full,
            "/spec/routes/0/metric".into(),
            json!(3),
            &["spec.routes"],
        ),
        (full, "/spec/mtu".into(), json!(1400), &["spec.mtu"]),
        (
            full,
            "/spec/bandwidth/inbound/average".into(),
            json!(7),
            &["spec.bandwidth"],
        ),
        (
            full,
            format!("{dhcp}/options/0/number"),
            json!(43),
            &["spec.subnets[].dhcp.options"],
        ),
        (
            "good-isolated",
            "/spec/subnets".into(),
            json!([{"cidr": "10.1.2.0/24"}]),
            &["spec.subnets"],
        ),
        (
            "good-route",
            "/spec/dns/enabled".into(),
            json!(true),
            &["spec.dns.enabled"],
        ),
        (
            "good-ovs",
            "/spec/vlan/tags".into(),
            json!([7]),
            &["spec.vlan"],
        ),
        (
            "good-ovs",
            "/spec/bridge/name".into(),
            json!("ovsbr1"),
            &["spec.bridge.name"],
        ),
        (
            "good-hostdev",
            "/spec/hostDevices/physicalFunction".into(),
            json!("eth2"),
            &["spec.hostDevices"],
        ),
        (
            "good-hostdev-pool",
            "/spec/hostDevices/addresses/0".into(),
            json!("0000:3b:03.0"),
            &["spec.hostDevices"],
        ),
    ];
    for (name, pointer, to, expected) in table {
        assert_eq!(asked(name, &pointer, &to), expected, "{name} {pointer}");
    }
}
