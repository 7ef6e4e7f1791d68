//! The ports of a network.

use drover_crds::network::{NetworkBandwidth, PortGroup, Vlan};

use crate::xml::Element;

pub(super) fn group(group: &PortGroup) -> Element {
    let mut element = Element::new("portgroup").attribute("name", &group.name);
    if group.default {
        element.set("default", "yes");
    }
    element
        .children(group.vlan.as_ref().map(vlan))
        .children(group.bandwidth.as_ref().map(bandwidth))
}

pub(super) fn vlan(vlan: &Vlan) -> Element {
    let mut element = Element::new("vlan");
    if vlan.trunk {
        element.set("trunk", "yes");
    }
    let tags = vlan.tags.iter();
    element.children(tags.map(|tag| Element::new("tag").attribute("id", tag.to_string())))
}

pub(super) fn bandwidth(bandwidth: &NetworkBandwidth) -> Element {
    let limits = [
        ("inbound", &bandwidth.inbound),
        ("outbound", &bandwidth.outbound),
    ];
    let limits = limits.into_iter().filter_map(|(name, limit)| {
        let limit = limit.as_ref()?;
        let mut element = Element::new(name).attribute("average", limit.average.to_string());
        element.set_or_unset("peak", limit.peak.map(|peak| peak.to_string()));
        element.set_or_unset("burst", limit.burst.map(|burst| burst.to_string()));
        Some(element)
    });
    Element::new("bandwidth").children(limits)
}
