//! Doing one step of a machine's plan. What was done is marked, to be looked at anew: whether the
//! call succeeded, failed or nobody knows.

use drover_core::definition::live::{Call, call};
use drover_core::definition::{create, outline, update};
use drover_core::desired::machine::DesiredMachine;
use drover_core::fields::{Shape, Site};
use drover_core::identity::{Mark, XML_NAMESPACE};
use drover_core::plan::changes::Change;
use drover_core::plan::machine::{Request, Side, Step};
use drover_rpc::proto::remote;
use drover_rpc::{Client, TypedParams, code};
use uuid::Uuid;

use super::act::unless_off;
use super::inventory::HostHandle;
use super::observe::{INACTIVE, ReadError};
use super::{HostError, domain_ref};

// VIR_DOMAIN_UNDEFINE_: managed save, snapshots' and checkpoints' metadata, NVRAM. Libvirt 9.0 knows
// these; TPM state (64) it knows too, but not every driver.
const UNDEFINE: u32 = 1 | 2 | 4 | 16;
const UNDEFINE_TPM: u32 = 32;
// VIR_DOMAIN_DEFINE_VALIDATE.
const VALIDATE: u32 = 1;
// How many outlines are kept: a fleet has a few kinds of machines, each of some kilobytes.
const MOST_OUTLINES: usize = 256;
// VIR_DOMAIN_METADATA_ELEMENT, and to change the live and the persistent definition.
const METADATA_ELEMENT: i32 = 2;
const AFFECT_LIVE: u32 = 1;
const AFFECT_CONFIG: u32 = 2;
// VIR_DOMAIN_XML_SECURE: with the passwords, which are to be written again.
const SECURE: u32 = 1;
// VIR_DOMAIN_START_PAUSED.
const START_PAUSED: u32 = 1;
// VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN and _GUEST_AGENT.
const BUTTON: u32 = 1;
const AGENT: u32 = 2;

/// A machine of a host, to work on.
#[derive(Debug, Clone, Copy)]
pub struct MachineOnHost<'a> {
    /// The host.
    pub host: &'a HostHandle,
    /// The machine as it is to be.
    pub desired: &'a DesiredMachine,
    /// Where it is, and where its disks are.
    pub site: &'a Site,
    /// The name of its domain.
    pub name: &'a str,
}

