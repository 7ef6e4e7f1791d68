//! What a network's DNS server knows.

use drover_crds::network::{Dns, DnsForwarder, DnsHost, DnsService, DnsText};

use super::address;
use crate::desired::network::DesiredNetwork;
use crate::xml::Element;

pub(super) fn domain(network: &DesiredNetwork) -> Option<Element> {
    let name = network.domain.as_ref()?;
    let mut element = Element::new("domain").attribute("name", name);
    if network.dns.local_only == Some(true) {
        element.set("localOnly", "yes");
    }
    Some(element)
}

pub(super) fn dns(dns: &Dns) -> Option<Element> {
    let mut element = Element::new("dns");
    if dns.enabled == Some(false) {
        element.set("enable", "no");
        return Some(element);
    }
    let element = element
        .children(dns.forwarders.iter().map(forwarder))
        .children(dns.txt.iter().map(text))
        .children(dns.srv.iter().map(service))
        .children(dns.hosts.iter().map(host));
    (element != Element::new("dns")).then_some(element)
}

fn forwarder(forwarder: &DnsForwarder) -> Element {
    let mut element = Element::new("forwarder");
    element.set_or_unset("domain", forwarder.domain.as_ref());
    let server = forwarder.address.as_ref();
    element.set_or_unset("addr", server.map(|server| address(server)));
    element
}

fn text(text: &DnsText) -> Element {
    Element::new("txt")
        .attribute("name", &text.name)
        .attribute("value", &text.value)
}

fn service(service: &DnsService) -> Element {
    let mut element = Element::new("srv")
        .attribute("service", &service.service)
        .attribute("protocol", &service.protocol);
    element.set_or_unset("domain", service.domain.as_ref());
    element.set_or_unset("target", service.target.as_ref());
    for (name, number) in [
        ("port", service.port),
        ("priority", service.priority),
        ("weight", service.weight),
    ] {
        element.set_or_unset(name, number.map(|number| number.to_string()));
    }
    element
}

fn host(host: &DnsHost) -> Element {
    let names = host.hostnames.iter();
    Element::new("host")
        .attribute("ip", address(&host.ip))
        .children(names.map(|name| Element::text("hostname", name)))
}
