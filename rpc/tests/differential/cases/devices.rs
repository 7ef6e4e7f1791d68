//! Devices and interfaces of the host.

use crate::case::{Case, Failed, before, same};

const VHBA: &str = "<device><parent>nothing</parent><capability type='scsi_host'><capability type='fc_host'/></capability></device>";

pub(crate) const NODE_DEVICES: &[Case] = &[
    same!(NODE_DEVICE_GET_XML_DESC, "dev.XMLDesc()", |h| h
        .client
        .node_device_get_xml_desc("computer", 0)),
    same!(NODE_DEVICE_GET_PARENT, "dev.parent()", |h| h
        .client
        .node_device_get_parent("computer")),
    same!(NODE_DEVICE_NUM_OF_CAPS, "dev.numOfCaps()", |h| h
        .client
        .node_device_num_of_caps("computer")),
    same!(NODE_DEVICE_LIST_CAPS, "dev.listCaps()", |h| h
        .client
        .node_device_list_caps("computer", 128)),
    same!(NODE_DEVICE_DETTACH, "dev.dettach()", |h| h
        .client
        .node_device_dettach("computer")),
    same!(NODE_DEVICE_DETACH_FLAGS, "dev.detachFlags(None, 0)", |h| h
        .client
        .node_device_detach_flags("computer", None, 0)),
    same!(NODE_DEVICE_RE_ATTACH, "dev.reAttach()", |h| h
        .client
        .node_device_re_attach("computer")),
    same!(NODE_DEVICE_RESET, "dev.reset()", |h| h
        .client
        .node_device_reset("computer")),
    same!(NODE_DEVICE_DESTROY, "dev.destroy()", |h| h
        .client
        .node_device_destroy("computer")),
    same!(NODE_DEVICE_UNDEFINE, "dev.undefine()", |h| h
        .client
        .node_device_undefine("computer", 0)),
    same!(NODE_DEVICE_CREATE, "dev.create()", |h| h
        .client
        .node_device_create("computer", 0)),
    same!(NODE_DEVICE_GET_AUTOSTART, "dev.autostart()", |h| h
        .client
        .node_device_get_autostart("computer")),
    same!(NODE_DEVICE_SET_AUTOSTART, "dev.setAutostart(1)", |h| h
        .client
        .node_device_set_autostart("computer", 1)),
    same!(NODE_DEVICE_IS_PERSISTENT, "dev.isPersistent()", |h| h
        .client
        .node_device_is_persistent("computer")),
    same!(NODE_DEVICE_IS_ACTIVE, "dev.isActive()", |h| h
        .client
        .node_device_is_active("computer")),
    same!(
        NODE_DEVICE_CREATE_XML,
        "c.nodeDeviceCreateXML('<device')",
        |h| h.client.node_device_create_xml("<device", 0)
    ),
    same!(
        NODE_DEVICE_CREATE_XML,
        "c.nodeDeviceCreateXML(\"<device><parent>nothing</parent><capability type='scsi_host'><capability type='fc_host'/></capability></device>\")",
        |h| h.client.node_device_create_xml(VHBA, 0)
    ),
    same!(
        NODE_DEVICE_DEFINE_XML,
        "c.nodeDeviceDefineXML('<device/>')",
        |h| h.client.node_device_define_xml("<device/>", 0)
    ),
];

/// The test driver's one interface.
macro_rules! eth1 {
    ($procedure:ident, $python:literal, |$here:ident, $interface:ident| $call:expr) => {
        same!($procedure, $python, |$here| async {
            let $interface = $here.client.interface_lookup_by_name("eth1").await?;
            Ok::<_, Failed>($call.await?)
        })
    };
}

pub(crate) const INTERFACES: &[Case] = &[
    eth1!(INTERFACE_GET_XML_DESC, "lo.XMLDesc()", |h, eth1| h
        .client
        .interface_get_xml_desc(eth1, 0)),
    eth1!(INTERFACE_IS_ACTIVE, "lo.isActive()", |h, eth1| h
        .client
        .interface_is_active(eth1)),
    eth1!(INTERFACE_CREATE, "lo.create()", |h, eth1| h
        .client
        .interface_create(eth1, 0))
    .first(before!(|h| start(&h))),
    eth1!(INTERFACE_DESTROY, "lo.destroy()", |h, eth1| h
        .client
        .interface_destroy(eth1, 0))
    .first(before!(|h| start(&h))),
    eth1!(INTERFACE_CREATE, "lo.create()", |h, eth1| h
        .client
        .interface_create(eth1, 0))
    .first(before!(|h| stop(&h))),
    same!(
        INTERFACE_DEFINE_XML,
        "c.interfaceDefineXML('<interface')",
        |h| h.client.interface_define_xml("<interface", 0)
    ),
    same!(
        INTERFACE_UNDEFINE,
        "c.interfaceLookupByName('eth7').undefine()",
        |h| async {
            let interface = h.client.interface_lookup_by_name("eth7").await?;
            Ok::<_, Failed>(h.client.interface_undefine(interface).await?)
        }
    )
    .first(before!(|h| h.client.interface_define_xml(ETH7, 0))),
];

const ETH7: &str = "<interface type='ethernet' name='eth7'><start mode='none'/><mac address='aa:bb:cc:dd:ee:07'/></interface>";

async fn start(here: &crate::case::Here) -> Result<(), Failed> {
    let eth1 = here.client.interface_lookup_by_name("eth1").await?;
    Ok(here.client.interface_create(eth1, 0).await?)
}

async fn stop(here: &crate::case::Here) -> Result<(), Failed> {
    let eth1 = here.client.interface_lookup_by_name("eth1").await?;
    Ok(here.client.interface_destroy(eth1, 0).await?)
}
