//! Network interfaces.

use drover_crds::virtual_machine::Bandwidth;
use roxmltree::Node;

use super::{Class, Row, Value};
use crate::desired::machine::{DesiredInterface, InterfaceModel};
use crate::observed::{attribute, child};
use crate::xml::Element;

type R = Row<DesiredInterface>;

/// The fields of an interface, in the order of [`INTERFACE_ROWS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NicField {
    Network,
    PortGroup,
    Model,
    Mac,
    State,
    Qos,
}

/// The fields of each interface.
pub static INTERFACE_ROWS: [R; 6] = [
    Row::new(
        "network",
        Class::Live,
        "its cable is plugged in elsewhere",
        |nic, _| Value::Text(nic.network.clone().into()),
        read_network,
        |nic, values| {
            if let Some(network) = text(values, NicField::Network) {
                nic.set("type", "network");
                nic.remove("source", |_| true);
                nic.push(Element::new("source").attribute("network", network));
                write_port_group(nic, values);
            }
        },
    ),
    Row::new(
        "portGroup",
        Class::Live,
        "its cable is plugged in elsewhere",
        |nic, _| Value::text(nic.port_group.clone()),
        |node| Value::text(attribute(node, "source", "portgroup")),
        write_port_group,
    ),
    Row::new(
        "model",
        Class::NextBoot,
        "a running guest keeps the device as it is",
        |nic, _| Value::Text(model(nic.model).into()),
        |node| Value::text(attribute(node, "model", "type")),
        |nic, values| {
            if let Some(model) = text(values, NicField::Model) {
                nic.ensure("model").set("type", model);
            }
            nic.remove("address", |_| true);
        },
    ),
    Row::new(
        "macAddress",
        Class::NextBoot,
        "a running guest keeps the device as it is",
        |nic, _| Value::Text(nic.mac.clone().into()),
        |node| Value::text(attribute(node, "mac", "address").map(|mac| mac.to_lowercase())),
        |nic, values| {
            if let Some(mac) = text(values, NicField::Mac) {
                nic.ensure("mac").set("address", mac);
            }
        },
    ),
    Row::new(
        "state",
        Class::Live,
        "the cable is plugged in or out",
        |nic, _| Value::Text(if nic.up { "Up".into() } else { "Down".into() }),
        |node| {
            let down = attribute(node, "link", "state").as_deref() == Some("down");
            Value::Text(if down { "Down".into() } else { "Up".into() })
        },
        |nic, values| match text(values, NicField::State) {
            Some("Down") => nic.ensure("link").set("state", "down"),
            _ => nic.remove("link", |_| true),
        },
    ),
    Row::new(
        "qos",
        Class::Live,
        "the host's side of the device",
        |nic, _| {
            let all = [
                ("inbound", &nic.qos.inbound),
                ("outbound", &nic.qos.outbound),
            ];
            words(all.map(|(name, limit)| (name, limit.as_ref().map(amounts))))
        },
        read_qos,
        write_qos,
    ),
];

/// What an interface's name begins with in a definition that Drover wrote.
pub(crate) const INTERFACE_ALIAS: &str = "ua-if-";

/// An interface of which nothing is said yet.
pub(crate) fn new_interface(name: &str) -> Element {
    Element::new("interface")
        .attribute("type", "network")
        .child(Element::new("mac"))
        .child(Element::new("source"))
        .child(Element::new("model"))
        .child(Element::new("alias").attribute("name", format!("{INTERFACE_ALIAS}{name}")))
}

fn text(values: &[Value], field: NicField) -> Option<&str> {
    values.get(field as usize).and_then(Value::as_text)
}

fn model(model: InterfaceModel) -> &'static str {
    match model {
        InterfaceModel::Virtio => "virtio",
        InterfaceModel::E1000 => "e1000",
        InterfaceModel::E1000e => "e1000e",
        InterfaceModel::Rtl8139 => "rtl8139",
    }
}

fn read_network(node: Node<'_, '_>) -> Value {
    let Some(source) = child(node, "source") else {
        return Value::None;
    };
    if let Some(network) = source.attribute("network") {
        return Value::Text(network.to_owned().into());
    }
    let type_ = node.attribute("type").unwrap_or_default();
    let device = ["bridge", "dev", "name"]
        .into_iter()
        .find_map(|name| source.attribute(name));
    Value::text(device.map(|device| format!("{type_} {device}")))
}

fn write_port_group(nic: &mut Element, values: &[Value]) {
    let group = text(values, NicField::PortGroup);
    nic.ensure("source").set_or_unset("portgroup", group);
}

// Average, peak and burst; what is not said is 0.
fn amounts(limit: &Bandwidth) -> [i64; 3] {
    [
        limit.average,
        limit.peak.unwrap_or(0),
        limit.burst.unwrap_or(0),
    ]
}

fn words(limits: [(&'static str, Option<[i64; 3]>); 2]) -> Value {
    let all: Vec<_> = limits
        .into_iter()
        .filter_map(|(name, limit)| limit.map(|[a, p, b]| format!("{name}={a}/{p}/{b}")))
        .collect();
    Value::text((!all.is_empty()).then(|| all.join(",")))
}

/// libvirt's names of what a limit says.
const AMOUNTS: [&str; 3] = ["average", "peak", "burst"];

fn read_qos(node: Node<'_, '_>) -> Value {
    let bandwidth = child(node, "bandwidth");
    let limit = |name: &'static str| {
        let limit = bandwidth.and_then(|bandwidth| child(bandwidth, name));
        let amounts = limit.map(|limit| {
            AMOUNTS.map(|amount| {
                let text = limit.attribute(amount);
                text.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0)
            })
        });
        // What is promised to a guest is not Drover's: it may be all that there is.
        (name, amounts.filter(|amounts| *amounts != [0; 3]))
    };
    words(["inbound", "outbound"].map(limit))
}

/// Average, peak and burst of one direction, as far as a value has them.
pub(crate) fn bandwidth_of<'a>(words: &'a str, name: &str) -> [Option<&'a str>; 3] {
    let mut limits = words.split(',').filter_map(|limit| limit.split_once('='));
    let amounts = limits.find(|(known, _)| *known == name);
    let mut amounts = amounts
        .into_iter()
        .flat_map(|(_, amounts)| amounts.split('/'));
    [(); 3].map(|()| amounts.next().filter(|amount| *amount != "0"))
}

fn write_qos(nic: &mut Element, values: &[Value]) {
    let wanted = text(values, NicField::Qos).unwrap_or_default();
    let bandwidth = nic.ensure("bandwidth");
    for name in ["inbound", "outbound"] {
        let limit = bandwidth.ensure(name);
        for (attribute, amount) in AMOUNTS.into_iter().zip(bandwidth_of(wanted, name)) {
            limit.set_or_unset(attribute, amount);
        }
        bandwidth.remove_empty(name);
    }
    nic.remove_empty("bandwidth");
}
