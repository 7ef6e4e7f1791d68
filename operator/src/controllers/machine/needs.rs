//! What a machine needs on its host before it is started: volumes and networks.

use drover_core::desired::machine::{DesiredDisk, DesiredMachine};
use drover_core::desired::network::DesiredNetwork;
use drover_core::desired::volume::{DesiredVolume, Source, format_in, format_word, name_in_pool};
use drover_core::host_devices::Given;
use drover_core::plan::Verdict;
use drover_core::xml::{ResolvedBacking, ResolvedDisk, ResolvedSeed};
use drover_crds::condition::{self, Reason};
use drover_crds::storage_pool::PoolType;
use drover_crds::virtual_machine::VolumeTemplate;
use drover_crds::volume::VolumeFormat;
use drover_crds::{FINALIZER, VirtualMachine, Volume, VolumeSpec};
use kube::api::ObjectMeta;
use kube::{Resource, ResourceExt};
use serde_json::json;

use super::writers;
use crate::controllers::image;
use crate::controllers::placement::namespace_labels;
use crate::controllers::{reservations, storage};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::hosts::{HostError, HostHandle};
use crate::reconcile::write;

// The label with the name of the machine that a Volume is made with.
const PART_OF: &str = "app.kubernetes.io/part-of";

/// Where a machine's disks are, and what keeps it from having them.
#[derive(Default)]
pub(super) struct Volumes {
    pub(super) disks: Vec<ResolvedDisk>,
    pub(super) kernel: Option<String>,
    pub(super) initrd: Option<String>,
    pub(super) seed: Option<ResolvedSeed>,
    /// The devices of the host that it is given, if there are some for it.
    pub(super) devices: Option<Given>,
    pub(super) blocked: Option<Verdict>,
    /// Whether one of them is being copied, and nobody is to write into it until that is done.
    pub(super) copied: bool,
}

/// Finds the volumes of a machine, and makes those that are made with it.
pub(super) async fn volumes(
    ctx: &Ctx,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
    host: &str,
) -> Result<Volumes, Error> {
    let mut found = Volumes::default();
    for disk in &desired.disks {
        let Some(name) = &disk.volume else { continue };
        let known = ctx.cache.volumes.get(&desired.namespace, name);
        let volume = match (known, &disk.template) {
            (Some(volume), Some(_)) if was_left(&volume, machine) => {
                let taken = write::own(&ctx.client, &*volume, machine).await?;
                ctx.cache.volumes.wrote(taken.clone());
                Some(taken)
            }
            (Some(volume), Some(template)) if is_outgrown(&volume, template, machine) => {
                let larger = json!({
                    "metadata": {"resourceVersion": volume.resource_version()},
                    "spec": {"capacity": template.capacity},
                });
                let grown = write::merge(&ctx.client, &*volume, &larger).await?;
                ctx.cache.volumes.wrote(grown.clone());
                Some(grown)
            }
            (Some(volume), _) => Some((*volume).clone()),
            (None, Some(template)) => {
                let own = !storage::is_shared(ctx, &template.pool);
                let wanted = made_with(machine, template, name, Some(host).filter(|_| own));
                let made = write::create(&ctx.client, &wanted).await?;
                // The next look may come before the watch has told of it.
                ctx.cache.volumes.wrote(made.clone());
                Some(made)
            }
            (None, None) => None,
        };
        let owned = disk.template.is_some();
        let written = writers::other(ctx, machine, disk, volume.as_ref());
        let copied = writers::copied(ctx, host, disk, volume.as_ref());
        found.copied |= copied.is_some();
        let blocked = hindrance(machine, name, owned, volume.as_ref(), host);
        let blocked = blocked.or(written).or(copied);
        if let Some(volume) = volume.filter(is_placed) {
            found.disks.push(resolve(ctx, disk, &volume));
        }
        found.blocked = found.blocked.or(blocked);
    }
    media(ctx, desired, host, &mut found);
    kernels(ctx, machine, desired, host, &mut found);
    Ok(found)
}

// What drives have in them, each as its image's copy on the host is: nobody writes into it.
fn media(ctx: &Ctx, desired: &DesiredMachine, host: &str, found: &mut Volumes) {
    for (disk, name) in desired.images() {
        let Some(pool) = image::pool_of_medium(ctx, desired, disk) else {
            let message = format!(
                "spec.disks[{}].pool: no other disk says where to keep it",
                disk.name
            );
            found.blocked = found.blocked.take().or(Some(not_ready(message)));
            continue;
        };
        match image::copy_on(ctx, name, &pool, host) {
            Ok(status) => found.disks.push(ResolvedDisk {
                name: disk.name.clone(),
                pool,
                volume: name.volume_name(),
                format: format_word(status.format.unwrap_or(VolumeFormat::Raw)).to_owned(),
                shareable: false,
                backing: Some(Vec::new()),
                path: None,
            }),
            Err(verdict) => {
                let blocked = Some(not_ready(verdict.message));
                found.blocked = found.blocked.take().or(blocked);
            }
        }
    }
}

