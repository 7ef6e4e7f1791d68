//! Where a machine would go, and why not elsewhere: as the API server tells of the fleet.

use std::process::ExitCode;

use drover_core::schedule::{Explained, ONE};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::files::{self, Given, Known};
use super::get::print_table;
use super::session::Session;
use super::{CliError, HostArgs, Output, ScheduleArgs, cluster};
use crate::controllers::placement::{foretell, foretell_room};

const KINDS: [&str; 8] = [
    "Host",
    "StoragePool",
    "Network",
    "ClusterImage",
    "Image",
    "InstanceType",
    "Volume",
    "VirtualMachine",
];
const TITLES: [&str; 4] = ["HOST", "FITS", "SCORE", "WHY"];

/// Says where machines would go. Exit status 2 when one fits nowhere.
///
/// # Errors
/// When the cluster or the file cannot be read, or there is no such machine.
pub async fn schedule(args: &ScheduleArgs) -> Result<ExitCode, CliError> {
    let client = cluster::client(&args.cluster).await?;
    let mut fleet = fleet(&client).await?;
    let asked = match &args.what_if {
        Some(file) => what_if(args, file, &mut fleet)?,
        None => vec![(
            args.namespace.clone(),
            args.explain.clone().unwrap_or_default(),
        )],
    };
    let session = Session::told(&args.hosts(), &fleet).await?;
    let mut answers = Vec::new();
    for (namespace, name) in &asked {
        answers.push(Answer::of(&session, namespace, name, args).await?);
    }
    match args.output {
        Output::Text => answers.iter().for_each(Answer::print),
        Output::Json => {
            let all: Vec<_> = answers.iter().map(Answer::json).collect();
            println!("{:#}", json!({"machines": all}));
        }
    }
    Ok(match answers.iter().all(|it| it.chosen.is_ok()) {
        true => ExitCode::SUCCESS,
        false => super::changes(),
    })
}

impl ScheduleArgs {
    // The hosts that are asked themselves.
    fn hosts(&self) -> HostArgs {
        HostArgs {
            connect: self.connect.clone(),
            fleet: self.fleet.clone(),
            namespace: self.namespace.clone(),
            insecure: self.insecure,
            take_over: false,
        }
    }
}

// Everything that decides where machines go.
async fn fleet(client: &Client) -> Result<Vec<Given>, CliError> {
    let mut all = Vec::new();
    for kind in KINDS.iter().filter_map(|kind| Known::of(kind)) {
        all.extend(list(client, &kind.resource()).await?);
    }
    let namespaces = ApiResource::erase::<Namespace>(&());
    all.extend(list(client, &namespaces).await?);
    Ok(all)
}

async fn list(client: &Client, resource: &ApiResource) -> Result<Vec<Given>, CliError> {
    let failed = |error: &dyn std::error::Error| {
        CliError::Failed(format!("{} cannot be listed: {error}", resource.plural))
    };
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    let found = api.list(&ListParams::default()).await;
    let found = found.map_err(|error| failed(&error))?;
    let given = found.items.into_iter().map(|mut object| {
        object.types = Some(kube::core::TypeMeta {
            api_version: resource.api_version.clone(),
            kind: resource.kind.clone(),
        });
        let object = serde_json::to_value(object).map_err(|error| failed(&error))?;
        Ok(Given {
            file: "the cluster".to_owned(),
            written: object.clone(),
            plural: resource.plural.clone(),
            object,
        })
    });
    given.collect()
}

// The machines of a file, which takes the place of what there is; without a binding.
fn what_if(
    args: &ScheduleArgs,
    file: &std::path::Path,
    fleet: &mut Vec<Given>,
) -> Result<Vec<(String, String)>, CliError> {
    let given = files::read(&[file.to_owned()], &args.namespace)?;
    let place = super::session::place;
    let mut asked = Vec::new();
    for it in given {
        let here = place(&it);
        fleet.retain(|known| place(known) != here);
        if it.object["kind"] == "VirtualMachine" {
            asked.push((here.1, here.2));
        }
        fleet.push(it);
    }
    if asked.is_empty() {
        let file = file.display();
        return Err(CliError::Usage(format!(
            "--what-if {file}: there is no VirtualMachine in it"
        )));
    }
    Ok(asked)
}

