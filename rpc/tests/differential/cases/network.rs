//! Networks, their ports, filters and secrets.

use crate::case::{Case, Failed, before, same};
use crate::objects::{FILTER, SECRET};
use crate::plain::{hex, params};

/// A question about a port that was made for it.
macro_rules! port {
    ($procedure:ident, $python:literal, |$here:ident, $port:ident| $call:expr) => {
        port!($procedure, $python, |$here, $port| $call, |reply| reply)
    };
    ($procedure:ident, $python:literal, |$here:ident, $port:ident| $call:expr, |$reply:pat_param| $plain:expr) => {
        same!(
            $procedure,
            $python,
            |$here| async {
                let all = $here
                    .client
                    .network_list_all_ports($here.n()?, 1, 0)
                    .await?
                    .ports;
                let $port = all.into_iter().next().ok_or(Failed::Absent)?;
                Ok::<_, Failed>($call.await?)
            },
            |$reply| $plain
        )
        .first(before!(|h| h.client.network_port_create_xml(
            h.n()?,
            PORT,
            0
        )))
    };
}
pub(crate) const NETWORKS: &[Case] = &[
    same!(NETWORK_GET_XML_DESC, "n.XMLDesc()", |h| h
        .client
        .network_get_xml_desc(h.n()?, 0)),
    same!(NETWORK_GET_AUTOSTART, "n.autostart()", |h| h
        .client
        .network_get_autostart(h.n()?)),
    same!(NETWORK_SET_AUTOSTART, "n.setAutostart(1)", |h| h
        .client
        .network_set_autostart(h.n()?, 1)),
    same!(NETWORK_SET_AUTOSTART, "n.setAutostart(0)", |h| h
        .client
        .network_set_autostart(h.n()?, 0)),
    same!(NETWORK_GET_BRIDGE_NAME, "n.bridgeName()", |h| h
        .client
        .network_get_bridge_name(h.n()?)),
    same!(NETWORK_IS_ACTIVE, "n.isActive()", |h| h
        .client
        .network_is_active(h.n()?)),
    same!(NETWORK_IS_PERSISTENT, "n.isPersistent()", |h| h
        .client
        .network_is_persistent(h.n()?)),
    same!(NETWORK_CREATE, "n.create()", |h| h
        .client
        .network_create(h.n()?)),
    same!(NETWORK_CREATE_XML, "c.networkCreateXML('<network')", |h| h
        .client
        .network_create_xml("<network")),
    same!(
        NETWORK_CREATE_XML_FLAGS,
        "c.networkCreateXMLFlags('<network/>', 1)",
        |h| h.client.network_create_xml_flags("<network/>", 1)
    ),
    same!(
        NETWORK_DEFINE_XML,
        "c.networkDefineXML(n.XMLDesc())",
        |h| async {
            let xml = h.client.network_get_xml_desc(h.n()?, 0).await?;
            Ok::<_, Failed>(h.client.network_define_xml(xml).await?)
        }
    ),
    same!(
        NETWORK_DEFINE_XML_FLAGS,
        "c.networkDefineXMLFlags('<network/>', 1)",
        |h| h.client.network_define_xml_flags("<network/>", 1)
    ),
    same!(NETWORK_DESTROY, "n.destroy()", |h| h
        .client
        .network_destroy(h.n()?))
    .first(before!(|h| h.client.network_create(h.n()?))),
    same!(NETWORK_DESTROY, "n.destroy()", |h| h
        .client
        .network_destroy(h.n()?)),
    same!(NETWORK_CREATE, "n.create()", |h| h
        .client
        .network_create(h.n()?))
    .first(before!(|h| h.client.network_destroy(h.n()?))),
    same!(
        NETWORK_UNDEFINE,
        "c.networkLookupByName('drover-diff-gone').undefine()",
        |h| async {
            let network = h.client.network_lookup_by_name("drover-diff-gone").await?;
            Ok::<_, Failed>(h.client.network_undefine(network).await?)
        }
    )
    .first(before!(|h| h.client.network_define_xml(
        "<network><name>drover-diff-gone</name></network>"
    ))),
    same!(
        NETWORK_UPDATE,
        "n.update(2, 4, -1, '<host name=\"a\" ip=\"10.1.2.3\"/>')",
        |h| h
            .client
            .network_update(h.n()?, 2, 4, -1, "<host name=\"a\" ip=\"10.1.2.3\"/>", 0)
    ),
    same!(NETWORK_UPDATE, "n.update(99, 4, -1, '<host/>')", |h| h
        .client
        .network_update(h.n()?, 99, 4, -1, "<host/>", 0)),
    same!(
        NETWORK_GET_DHCP_LEASES,
        "n.DHCPLeases()",
        |h| h.client.network_get_dhcp_leases(h.n()?, None, 1, 0),
        |r| {
            // Nobody has any here.
            assert!(r.leases.is_empty());
            Vec::<u32>::new()
        }
    ),
];

