//! Network interfaces of the host.

use std::borrow::Cow;

use drover_rpc_proto::remote;

use crate::flags::{ConnectListAllInterfacesFlags, InterfaceDefineFlags, InterfaceXMLFlags};
use crate::objects::handle::{calls, client_calls, object};

object! {
    /// A network interface of the host (`virInterface`).
    Interface(Interface) key remote::Interface = |interface| interface.wire.clone();
    shown |interface| interface.name()
}

impl Interface {
    /// Its name, such as `eth0`.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.wire.name.to_string_lossy()
    }

    /// Its MAC address, as libvirt writes it.
    #[must_use]
    pub fn mac(&self) -> Cow<'_, str> {
        self.wire.mac.to_string_lossy()
    }
}

calls! {
    Interface;

    /// Its XML.
    virInterfaceGetXMLDesc: xml(flags: InterfaceXMLFlags) -> String
        = interface_get_xml_desc(flags.bits());

    /// Whether it is up.
    virInterfaceIsActive: is_active() -> bool = interface_is_active();

    /// Brings it up.
    virInterfaceCreate: start() -> () = interface_create(0);

    /// Brings it down.
    virInterfaceDestroy: destroy() -> () = interface_destroy(0);

    /// Takes its configuration away.
    virInterfaceUndefine: undefine() -> () = interface_undefine();
}

client_calls! {
    /// The host's network interfaces, of which the flags choose.
    virConnectListAllInterfaces: interfaces(flags: ConnectListAllInterfacesFlags) -> Vec<Interface>
        = connect_list_all_interfaces(1, flags.bits()).ifaces;

    /// The host's network interface with this name.
    virInterfaceLookupByName: interface(name: &str) -> Interface = interface_lookup_by_name(name);

    /// The host's network interface with this MAC address.
    virInterfaceLookupByMACString: interface_by_mac(mac: &str) -> Interface
        = interface_lookup_by_mac_string(mac);

    /// Configures a network interface of the host.
    virInterfaceDefineXML: define_interface(xml: &str, flags: InterfaceDefineFlags) -> Interface
        = interface_define_xml(xml, flags.bits());

    /// Remembers the configuration of the host's interfaces, for a rollback.
    virInterfaceChangeBegin: begin_interface_change() -> () = interface_change_begin(0);

    /// Keeps what has changed since.
    virInterfaceChangeCommit: commit_interface_change() -> () = interface_change_commit(0);

    /// Goes back to what was remembered.
    virInterfaceChangeRollback: rollback_interface_change() -> () = interface_change_rollback(0);
}