/// What is to be said of one machine.
struct Answer {
    machine: String,
    bound: Option<String>,
    chosen: Result<String, String>,
    hosts: Vec<Explained>,
}

impl Answer {
    async fn of(
        session: &Session,
        namespace: &str,
        name: &str,
        args: &ScheduleArgs,
    ) -> Result<Self, CliError> {
        let ctx = &session.ctx;
        let machine = ctx.cache.machines.get(namespace, name);
        let machine = machine.ok_or_else(|| {
            CliError::Usage(format!("there is no VirtualMachine {namespace}/{name}"))
        })?;
        let desired = ctx.desired(&machine);
        let desired = desired.map_err(|invalid| CliError::Failed(invalid.to_string()))?;
        let without: Vec<&str> = args.without.iter().map(String::as_str).collect();
        for host in args.host.iter().chain(&args.without) {
            if ctx.cache.hosts.get("", host).is_none() {
                return Err(CliError::Usage(format!("there is no Host {host}")));
            }
        }
        ctx.memory.cpus.ask(ctx, &desired).await;
        let (chosen, mut hosts) = ctx.memory.fleet.explain(ctx, &desired, &without);
        if let Some(host) = &args.host {
            hosts.retain(|it| it.host == *host);
        }
        let chosen = foretell(ctx, &desired, &without)
            .unwrap_or_else(|| chosen.map_err(|why| why.to_string()));
        let chosen = chosen.map_err(|why| match foretell_room(ctx, &desired, &without) {
            Some(room) => format!("{why}; {room}"),
            None => why,
        });
        Ok(Self {
            machine: format!("{namespace}/{name}"),
            bound: machine.host().cloned(),
            chosen,
            hosts,
        })
    }

    fn print(&self) {
        println!("VirtualMachine {}: {}", self.machine, self.words());
        let rows = self.hosts.iter().map(|it| {
            let (fits, score) = match it.fits() {
                true => ("yes", parts(it.score())),
                false => ("no", "-".to_owned()),
            };
            [it.host.clone(), fits.to_owned(), score, why(it)]
        });
        print_table(&TITLES, &rows.collect::<Vec<_>>());
    }

    fn words(&self) -> String {
        let is = match &self.bound {
            Some(host) => format!("it is on {host}; "),
            None => String::new(),
        };
        match &self.chosen {
            Ok(host) => format!("{is}now it would go to {host}"),
            Err(why) => format!("{is}{why}"),
        }
    }

    fn json(&self) -> Value {
        let hosts = self.hosts.iter().map(|it| {
            let filters = it.filters.iter().map(|(name, reason)| {
                json!({"name": name, "passed": reason.is_none(),
                       "reason": reason.as_ref().map(ToString::to_string)})
            });
            let scores = it.scores.iter();
            let scores: serde_json::Map<String, Value> = scores
                .map(|(name, score)| ((*name).to_owned(), number(*score).into()))
                .collect();
            json!({"host": it.host, "fits": it.fits(), "score": number(it.score()),
                   "filters": filters.collect::<Vec<_>>(), "scores": scores})
        });
        json!({
            "machine": self.machine,
            "boundTo": self.bound,
            "chosen": self.chosen.as_ref().ok(),
            "message": self.words(),
            "hosts": hosts.collect::<Vec<_>>(),
        })
    }
}

// Everything that a host fails, or what its score is made of.
fn why(it: &Explained) -> String {
    let reasons = it.filters.iter().filter_map(|(_, reason)| reason.as_ref());
    let reasons: Vec<String> = reasons.map(ToString::to_string).collect();
    if !reasons.is_empty() {
        return reasons.join(", ");
    }
    let scores = it.scores.iter().filter(|(_, score)| *score != 0);
    let scores: Vec<String> = scores
        .map(|(name, score)| format!("{name} {}", parts(*score)))
        .collect();
    scores.join(", ")
}

// In hundredths.
fn parts(score: i64) -> String {
    format!("{:.2}", number(score))
}

fn number(score: i64) -> f64 {
    let hundredths = score.saturating_mul(100) / ONE;
    i32::try_from(hundredths).map_or(f64::MAX, f64::from) / 100.0
}

#[cfg(test)]
mod tests;
