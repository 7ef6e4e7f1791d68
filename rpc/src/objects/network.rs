//! Virtual networks and their ports.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use drover_rpc_proto::remote;
use uuid::Uuid;

use crate::client::Client;
use crate::enums::{IPAddrType, NetworkMetadataType, NetworkUpdateCommand, NetworkUpdateSection};
use crate::error::Error;
use crate::features::Feature;
use crate::flags::{
    ConnectListAllNetworksFlags, NetworkCreateFlags, NetworkDefineFlags, NetworkPortCreateFlags,
    NetworkUpdateFlags, NetworkXMLFlags,
};
use crate::objects::handle::{calls, client_calls, object, optional, string};
use crate::objects::params::twice;
use crate::typed::TypedParams;

object! {
    /// A virtual network (`virNetwork`).
    Network(Network) key remote::Network = |network| network.wire.clone();
    shown |network| network.name()
}

/// An address that a network's DHCP server has given out (`virNetworkDHCPLease`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DhcpLease {
    /// The network's bridge.
    pub interface: String,
    /// When it ends; none if it never does.
    pub expires: Option<SystemTime>,
    /// IPv4 or IPv6.
    pub kind: IPAddrType,
    /// The client's MAC address.
    pub mac: Option<String>,
    /// The IAID of DHCPv6.
    pub iaid: Option<String>,
    /// The address.
    pub address: String,
    /// The bits of its network.
    pub prefix: u32,
    /// The name that the client says it has.
    pub hostname: Option<String>,
    /// The client's ID, or its DUID.
    pub client_id: Option<String>,
}

impl From<remote::NetworkDhcpLease> for DhcpLease {
    fn from(lease: remote::NetworkDhcpLease) -> Self {
        let seconds = u64::try_from(lease.expirytime).ok().filter(|s| *s > 0);
        let after = |s| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(s));
        Self {
            interface: string(&lease.iface),
            expires: seconds.and_then(after),
            kind: IPAddrType(lease.type_),
            mac: lease.mac.as_ref().map(string),
            iaid: lease.iaid.as_ref().map(string),
            address: string(&lease.ipaddr),
            prefix: lease.prefix,
            hostname: lease.hostname.as_ref().map(string),
            client_id: lease.clientid.as_ref().map(string),
        }
    }
}

impl Network {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.wire.name.to_string_lossy()
    }

    /// Its UUID, which never changes.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        Uuid::from_bytes(self.wire.uuid)
    }

    /// Changes one element of it, and no other: `parent` is the number of the element that holds a
    /// list of them, such as an `<ip>`, or -1 for the first that fits.
    ///
    /// libvirt's `virNetworkUpdate`. Servers older than 7.2 take the section for the command and
    /// the other way round; these get them so.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn update(
        &self,
        command: NetworkUpdateCommand,
        section: NetworkUpdateSection,
        parent: i32,
        xml: &str,
        flags: NetworkUpdateFlags,
    ) -> Result<(), Error> {
        let feature = Feature::NETWORK_UPDATE_HAS_CORRECT_ORDER;
        let (first, second) = update_order(command, section, self.client.supports(feature).await?);
        self.client
            .network_update(self.key(), first, second, parent, xml, flags.bits())
            .await
    }

    /// The addresses that its DHCP server has given out, to all or to this MAC address.
    ///
    /// libvirt's `virNetworkGetDHCPLeases`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn dhcp_leases(&self, mac: Option<&str>) -> Result<Vec<DhcpLease>, Error> {
        let call = self
            .client
            .network_get_dhcp_leases(self.key(), optional(mac), 1, 0);
        let leases = call.await?.leases;
        Ok(leases.into_iter().map(DhcpLease::from).collect())
    }
}

// The words of NETWORK_UPDATE called `command` and `section`.
fn update_order(
    command: NetworkUpdateCommand,
    section: NetworkUpdateSection,
    correct: bool,
) -> (u32, u32) {
    let (command, section) = (command.0.cast_unsigned(), section.0.cast_unsigned());
    if correct {
        (command, section)
    } else {
        (section, command)
    }
}

