//! Devices: plugging, network interfaces, consoles.

use drover_rpc_proto::remote::{DomainInterface, DomainInterfaceStatsRet};

use crate::enums::{DomainGraphicsReloadType, DomainInterfaceAddressesSource, IPAddrType};
use crate::error::Error;
use crate::flags::{
    DomainChannelFlags, DomainConsoleFlags, DomainDeviceModifyFlags, DomainModificationImpact,
};
use crate::objects::Domain;
use crate::objects::handle::{Answer, answer_from, calls, optional, string};
use crate::objects::params::twice;
use crate::stream::{Download, Duplex};
use crate::typed::TypedParams;

/// What has gone over a network interface since the domain was started, seen from the guest
/// (`virDomainInterfaceStatsStruct`). What the host does not count is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InterfaceStats {
    /// Bytes received.
    pub rx_bytes: Option<u64>,
    /// Packets received.
    pub rx_packets: Option<u64>,
    /// Receive errors.
    pub rx_errors: Option<u64>,
    /// Packets dropped on receipt.
    pub rx_dropped: Option<u64>,
    /// Bytes sent.
    pub tx_bytes: Option<u64>,
    /// Packets sent.
    pub tx_packets: Option<u64>,
    /// Send errors.
    pub tx_errors: Option<u64>,
    /// Packets dropped on sending.
    pub tx_dropped: Option<u64>,
}

impl From<DomainInterfaceStatsRet> for InterfaceStats {
    fn from(stats: DomainInterfaceStatsRet) -> Self {
        let count = |n: i64| u64::try_from(n).ok();
        Self {
            rx_bytes: count(stats.rx_bytes),
            rx_packets: count(stats.rx_packets),
            rx_errors: count(stats.rx_errs),
            rx_dropped: count(stats.rx_drop),
            tx_bytes: count(stats.tx_bytes),
            tx_packets: count(stats.tx_packets),
            tx_errors: count(stats.tx_errs),
            tx_dropped: count(stats.tx_drop),
        }
    }
}

/// A network interface as the guest has it (`virDomainInterface`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestInterface {
    /// Its name: the guest's own if the agent was asked, else the host's.
    pub name: String,
    /// Its MAC address.
    pub mac: Option<String>,
    /// Its IP addresses.
    pub addresses: Vec<IpAddress>,
}

/// An address and its network (`virDomainIPAddress`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpAddress {
    /// IPv4 or IPv6.
    pub kind: IPAddrType,
    /// The address, as libvirt writes it.
    pub address: String,
    /// The bits of its network.
    pub prefix: u32,
}

impl Answer<Vec<DomainInterface>> for Vec<GuestInterface> {
    fn answer(wire: Vec<DomainInterface>, _: &crate::Client) -> Self {
        let interface = |interface: DomainInterface| GuestInterface {
            name: string(&interface.name),
            mac: interface.hwaddr.as_ref().map(string),
            addresses: interface
                .addrs
                .iter()
                .map(|address| IpAddress {
                    kind: IPAddrType(address.type_),
                    address: string(&address.addr),
                    prefix: address.prefix,
                })
                .collect(),
        };
        wire.into_iter().map(interface).collect()
    }
}

answer_from! {
    DomainInterfaceStatsRet => InterfaceStats,
}

calls! {
    Domain;

    /// Adds the device of this XML.
    virDomainAttachDeviceFlags: attach_device(xml: &str, flags: DomainDeviceModifyFlags) -> ()
        = domain_attach_device_flags(xml, flags.bits());

    /// Takes the device of this XML away. A running guest is asked to let go of it: it is gone only
    /// when the event `DEVICE_REMOVED` says so.
    virDomainDetachDeviceFlags: detach_device(xml: &str, flags: DomainDeviceModifyFlags) -> ()
        = domain_detach_device_flags(xml, flags.bits());

    /// Takes the device with this alias away, likewise.
    virDomainDetachDeviceAlias: detach_device_alias(
        alias: &str, flags: DomainDeviceModifyFlags,
    ) -> () = domain_detach_device_alias(alias, flags.bits());

    /// Changes the device of this XML, such as the medium in a drive.
    virDomainUpdateDeviceFlags: update_device(xml: &str, flags: DomainDeviceModifyFlags) -> ()
        = domain_update_device_flags(xml, flags.bits());

    /// What has gone over a network interface, named by its `<target dev=…/>`.
    virDomainInterfaceStats: interface_stats(device: &str) -> InterfaceStats
        = domain_interface_stats(device);

    /// The network interfaces and their addresses, as this source knows them.
    virDomainInterfaceAddresses: interface_addresses(
        source: DomainInterfaceAddressesSource,
    ) -> Vec<GuestInterface> = domain_interface_addresses(source.0.cast_unsigned(), 0);

    /// Bandwidths of a network interface; the parameters are `fields::DOMAIN_BANDWIDTH_*`.
    virDomainSetInterfaceParameters: set_interface_parameters(
        device: &str, params: TypedParams, flags: DomainModificationImpact,
    ) -> () = domain_set_interface_parameters(device, params.into_wire(), flags.bits());

    /// Has the graphics server read its certificates again.
    virDomainGraphicsReload: reload_graphics(kind: DomainGraphicsReloadType) -> ()
        = domain_graphics_reload(kind.0.cast_unsigned(), 0);
}

impl Domain {
    /// Bandwidths of a network interface; see `fields::DOMAIN_BANDWIDTH_*`.
    ///
    /// libvirt's `virDomainGetInterfaceParameters`, called twice.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn interface_parameters(
        &self,
        device: &str,
        flags: DomainModificationImpact,
    ) -> Result<TypedParams, Error> {
        let flags = self.client.with_strings(flags.bits()).await?;
        let ask = |count| async move {
            let call =
                self.client
                    .domain_get_interface_parameters(self.key(), device, count, flags);
            call.await.map(|answer| (answer.params, answer.nparams))
        };
        twice(ask).await.map(TypedParams::from)
    }

    /// The console with this alias, or the first one: bytes both ways.
    ///
    /// libvirt's `virDomainOpenConsole`.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn open_console(
        &self,
        alias: Option<&str>,
        flags: DomainConsoleFlags,
    ) -> Result<Duplex, Error> {
        self.client
            .domain_open_console(self.key(), optional(alias), flags.bits())
            .await
    }

    /// The channel with this name, or the first one: bytes both ways.
    ///
    /// libvirt's `virDomainOpenChannel`.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn open_channel(
        &self,
        name: Option<&str>,
        flags: DomainChannelFlags,
    ) -> Result<Duplex, Error> {
        self.client
            .domain_open_channel(self.key(), optional(name), flags.bits())
            .await
    }

    /// A picture of a screen, counted from 0, and its MIME type.
    ///
    /// libvirt's `virDomainScreenshot`.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn screenshot(&self, screen: u32) -> Result<(Option<String>, Download), Error> {
        let call = self.client.domain_screenshot(self.key(), screen, 0);
        let (mime, picture) = call.await?;
        Ok((mime.as_ref().map(string), picture))
    }
}
