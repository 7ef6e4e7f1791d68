//! What would be done, without doing anything.

use std::process::ExitCode;
use std::sync::Arc;

use drover_core::desired::network::DesiredNetwork;
use drover_core::desired::pool::DesiredPool;
use drover_core::plan::{Plan, network, pool};
use drover_crds::condition::Reason;
use drover_crds::{Network, StoragePool, VirtualMachine, Volume};
use kube::ResourceExt;
use serde_json::json;

use super::print::{Action, Item, Plans};
use super::session::{Session, host_names};
use super::{CliError, HostArgs, Output, PlanArgs, changes, files};
use crate::controllers::machine::foresight;
use crate::controllers::network::{kept, users};
use crate::controllers::{reservations, sites};
use crate::hosts::HostError;

/// Prints the plan. Exit status 2 when something is to be done.
///
/// # Errors
/// When the objects or the hosts cannot be read.
pub async fn plan(args: &PlanArgs) -> Result<ExitCode, CliError> {
    let given = files::read(&args.files.files, &args.hosts.namespace)?;
    let plans = plans(&args.hosts, &given).await?;
    match args.output {
        Output::Text => print!("{}", plans.text(super::print::colours())),
        Output::Json => println!("{:#}", plans.json()),
    }
    Ok(if plans.is_empty() {
        ExitCode::SUCCESS
    } else {
        changes()
    })
}

/// The plan for these objects on these hosts.
pub(super) async fn plans(args: &HostArgs, given: &[files::Given]) -> Result<Plans, CliError> {
    let session = Session::start(args, &realized(args, given)?).await?;
    let cache = &session.ctx.cache;
    let mut items = Vec::new();
    for pool in cache.pools.all() {
        items.extend(of_pool(&session, &pool).await?);
    }
    for network in cache.networks.all() {
        items.extend(of_network(&session, &network).await?);
    }
    for machine in cache.machines.all() {
        items.extend(of_machine(&session, &machine).await?);
    }
    for volume in cache.volumes.all() {
        items.push(of_volume(&session, &volume).await?);
    }
    items.sort_by_key(|item| (item.rank(), item.title()));
    Ok(Plans { items })
}

// Pools and networks as they will be, so that machines find their places.
fn realized(args: &HostArgs, given: &[files::Given]) -> Result<Vec<files::Given>, CliError> {
    let names = super::session::names(args)?;
    let states: Vec<_> = names
        .iter()
        .map(|name| json!({"name": name, "state": "Active"}))
        .collect();
    let mut given = given.to_vec();
    for it in &mut given {
        if matches!(it.plural.as_str(), "storagepools" | "networks") {
            it.object["status"] = json!({"hosts": states, "conditions": []});
            if it.object["spec"]["scope"] == "Shared" {
                it.object["status"]["writer"] = json!(names.first());
            }
        }
    }
    Ok(given)
}

async fn of_pool(session: &Session, object: &StoragePool) -> Result<Vec<Item>, HostError> {
    let ctx = &session.ctx;
    let desired = DesiredPool::parse(object, &ctx.fleet);
    let mut items = Vec::new();
    for (name, host) in sites::selected(ctx, desired.host_selector.as_ref()) {
        let observed = host.pool(&desired.name).await?;
        let plan = pool::plan(&desired, observed.as_deref(), pool::Unmarked::New);
        let plan = plan.named(|step| format!("{step:?}").to_lowercase());
        let item = Item::new("StoragePool", "", &desired.name).on(&name);
        items.push(item.site(observed.map(|pool| pool.active), plan));
    }
    Ok(items)
}

async fn of_network(session: &Session, object: &Network) -> Result<Vec<Item>, CliError> {
    let ctx = &session.ctx;
    let mut desired = DesiredNetwork::parse(object, &ctx.fleet)
        .map_err(|invalid| CliError::Failed(invalid.to_string()))?;
    let ruling = reservations::rule(ctx, &desired);
    desired.reservations.clone_from(&ruling.reservations);
    let mut items = Vec::new();
    for (name, host) in sites::selected(ctx, desired.host_selector.as_ref()) {
        let observed = host.network(&desired.name).await?;
        if let Some(observed) = &observed {
            desired.reservations = kept(&host, &desired, &ruling, observed).await?;
        }
        let users = users(&host, &desired.name).await?;
        let plan = network::plan(&desired, observed.as_deref(), &users);
        let plan = plan.named(network::Step::name);
        let item = Item::new("Network", "", &desired.name).on(&name);
        items.push(item.site(observed.map(|network| network.active), plan));
    }
    Ok(items)
}

async fn of_machine(
    session: &Session,
    object: &Arc<VirtualMachine>,
) -> Result<Vec<Item>, CliError> {
    let ctx = &session.ctx;
    let namespace = object.namespace().unwrap_or_default();
    let item = Item::new("VirtualMachine", &namespace, &object.name_any());
    let desired = match ctx.desired(object) {
        Ok(desired) => desired,
        Err(invalid) => return Ok(vec![item.refused(invalid.to_string())]),
    };
    let foreseen = match foresight::foresee(ctx, object, &desired).await? {
        Ok(foreseen) => foreseen,
        Err(verdict) => return Ok(vec![item.refused(verdict.message)]),
    };
    let host = foreseen.host.clone();
    let mut items = Vec::new();
    for volume in &foreseen.made {
        let item = Item::new("Volume", &namespace, &volume.name).on(&host);
        items.push(item.volume(foreseen.host_has(ctx, volume).await?, volume));
    }
    items.push(item.on(&host).machine(&foreseen));
    Ok(items)
}

async fn of_volume(session: &Session, object: &Volume) -> Result<Item, CliError> {
    let ctx = &session.ctx;
    let namespace = object.namespace().unwrap_or_default();
    let item = Item::new("Volume", &namespace, &object.name_any());
    let hosts = ctx.cache.hosts.all();
    let host = object.spec.host.clone().or_else(|| {
        let user = foresight::user_of(ctx, object);
        user.or_else(|| host_names(&hosts).into_iter().next())
    });
    let Some(host) = host else {
        return Ok(item.refused("there is no host".to_owned()));
    };
    let volume = foresight::Sketch::of(object);
    let there = foresight::host_has(ctx, &host, &volume).await?;
    Ok(item.on(&host).volume(there, &volume))
}

impl Item {
    // A pool or a network on one host: whether it is active, if it is there.
    fn site(mut self, active: Option<bool>, plan: Plan<String>) -> Self {
        self.state = match active {
            Some(true) => "Active",
            Some(false) => "Inactive",
            None => "",
        };
        let Plan { step, verdict } = plan;
        self.action = match (&step, verdict.reason) {
            (Some(_), _) if active.is_some() => Action::Change,
            (Some(_), _) => Action::Make,
            (None, Reason::Realized) => Action::Nothing,
            (None, _) => Action::Refuse,
        };
        self.steps = step.into_iter().collect();
        if self.action != Action::Nothing {
            self.message = verdict.message;
        }
        self
    }
}