/// Lets libvirt on the machine's host see what another host has made in Shared pools.
pub(super) async fn see(
    ctx: &Ctx,
    host: &HostHandle,
    found: &mut Volumes,
) -> Result<(), HostError> {
    if found.blocked.is_some() {
        return Ok(());
    }
    let shared = |disk: &&ResolvedDisk| storage::is_shared(ctx, &disk.pool);
    for disk in found.disks.iter().filter(shared) {
        if sees(host, disk).await? {
            continue;
        }
        let uuid = host.read(|it| it.pools.get(&disk.pool).map(|(uuid, _)| *uuid));
        if let Some(uuid) = uuid {
            host.refresh_pool(&disk.pool, uuid).await?;
        }
        if !sees(host, disk).await? {
            let ResolvedDisk { pool, volume, .. } = disk;
            let message = format!(
                "volume {volume} of pool {pool} is not seen on {}",
                host.name
            );
            found.blocked = Some(not_ready(message));
            break;
        }
    }
    Ok(())
}

async fn sees(host: &HostHandle, disk: &ResolvedDisk) -> Result<bool, HostError> {
    let pool = host.pool(&disk.pool).await?;
    Ok(pool.is_some_and(|pool| pool.volumes.contains(&disk.volume)))
}

/// The Volumes that are made with a machine.
pub(crate) fn templates(machine: &VirtualMachine, desired: &DesiredMachine) -> Vec<Volume> {
    let made = desired.disks.iter().filter_map(|disk| {
        let (template, name) = (disk.template.as_ref()?, disk.volume.as_ref()?);
        Some(made_with(machine, template, name, None))
    });
    made.collect()
}

fn kernels(
    ctx: &Ctx,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
    host: &str,
    found: &mut Volumes,
) {
    let Some(boot) = &desired.firmware.kernel_boot else {
        return;
    };
    let mut path = |name: &str| {
        let volume = ctx.cache.volumes.get(&desired.namespace, name);
        let blocked = hindrance(machine, name, false, volume.as_deref(), host);
        found.blocked = found.blocked.take().or(blocked);
        volume?.status.as_ref()?.key.clone()
    };
    let kernel = path(&boot.kernel_volume.name);
    let initrd = boot.initrd_volume.as_ref().and_then(|it| path(&it.name));
    (found.kernel, found.initrd) = (kernel, initrd);
}

fn not_ready(message: String) -> Verdict {
    Verdict::new(Reason::VolumeNotReady, message)
}

fn hindrance(
    machine: &VirtualMachine,
    name: &str,
    owned: bool,
    volume: Option<&Volume>,
    host: &str,
) -> Option<Verdict> {
    let Some(volume) = volume else {
        return Some(not_ready(format!("Volume {name} does not exist")));
    };
    if volume.metadata.deletion_timestamp.is_some() {
        return Some(not_ready(format!("Volume {name} is being deleted")));
    }
    if owned && !owned_by(volume, machine) {
        let message = format!("Volume {name} is there and does not belong to this machine");
        return Some(Verdict::new(Reason::NameConflict, message));
    }
    let status = volume.status.clone().unwrap_or_default();
    if status.host.as_ref().is_some_and(|on| on != host) {
        let on = status.host.unwrap_or_default();
        return Some(not_ready(format!(
            "Volume {name} is on {on}, the machine is on {host}"
        )));
    }
    let current = status.observed_generation == volume.metadata.generation;
    match condition::find(&status.conditions, "Ready") {
        Some(ready) if ready.status == "True" && current => None,
        Some(ready) => Some(not_ready(format!(
            "Volume {name}: {}: {}",
            ready.reason, ready.message
        ))),
        None => Some(not_ready(format!("Volume {name} is being made"))),
    }
}

// Whether it was made with a machine of this name whose object went without being cleaned up after.
fn was_left(volume: &Volume, machine: &VirtualMachine) -> bool {
    let part_of = volume.labels().get(PART_OF);
    volume.owner_references().is_empty()
        && part_of == Some(&machine.name_any())
        && volume.metadata.deletion_timestamp.is_none()
}

// Whether its template asks for more by now. What was made larger by itself stays so.
fn is_outgrown(volume: &Volume, template: &VolumeTemplate, machine: &VirtualMachine) -> bool {
    let sizes = (volume.spec.capacity.value(), template.capacity.value());
    let smaller = matches!(sizes, (Ok(has), Ok(wanted)) if has < wanted);
    smaller && owned_by(volume, machine) && volume.metadata.deletion_timestamp.is_none()
}