pub(crate) const PORTS: &[Case] = &[
    same!(
        NETWORK_LIST_ALL_PORTS,
        "n.listAllPorts()",
        |h| h.client.network_list_all_ports(h.n()?, 1, 0),
        |r| r.ports
    ),
    same!(
        NETWORK_PORT_LOOKUP_BY_UUID,
        "n.portLookupByUUID(b'\\xab' * 16)",
        |h| h.client.network_port_lookup_by_uuid(h.n()?, [0xab; 16])
    ),
    same!(
        NETWORK_PORT_CREATE_XML,
        "n.portCreateXML('<networkport/>')",
        |h| h
            .client
            .network_port_create_xml(h.n()?, "<networkport/>", 0)
    ),
    port!(NETWORK_PORT_GET_XML_DESC, "port().XMLDesc()", |h, port| h
        .client
        .network_port_get_xml_desc(port, 0)),
    port!(
        NETWORK_PORT_GET_PARAMETERS,
        "port().parameters()",
        |h, port| h.client.network_port_get_parameters(port, 16, 0),
        |r| params(r.params)
    ),
    port!(
        NETWORK_PORT_SET_PARAMETERS,
        "port().setParameters({'inbound.average': 3})",
        |h, port| h.client.network_port_set_parameters(
            port,
            drover_rpc::TypedParams::new()
                .with_u32("inbound.average", 3)
                .into_wire(),
            0
        )
    ),
    port!(NETWORK_PORT_DELETE, "port().delete()", |h, port| h
        .client
        .network_port_delete(port, 0)),
];

const PORT: &str = "<networkport><uuid>11111111-2222-4333-8444-555555555555</uuid><owner>\
    <name>drover-diff</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid></owner>\
    <mac address='52:54:00:00:00:01'/></networkport>";

pub(crate) const FILTERS: &[Case] = &[
    same!(NWFILTER_GET_XML_DESC, "f.XMLDesc()", |h| h
        .client
        .nwfilter_get_xml_desc(h.f()?, 0)),
    same!(
        NWFILTER_DEFINE_XML,
        "c.nwfilterDefineXML(f.XMLDesc())",
        |h| async {
            let xml = h.client.nwfilter_get_xml_desc(h.f()?, 0).await?;
            Ok::<_, Failed>(h.client.nwfilter_define_xml(xml).await?)
        }
    ),
    same!(NWFILTER_DEFINE_XML, "c.nwfilterDefineXML('<filter')", |h| h
        .client
        .nwfilter_define_xml("<filter")),
    same!(
        NWFILTER_DEFINE_XML_FLAGS,
        "c.nwfilterDefineXMLFlags('<filter/>', 1)",
        |h| h.client.nwfilter_define_xml_flags("<filter/>", 1)
    ),
    same!(NWFILTER_UNDEFINE, "f.undefine()", |h| async {
        h.f()?;
        let filter = h.client.nwfilter_lookup_by_name(FILTER.0).await?;
        Ok::<_, Failed>(h.client.nwfilter_undefine(filter).await?)
    })
    .first(before!(|h| h.client.nwfilter_define_xml(FILTER.1))),
    same!(
        NWFILTER_BINDING_CREATE_XML,
        "c.nwfilterBindingCreateXML('<filterbinding/>')",
        |h| h.client.nwfilter_binding_create_xml("<filterbinding/>", 0)
    ),
];

pub(crate) const SECRETS: &[Case] = &[
    same!(SECRET_GET_XML_DESC, "sec.XMLDesc()", |h| h
        .client
        .secret_get_xml_desc(h.sec()?, 0)),
    same!(SECRET_DEFINE_XML, "c.secretDefineXML('<secret')", |h| h
        .client
        .secret_define_xml("<secret", 0)),
    same!(
        SECRET_DEFINE_XML,
        "c.secretDefineXML(sec.XMLDesc())",
        |h| async {
            h.sec()?;
            Ok::<_, Failed>(h.client.secret_define_xml(SECRET, 0).await?)
        }
    ),
    same!(SECRET_SET_VALUE, "sec.setValue(b'\\x00\\xff\\x7f')", |h| h
        .client
        .secret_set_value(h.sec()?, vec![0, 0xff, 0x7f], 0)),
    same!(
        SECRET_GET_VALUE,
        "sec.value()",
        |h| h.client.secret_get_value(h.sec()?, 0),
        |r| hex(&r)
    ),
    same!(SECRET_UNDEFINE, "sec.undefine()", |h| h
        .client
        .secret_undefine(h.sec()?))
    .first(before!(|h| h.client.secret_define_xml(SECRET, 0))),
];