calls! {
    Network;

    /// Its XML: the live one of an active network, unless the flags ask for the other one.
    virNetworkGetXMLDesc: xml(flags: NetworkXMLFlags) -> String
        = network_get_xml_desc(flags.bits());

    /// Starts it.
    virNetworkCreate: start() -> () = network_create();

    /// Stops it; guests that are on it lose it. A transient network is then gone.
    virNetworkDestroy: destroy() -> () = network_destroy();

    /// Takes its definition away. If it is active, it becomes transient.
    virNetworkUndefine: undefine() -> () = network_undefine();

    /// Whether it is active.
    virNetworkIsActive: is_active() -> bool = network_is_active();

    /// Whether it has a definition that outlives its being active.
    virNetworkIsPersistent: is_persistent() -> bool = network_is_persistent();

    /// Whether it is started with the host.
    virNetworkGetAutostart: autostart() -> bool = network_get_autostart();

    /// Has it started with the host, or not.
    virNetworkSetAutostart: set_autostart(autostart: bool) -> ()
        = network_set_autostart(autostart.into());

    /// The name of its bridge on the host.
    virNetworkGetBridgeName: bridge() -> String = network_get_bridge_name();

    /// Its title, its description, or the element of its metadata with this namespace.
    virNetworkGetMetadata: metadata(
        kind: NetworkMetadataType, namespace: Option<&str>, flags: NetworkUpdateFlags,
    ) -> String = network_get_metadata(kind.0, optional(namespace), flags.bits());

    /// Sets its title, its description, or the element of its metadata with this namespace, under
    /// this prefix; without text it is taken away.
    virNetworkSetMetadata: set_metadata(
        kind: NetworkMetadataType, text: Option<&str>, prefix: Option<&str>,
        namespace: Option<&str>, flags: NetworkUpdateFlags,
    ) -> () = network_set_metadata(
        kind.0, optional(text), optional(prefix), optional(namespace), flags.bits()
    );

    /// Its ports.
    virNetworkListAllPorts: ports() -> Vec<NetworkPort> = network_list_all_ports(1, 0).ports;

    /// Its port with this UUID.
    virNetworkPortLookupByUUID: port(uuid: Uuid) -> NetworkPort
        = network_port_lookup_by_uuid(uuid.into_bytes());

    /// Makes a port.
    virNetworkPortCreateXML: create_port(xml: &str, flags: NetworkPortCreateFlags) -> NetworkPort
        = network_port_create_xml(xml, flags.bits());
}

object! {
    /// A port of a network, to which a guest's interface is plugged (`virNetworkPort`).
    NetworkPort(NetworkPort) key remote::NetworkPort = |port| port.wire.clone();
    shown |port| port.uuid().to_string().into()
}

impl NetworkPort {
    /// Its UUID.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        Uuid::from_bytes(self.wire.uuid)
    }

    /// Its network.
    #[must_use]
    pub fn network(&self) -> Network {
        Network::from_wire(&self.client, self.wire.net.clone())
    }

    /// Its bandwidths, `fields::NETWORK_PORT_BANDWIDTH_*`.
    ///
    /// libvirt's `virNetworkPortGetParameters`, called twice.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn parameters(&self) -> Result<TypedParams, Error> {
        let ask = |count| async move {
            let call = self
                .client
                .network_port_get_parameters(self.key(), count, 0);
            call.await.map(|answer| (answer.params, answer.nparams))
        };
        twice(ask).await.map(TypedParams::from)
    }
}

calls! {
    NetworkPort;

    /// Its XML.
    virNetworkPortGetXMLDesc: xml() -> String = network_port_get_xml_desc(0);

    /// Sets its bandwidths, `fields::NETWORK_PORT_BANDWIDTH_*`.
    virNetworkPortSetParameters: set_parameters(params: TypedParams) -> ()
        = network_port_set_parameters(params.into_wire(), 0);

    /// Deletes it.
    virNetworkPortDelete: delete() -> () = network_port_delete(0);
}

client_calls! {
    /// The networks, of which the flags choose; all of them with no flags.
    virConnectListAllNetworks: networks(flags: ConnectListAllNetworksFlags) -> Vec<Network>
        = connect_list_all_networks(1, flags.bits()).nets;

    /// The network with this name.
    virNetworkLookupByName: network(name: &str) -> Network = network_lookup_by_name(name);

    /// The network with this UUID.
    virNetworkLookupByUUID: network_by_uuid(uuid: Uuid) -> Network
        = network_lookup_by_uuid(uuid.into_bytes());
}

impl Client {
    /// Defines a network, or changes the definition of the one with the same name and UUID.
    ///
    /// libvirt's `virNetworkDefineXML`, or with flags `virNetworkDefineXMLFlags`, of libvirt 7.7.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn define_network(
        &self,
        xml: &str,
        flags: NetworkDefineFlags,
    ) -> Result<Network, Error> {
        let wire = if flags.is_empty() {
            self.network_define_xml(xml).await
        } else {
            self.network_define_xml_flags(xml, flags.bits()).await
        };
        wire.map(|wire| Network::from_wire(self, wire))
    }

    /// Starts a network that is gone when it stops.
    ///
    /// libvirt's `virNetworkCreateXML`, or with flags `virNetworkCreateXMLFlags`, of libvirt 7.8.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn create_network(
        &self,
        xml: &str,
        flags: NetworkCreateFlags,
    ) -> Result<Network, Error> {
        let wire = if flags.is_empty() {
            self.network_create_xml(xml).await
        } else {
            self.network_create_xml_flags(xml, flags.bits()).await
        };
        wire.map(|wire| Network::from_wire(self, wire))
    }
}

#[cfg(test)]
mod tests {
    use super::update_order;
    use crate::enums::{NetworkUpdateCommand, NetworkUpdateSection};

    #[test]
    fn old_servers_get_the_section_for_the_command() {
        let command = NetworkUpdateCommand::ADD_LAST;
        let section = NetworkUpdateSection::IP_DHCP_HOST;
        assert_eq!(update_order(command, section, true), (3, 4));
        assert_eq!(update_order(command, section, false), (4, 3));
    }
}