/// Whether a Volume goes with a machine.
pub(super) fn owned_by(volume: &Volume, machine: &VirtualMachine) -> bool {
    let uid = machine.uid();
    volume
        .owner_references()
        .iter()
        .any(|owner| Some(&owner.uid) == uid.as_ref())
}

// What was there before is known by its path to those who did not wait for Drover.
fn is_placed(volume: &Volume) -> bool {
    let key = volume.status.as_ref().and_then(|it| it.key.as_ref());
    volume.spec.existing.is_none() || key.is_some()
}

pub(super) fn resolve(ctx: &Ctx, disk: &DesiredDisk, volume: &Volume) -> ResolvedDisk {
    let pool = ctx.cache.pools.get("", &volume.spec.pool);
    let pool = pool.map(|pool| pool.spec.type_);
    let format = format_in(volume.spec.format, pool);
    ResolvedDisk {
        name: disk.name.clone(),
        pool: volume.spec.pool.clone(),
        // One that cannot be is never Ready, and waited for.
        volume: name_in_pool(volume).unwrap_or_default(),
        format: format_word(format).to_owned(),
        shareable: volume.spec.shareable,
        backing: backing(volume, pool),
        path: volume.status.as_ref().and_then(|status| status.key.clone()),
    }
}

// Of what Drover did not make nobody knows, and of an overlay only when it has been looked at.
fn backing(volume: &Volume, pool: Option<PoolType>) -> Option<Vec<ResolvedBacking>> {
    if volume.spec.existing.is_some() {
        return None;
    }
    let desired = DesiredVolume::parse(volume, "", pool).ok()?;
    if !matches!(desired.source, Source::Overlay(_)) {
        return Some(Vec::new());
    }
    let status = volume.status.as_ref().filter(|it| it.key.is_some())?;
    let levels = status.backing.iter().map(|base| ResolvedBacking {
        path: base.key.clone(),
        format: format_word(base.format).to_owned(),
    });
    Some(levels.collect())
}

// The finalizer comes with it: that saves a write.
pub(super) fn made_with(
    machine: &VirtualMachine,
    template: &VolumeTemplate,
    name: &str,
    host: Option<&str>,
) -> Volume {
    let spec = VolumeSpec {
        pool: template.pool.clone(),
        host: host.map(str::to_owned),
        capacity: template.capacity.clone(),
        format: template.format,
        source: template.source.clone(),
        clone_strategy: template.clone_strategy,
        shareable: false,
        wipe_on_delete: template.wipe_on_delete,
        reclaim_policy: template.reclaim_policy,
        existing: None,
    };
    let labels = [
        (
            "app.kubernetes.io/managed-by".to_owned(),
            "drover".to_owned(),
        ),
        (PART_OF.to_owned(), machine.name_any()),
    ];
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: machine.namespace(),
        labels: Some(labels.into()),
        finalizers: Some(vec![FINALIZER.to_owned()]),
        owner_references: machine.controller_owner_ref(&()).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    };
    Volume {
        metadata,
        spec,
        status: None,
    }
}

/// What keeps a machine from its networks.
pub(super) async fn networks(
    ctx: &Ctx,
    machine: &VirtualMachine,
    desired: &DesiredMachine,
    host: &HostHandle,
) -> Option<Verdict> {
    match unrealized(ctx, desired, &host.name) {
        Some(verdict) => Some(verdict),
        None => reservations::hindrance(ctx, machine, desired, host).await,
    }
}

// What keeps the networks themselves from being there for it.
fn unrealized(ctx: &Ctx, desired: &DesiredMachine, host: &str) -> Option<Verdict> {
    let labels = namespace_labels(ctx, &desired.namespace);
    desired.interfaces.iter().find_map(|interface| {
        let name = &interface.network;
        let blocked = |message: String| Some(Verdict::new(Reason::NetworkNotReady, message));
        let Some(network) = ctx.cache.networks.get("", name) else {
            return blocked(format!("Network {name} does not exist"));
        };
        let parsed = DesiredNetwork::parse(&network, &ctx.fleet);
        if !parsed.is_ok_and(|parsed| parsed.consent.allows(&labels)) {
            return blocked(format!(
                "Network {name} is not open to namespace {}",
                desired.namespace
            ));
        }
        let status = network.status.clone().unwrap_or_default();
        match status.hosts.iter().find(|state| state.name == host) {
            Some(state) if state.state == "Active" => None,
            Some(state) => {
                let message = state.message.as_deref().unwrap_or("no more is known");
                blocked(format!(
                    "Network {name} on {host} is {}: {message}",
                    state.state
                ))
            }
            None => blocked(format!("Network {name} is not on {host}")),
        }
    })
}