impl MachineOnHost<'_> {
    /// Does one step of the machine's plan.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn step(&self, step: &Step) -> Result<(), HostError> {
        let client = self.host.client()?;
        let result = self.try_step(&client, step).await;
        if let Err(ReadError::Rpc(error)) = &result
            && error.outcome_unknown()
        {
            // It may still be done, and nothing that is asked for later may wait behind it.
            client.hang_up();
        }
        self.host.mark_domain(self.desired.uuid, self.name);
        result.map_err(|error| error.into_host(self.host, words(step)))
    }

    async fn try_step(&self, client: &Client, step: &Step) -> Result<(), ReadError> {
        let domain = self.domain();
        match step {
            Step::Create { mark } => self.create(client, mark).await?,
            Step::Define { mark, paths } => self.define(client, mark, paths).await?,
            Step::Record { side, mark } => self.record(client, *side, mark).await?,
            Step::Change(change) => self.change(client, change).await?,
            Step::ClearAutostart => client.domain_set_autostart(domain, 0).await?,
            Step::Start { paused } => {
                let flags = if *paused { START_PAUSED } else { 0 };
                client.domain_create_with_flags(domain, flags).await?;
            }
            Step::Resume => client.domain_resume(domain).await?,
            Step::Suspend => client.domain_suspend(domain).await?,
            Step::Reset { .. } => client.domain_reset(domain, 0).await?,
            Step::Shutdown(request) => self.shutdown(client, *request).await?,
            Step::Destroy => unless_off(client.domain_destroy_flags(domain, 0).await)?,
            Step::Undefine => undefine(client, self.name, self.desired.uuid).await?,
            Step::RemoveMark => self.remove_mark(client).await?,
        }
        Ok(())
    }

    fn domain(&self) -> remote::Domain {
        domain_ref(self.name, self.desired.uuid)
    }

    // libvirt reads all of its schema for each definition, which takes longer than everything else that
    // is done to a machine: it is asked once for all that are alike.
    async fn create(&self, client: &Client, mark: &Mark) -> Result<(), ReadError> {
        let xml = create(self.desired, self.site, mark);
        let outline = outline(self.desired, self.site);
        let known = self
            .host
            .read(|inventory| inventory.validated.contains(&outline));
        let flags = if known { 0 } else { VALIDATE };
        client.domain_define_xml_flags(xml, flags).await?;
        if !known {
            self.host.write(|inventory| {
                if inventory.validated.len() < MOST_OUTLINES {
                    inventory.validated.insert(outline);
                }
            });
        }
        Ok(())
    }

    async fn define(
        &self,
        client: &Client,
        mark: &Mark,
        paths: &[String],
    ) -> Result<(), ReadError> {
        let flags = SECURE | INACTIVE;
        let xml = client.domain_get_xml_desc(self.domain(), flags).await?;
        let wanted = Shape::of(self.desired, self.site);
        let allowed = |path: &str| paths.iter().any(|known| known == path);
        let rewritten = update(&xml.to_string_lossy(), &wanted, self.site, mark, allowed)?;
        tracing::info!(
            host = self.host.name,
            domain = self.name,
            changed = rewritten.changed.join(" "),
            "defined"
        );
        client.domain_define_xml_flags(rewritten.xml, 0).await?;
        Ok(())
    }

    async fn record(&self, client: &Client, side: Side, mark: &Mark) -> Result<(), ReadError> {
        let flags = match side {
            Side::Live => AFFECT_LIVE,
            Side::Config => AFFECT_CONFIG,
        };
        let text = mark.plain().to_string();
        let (key, uri) = (Some("drover".into()), Some(XML_NAMESPACE.into()));
        client
            .domain_set_metadata(
                self.domain(),
                METADATA_ELEMENT,
                Some(text.into()),
                key,
                uri,
                flags,
            )
            .await?;
        Ok(())
    }

    async fn change(&self, client: &Client, change: &Change) -> Result<(), ReadError> {
        let xml = client.domain_get_xml_desc(self.domain(), SECURE).await?;
        let wanted = Shape::of(self.desired, self.site);
        let Some(call) = call(&xml.to_string_lossy(), &wanted, change)? else {
            return Ok(());
        };
        tracing::info!(
            host = self.host.name,
            domain = self.name,
            path = change.path,
            call = call.verb(),
            "changed while it runs"
        );
        let domain = self.domain();
        match call {
            Call::Attach(xml) => {
                client
                    .domain_attach_device_flags(domain, xml, AFFECT_LIVE)
                    .await?;
            }
            Call::Detach(xml) => {
                client
                    .domain_detach_device_flags(domain, xml, AFFECT_LIVE)
                    .await?;
            }
            Call::Update(xml) => {
                client
                    .domain_update_device_flags(domain, xml, AFFECT_LIVE)
                    .await?;
            }
            Call::Memory(kib) => {
                client
                    .domain_set_memory_flags(domain, kib, AFFECT_LIVE)
                    .await?;
            }
            Call::Vcpus(count) => {
                client
                    .domain_set_vcpus_flags(domain, count, AFFECT_LIVE)
                    .await?;
            }
            Call::Limits(disk, limits) => {
                let limits = limits
                    .into_iter()
                    .fold(TypedParams::default(), |all, (name, amount)| {
                        all.with_u64(name, amount)
                    });
                client
                    .domain_set_block_io_tune(domain, disk, limits.into_wire(), AFFECT_LIVE)
                    .await?;
            }
        }
        Ok(())
    }

    async fn shutdown(&self, client: &Client, request: Request) -> Result<(), ReadError> {
        let flags = match request {
            Request::Agent => AGENT,
            Request::Button => BUTTON,
        };
        match client.domain_shutdown_flags(self.domain(), flags).await {
            // The driver has only one way.
            Err(error) if error.code() == Some(code::INVALID_ARG) || error.not_supported() => {
                client.domain_shutdown_flags(self.domain(), 0).await?;
            }
            other => other?,
        }
        Ok(())
    }

    async fn remove_mark(&self, client: &Client) -> Result<(), ReadError> {
        let active = client.domain_is_active(self.domain()).await? != 0;
        let persistent = client.domain_is_persistent(self.domain()).await? != 0;
        let flags =
            if active { AFFECT_LIVE } else { 0 } | if persistent { AFFECT_CONFIG } else { 0 };
        let uri = Some(XML_NAMESPACE.into());
        client
            .domain_set_metadata(self.domain(), METADATA_ELEMENT, None, None, uri, flags)
            .await?;
        Ok(())
    }
}

fn words(step: &Step) -> &'static str {
    match step {
        Step::Create { .. } | Step::Define { .. } => "defining the domain",
        Step::Record { .. } => "writing the domain's mark",
        Step::Change(_) => "changing the running domain",
        Step::ClearAutostart => "clearing autostart",
        Step::Start { .. } => "starting the domain",
        Step::Resume => "resuming the domain",
        Step::Suspend => "pausing the domain",
        Step::Reset { .. } => "resetting the domain",
        Step::Shutdown(_) => "shutting the domain down",
        Step::Destroy => "powering the domain off",
        Step::Undefine => "removing the domain",
        Step::RemoveMark => "removing the mark",
    }
}

async fn undefine(client: &Client, name: &str, uuid: Uuid) -> Result<(), drover_rpc::Error> {
    // Flags that the driver or the version does not know are refused before anything is done.
    let mut last = Ok(());
    for flags in [UNDEFINE | UNDEFINE_TPM, UNDEFINE, UNDEFINE & 3, 0] {
        last = client
            .domain_undefine_flags(domain_ref(name, uuid), flags)
            .await;
        match &last {
            Err(error) if error.code() == Some(code::INVALID_ARG) => {}
            Err(error) if error.not_supported() => {}
            Err(error) if error.not_found() => return Ok(()),
            _ => return last,
        }
    }
    last
}
