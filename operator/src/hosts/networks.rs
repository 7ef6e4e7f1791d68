//! Doing one thing to a network. What was done is marked, to be looked at anew: whether the call
//! succeeded, failed or nobody knows.

use drover_core::observed::network::Section;
use drover_core::plan::network::{Command, Edit, Sides, Step};
use drover_rpc::enums::{NetworkUpdateCommand, NetworkUpdateSection};
use drover_rpc::flags::NetworkUpdateFlags;
use drover_rpc::{Client, Network};
use uuid::Uuid;

use super::act::unless_off;
use super::inventory::HostHandle;
use super::{HostError, network_ref};

impl HostHandle {
    /// Does one step of a network's plan.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn step_network(&self, step: Step, name: &str, uuid: Uuid) -> Result<(), HostError> {
        let client = self.client()?;
        let network = network_ref(name, uuid);
        let (what, result) = match step {
            Step::Define(xml) => {
                let _alone = self.defining.lock().await;
                let defined = client.network_define_xml(xml).await;
                ("defining the network", defined.map(drop))
            }
            Step::Update(edits) => (
                "changing the network",
                update(&client, name, uuid, &edits).await,
            ),
            Step::Start => (
                "starting the network",
                unless_off(client.network_create(network).await),
            ),
            Step::Destroy => (
                "stopping the network",
                unless_off(client.network_destroy(network).await),
            ),
            Step::Undefine => (
                "removing the network",
                client.network_undefine(network).await,
            ),
        };
        self.mark_network(name, uuid);
        result.map_err(self.failed(what))
    }

    /// The first of these devices that the host does not have. Where libvirt does not tell of devices
    /// none is missing.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn missing_device<'a>(
        &self,
        devices: &[&'a str],
    ) -> Result<Option<&'a str>, HostError> {
        let client = self.client()?;
        for device in devices {
            match client.interface_lookup_by_name(*device).await {
                Err(error) if error.not_found() => return Ok(Some(device)),
                Err(error) if error.libvirt().is_none() => {
                    return Err(self.failed("looking for a device")(error));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

// What libvirt refuses of one element keeps the others from nothing.
async fn update(
    client: &Client,
    name: &str,
    uuid: Uuid,
    edits: &[Edit],
) -> Result<(), drover_rpc::Error> {
    let network = Network::from_wire(client, network_ref(name, uuid));
    let mut refused = Ok(());
    for edit in edits {
        tracing::info!(network = name, command = ?edit.command, xml = edit.xml, "change");
        let parent = edit.parent.and_then(|parent| i32::try_from(parent).ok());
        let done = network
            .update(
                command(edit.command),
                section(edit.section),
                parent.unwrap_or(-1),
                &edit.xml,
                sides(edit.sides),
            )
            .await;
        match done {
            Err(error) if error.libvirt().is_some() => refused = refused.and(Err(error)),
            other => other?,
        }
    }
    refused
}

fn command(command: Command) -> NetworkUpdateCommand {
    match command {
        Command::Add => NetworkUpdateCommand::ADD_LAST,
        Command::Modify => NetworkUpdateCommand::MODIFY,
        Command::Delete => NetworkUpdateCommand::DELETE,
    }
}

fn section(section: Section) -> NetworkUpdateSection {
    match section {
        Section::DhcpRange => NetworkUpdateSection::IP_DHCP_RANGE,
        Section::DhcpHost => NetworkUpdateSection::IP_DHCP_HOST,
        Section::ForwardInterface => NetworkUpdateSection::FORWARD_INTERFACE,
        Section::PortGroup => NetworkUpdateSection::PORTGROUP,
        Section::DnsHost => NetworkUpdateSection::DNS_HOST,
        Section::DnsTxt => NetworkUpdateSection::DNS_TXT,
        Section::DnsSrv => NetworkUpdateSection::DNS_SRV,
    }
}

fn sides(sides: Sides) -> NetworkUpdateFlags {
    match sides {
        Sides::Live => NetworkUpdateFlags::LIVE,
        Sides::Config => NetworkUpdateFlags::CONFIG,
        Sides::Both => NetworkUpdateFlags::LIVE | NetworkUpdateFlags::CONFIG,
    }
}
