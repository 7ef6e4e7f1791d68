//! The devices of its host that a machine is given.

use std::collections::HashSet;

use drover_core::desired::machine::DesiredMachine;
use drover_core::host_devices::Given;
use drover_core::observed::domain::{Definition, ObservedDomain};
use drover_core::observed::node_device::Address;
use drover_core::plan::Verdict;
use drover_crds::condition::Reason;

use crate::controllers::placement;
use crate::ctx::Ctx;
use crate::hosts::{HostError, HostHandle};
use crate::reconcile::Key;

/// Chooses them, or says why there are none for it. What it has it keeps, unless another one has it too.
pub(super) async fn given(
    ctx: &Ctx,
    host: &HostHandle,
    desired: &DesiredMachine,
) -> Result<Result<Given, Verdict>, HostError> {
    let wanted = &desired.devices.host_devices;
    if wanted.is_empty() {
        return Ok(Ok(Given::new()));
    }
    host.devices().await?;
    let object = ctx.cache.hosts.get("", &host.name);
    let offered = object.map(|object| placement::devices(host, &object.spec.devices));
    let offered = offered.unwrap_or_default();
    let domain = host.domain(desired.uuid).await?;
    let definition = domain.as_ref().and_then(|it| it.definitions().last());
    let has = definition.map_or_else(Given::new, Definition::given);
    let others = host
        .devices_of_guests(|domain| domain.uuid == desired.uuid || has_freed_place(ctx, domain));
    let on_it = |key: &Key| {
        let machine = ctx.cache.machines.get(&key.namespace, &key.name);
        let machine = machine.filter(|it| !it.has_freed_place());
        machine.is_some_and(|it| it.host() == Some(&host.name))
    };
    let key = Key::machine(&desired.namespace, &desired.name);
    let chosen = host.chosen.choose(&key, on_it, |chosen| {
        let taken: HashSet<Address> = others.union(&chosen).cloned().collect();
        offered.choose(&host.name, wanted, &has, &taken)
    });
    Ok(chosen.map_err(|none| Verdict::new(Reason::DeviceNotReady, none.to_string())))
}

// What it is given when it starts again is chosen then.
fn has_freed_place(ctx: &Ctx, domain: &ObservedDomain) -> bool {
    let mark = domain.mark().filter(|mark| mark.fleet == ctx.fleet);
    let machine = mark.and_then(|it| ctx.cache.machines.get(&it.namespace, &it.name));
    let off = !domain.state.is_active();
    off && machine.is_some_and(|machine| machine.has_freed_place())
}
