//! Who writes into a volume: one machine, unless it is said that several may.

use drover_core::desired::machine::{DesiredDisk, DiskType};
use drover_core::desired::volume::name_in_pool;
use drover_core::plan::Verdict;
use drover_crds::condition::{self, Reason};
use drover_crds::virtual_machine::{self, RunStrategy};
use drover_crds::{VirtualMachine, Volume};
use kube::ResourceExt;

use crate::controllers::storage;
use crate::controllers::storage::clone;
use crate::controllers::volume::volume_names;
use crate::ctx::Ctx;
use crate::reconcile::Key;

/// The other machine that writes into a disk's volume, if there is one that comes first: one that runs,
/// or else the older one.
pub(super) fn other(
    ctx: &Ctx,
    machine: &VirtualMachine,
    disk: &DesiredDisk,
    volume: Option<&Volume>,
) -> Option<Verdict> {
    let volume = volume.filter(|volume| !volume.spec.shareable)?;
    if disk.type_ == DiskType::Cdrom || disk.template.is_some() {
        return None;
    }
    let name = volume.name_any();
    let all = ctx.cache.machines.all();
    let writers = all.iter().filter(|it| {
        let same = it.uid() == machine.uid();
        it.namespace() == machine.namespace() && writes(it, &name) && (same || wants_it(it))
    });
    let first = writers.min_by_key(|it| {
        let made = it.metadata.creation_timestamp.clone();
        (!is_active(it), made.map(|time| time.0), it.name_any())
    })?;
    (first.uid() != machine.uid()).then(|| {
        let message = format!(
            "Volume {name} is written by machine {}; its shareable lets several write",
            first.name_any()
        );
        Verdict::new(Reason::VolumeNotReady, message)
    })
}

/// That a disk's volume is being copied, as it is while nobody writes into it.
pub(super) fn copied(
    ctx: &Ctx,
    host: &str,
    disk: &DesiredDisk,
    volume: Option<&Volume>,
) -> Option<Verdict> {
    let volume = volume.filter(|_| disk.type_ != DiskType::Cdrom)?;
    let name = name_in_pool(volume).ok()?;
    let (handle, pool) = (ctx.hosts.get(host)?, &volume.spec.pool);
    let all = storage::carriers(ctx, pool, &handle);
    let copied = all.iter().any(|host| host.holds.has_volume(pool, &name));
    copied.then(|| {
        let message = format!(
            "Volume {} is being copied: nobody writes into it until that is done",
            volume.name_any()
        );
        Verdict::new(Reason::VolumeNotReady, message)
    })
}

fn writes(machine: &VirtualMachine, volume: &str) -> bool {
    machine.spec.disks.iter().any(|disk| {
        disk.type_ == virtual_machine::DiskType::Disk
            && disk.volume.as_ref().is_some_and(|it| it.name == volume)
    })
}

fn is_active(machine: &VirtualMachine) -> bool {
    runs(machine.status.as_ref().and_then(|it| it.state.as_deref()))
}

fn runs(state: Option<&str>) -> bool {
    state.is_some_and(|state| !matches!(state, "Shutoff" | "Crashed" | "NoState"))
}

/// Whether a machine whose state is this now has stopped, with volumes that others may wait for.
pub(super) fn has_let_go(machine: &VirtualMachine, state: Option<&str>) -> bool {
    is_active(machine) && !runs(state) && !machine.spec.disks.is_empty()
}

/// Asks for a look at what waits for a machine's volumes to be let go: other machines, and copies.
pub(super) fn hint_of(ctx: &Ctx, machine: &VirtualMachine) {
    hint_waiting(ctx);
    let namespace = machine.namespace().unwrap_or_default();
    for volume in volume_names(machine) {
        clone::hint_copies(ctx, &namespace, &volume);
    }
}

fn wants_it(machine: &VirtualMachine) -> bool {
    is_active(machine) || machine.spec.run_strategy != RunStrategy::Halted
}

/// Asks for a look at the machines that wait for a volume: another one may have let it go.
pub(super) fn hint_waiting(ctx: &Ctx) {
    for machine in ctx.cache.machines.all() {
        let conditions = machine.status.as_ref().map(|it| &it.conditions);
        let ready = conditions.and_then(|it| condition::find(it, "VolumesReady"));
        if ready.is_some_and(|ready| ready.status == "False") {
            ctx.hints.hint(Key::of_machine(&machine));
        }
    }
}
