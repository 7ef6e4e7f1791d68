//! Devices of the host.

use std::borrow::Cow;

use drover_xdr::Text;

use crate::error::Error;
use crate::flags::{
    ConnectListAllNodeDeviceFlags, NodeDeviceCreateXMLFlags, NodeDeviceDefineXMLFlags,
    NodeDeviceUpdateFlags, NodeDeviceXMLFlags,
};
use crate::objects::handle::{calls, client_calls, object, optional, string};

object! {
    /// A device of the host (`virNodeDevice`).
    NodeDevice(NodeDevice) key Text = |device| device.wire.name.clone();
    shown |device| device.name()
}

impl NodeDevice {
    /// Its name, such as `pci_0000_00_1f_2`.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.wire.name.to_string_lossy()
    }

    /// The names of its capabilities, such as `net`.
    ///
    /// libvirt's `virNodeDeviceListCaps`, after `virNodeDeviceNumOfCaps`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn capabilities(&self) -> Result<Vec<String>, Error> {
        let count = self.client.node_device_num_of_caps(self.key()).await?;
        let list = self.client.node_device_list_caps(self.key(), count).await?;
        Ok(list.iter().map(string).collect())
    }
}

calls! {
    NodeDevice;

    /// Its XML.
    virNodeDeviceGetXMLDesc: xml(flags: NodeDeviceXMLFlags) -> String
        = node_device_get_xml_desc(flags.bits());

    /// The name of the device it is on; the computer itself has none.
    virNodeDeviceGetParent: parent() -> Option<String> = node_device_get_parent();

    /// Takes it from the host's driver, for a guest; `driver` is `vfio` unless said otherwise.
    virNodeDeviceDetachFlags: detach(driver: Option<&str>) -> ()
        = node_device_detach_flags(optional(driver), 0);

    /// Gives it back to the host's driver.
    virNodeDeviceReAttach: reattach() -> () = node_device_re_attach();

    /// Resets it.
    virNodeDeviceReset: reset() -> () = node_device_reset();

    /// Takes a device away that exists by software alone, such as a virtual host bus adapter.
    virNodeDeviceDestroy: destroy() -> () = node_device_destroy();

    /// Makes the device of a definition.
    virNodeDeviceCreate: start() -> () = node_device_create(0);

    /// Takes its definition away.
    virNodeDeviceUndefine: undefine() -> () = node_device_undefine(0);

    /// Changes a mediated device.
    virNodeDeviceUpdate: update(xml: &str, flags: NodeDeviceUpdateFlags) -> ()
        = node_device_update(xml, flags.bits());

    /// Whether it is made with the host's start.
    virNodeDeviceGetAutostart: autostart() -> bool = node_device_get_autostart();

    /// Has it made with the host's start, or not.
    virNodeDeviceSetAutostart: set_autostart(autostart: bool) -> ()
        = node_device_set_autostart(autostart.into());

    /// Whether it has a definition.
    virNodeDeviceIsPersistent: is_persistent() -> bool = node_device_is_persistent();

    /// Whether it is there.
    virNodeDeviceIsActive: is_active() -> bool = node_device_is_active();
}

client_calls! {
    /// The host's devices, of which the flags choose.
    virConnectListAllNodeDevices: node_devices(
        flags: ConnectListAllNodeDeviceFlags,
    ) -> Vec<NodeDevice> = connect_list_all_node_devices(1, flags.bits()).devices;

    /// The host's device with this name.
    virNodeDeviceLookupByName: node_device(name: &str) -> NodeDevice
        = node_device_lookup_by_name(name);

    /// The SCSI host with these world wide names.
    virNodeDeviceLookupSCSIHostByWWN: scsi_host(wwnn: &str, wwpn: &str) -> NodeDevice
        = node_device_lookup_scsi_host_by_wwn(wwnn, wwpn, 0);

    /// Makes a device by software, such as a virtual host bus adapter.
    virNodeDeviceCreateXML: create_node_device(
        xml: &str, flags: NodeDeviceCreateXMLFlags,
    ) -> NodeDevice = node_device_create_xml(xml, flags.bits());

    /// Defines a device that can be made later.
    virNodeDeviceDefineXML: define_node_device(
        xml: &str, flags: NodeDeviceDefineXMLFlags,
    ) -> NodeDevice = node_device_define_xml(xml, flags.bits());
}
