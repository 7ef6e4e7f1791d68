//! What applying files would change in a cluster, and what each change of a machine takes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::ExitCode;

use drover_core::desired::machine::DesiredMachine;
use drover_core::plan::changes::{Change, is_within};
use drover_core::plan::spec;
use drover_crds::{InstanceType, VirtualMachine};
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::cluster::client;
use super::files::{self, Given, Known};
use super::print::Action;
use super::{CliError, DiffArgs, Output, changes};

/// Prints what applying files would change in the cluster. Exit status 2 when something would.
///
/// # Errors
/// When the files or the cluster cannot be read, or the API server refuses an object.
pub async fn diff(args: &DiffArgs) -> Result<ExitCode, CliError> {
    let given = files::read(&args.files.files, &args.namespace)?;
    let client = client(&args.cluster).await?;
    let mut objects = Vec::new();
    for it in &given {
        if let Some(known) = it.object["kind"].as_str().and_then(Known::of) {
            objects.push(of_object(&client, it, known).await?);
        }
    }
    objects.retain(|object| object.action != Action::Nothing);
    match args.output {
        Output::Text => objects
            .iter()
            .for_each(|object| print!("{}", object.text())),
        Output::Json => {
            let all: Vec<_> = objects.iter().map(Difference::json).collect();
            println!("{:#}", json!({"objects": all}));
        }
    }
    Ok(match objects.is_empty() {
        true => ExitCode::SUCCESS,
        false => changes(),
    })
}

async fn of_object(client: &Client, given: &Given, known: &Known) -> Result<Difference, CliError> {
    let object = &given.object;
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let kind = object["kind"].as_str().unwrap_or_default();
    let resource = known.resource();
    let namespace = object["metadata"]["namespace"].as_str();
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let failed = |error: kube::Error| CliError::File(given.file.clone(), error.to_string());
    let title = match namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    };
    let Some(before) = api.get_opt(name).await.map_err(failed)? else {
        return Ok(Difference::new(title, Action::Make, Vec::new()));
    };
    // The API server itself says what would come of it, as `kubectl diff` lets it.
    let params = PatchParams::apply("drover").force().dry_run();
    let patch = Patch::Apply(&given.written);
    let after = json(api.patch(name, &params, &patch).await.map_err(failed)?)?;
    let before = json(before)?;
    let mut lines = Vec::new();
    for part in ["labels", "annotations"] {
        let (from, to) = (&before["metadata"][part], &after["metadata"][part]);
        leaves(&format!("metadata.{part}"), from, to, &mut lines);
    }
    leaves("spec", &before["spec"], &after["spec"], &mut lines);
    let classes = match kind {
        "VirtualMachine" => classes(client, &before, &after).await?,
        _ => Vec::new(),
    };
    let lines: Vec<Line> = lines.into_iter().map(|line| line.of(&classes)).collect();
    let action = match lines.is_empty() {
        true => Action::Nothing,
        false => Action::Change,
    };
    Ok(Difference::new(title, action, lines))
}

fn json(object: DynamicObject) -> Result<Value, CliError> {
    serde_json::to_value(object).map_err(|error| CliError::Failed(error.to_string()))
}

// What it takes to change a machine from one spec to the other.
async fn classes(client: &Client, before: &Value, after: &Value) -> Result<Vec<Change>, CliError> {
    let mut desired = Vec::new();
    for object in [before, after] {
        let machine: Result<VirtualMachine, _> = serde_json::from_value(object.clone());
        let machine = machine.map_err(|error| CliError::Failed(error.to_string()))?;
        let size = match &machine.spec.instance_type {
            Some(size) => {
                let api: Api<InstanceType> = Api::all(client.clone());
                let found = api.get_opt(&size.name).await;
                found.map_err(|error| CliError::Failed(error.to_string()))?
            }
            None => None,
        };
        // The fleet makes no difference to what is compared.
        match DesiredMachine::parse(&machine, "any", size.as_ref().map(|size| &size.spec)) {
            Ok(parsed) => desired.push(parsed),
            Err(invalid) => return Err(CliError::Failed(invalid.to_string())),
        }
    }
    Ok(match desired.as_slice() {
        [from, to] => spec::changes(from, to),
        _ => Vec::new(),
    })
}

// One value that is another one.
struct Line {
    path: String,
    from: Value,
    to: Value,
    class: Option<&'static str>,
    refused: Option<String>,
}

impl Line {
    // The change of a machine that this is, or is a part of.
    fn of(mut self, changes: &[Change]) -> Self {
        let mut all = changes.iter();
        let change =
            all.find(|it| is_within(&self.path, &it.path) || is_within(&it.path, &self.path));
        if let Some(change) = change {
            self.class = Some(change.class.as_str());
            self.refused = change.class.is_refused().then(|| change.reason.clone());
        }
        self
    }
}

struct Difference {
    title: String,
    action: Action,
    lines: Vec<Line>,
}

impl Difference {
    fn new(title: String, action: Action, lines: Vec<Line>) -> Self {
        Self {
            title,
            action,
            lines,
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{} {}\n", self.action.sign(), self.title);
        for line in &self.lines {
            let action = match line.refused {
                Some(_) => Action::Refuse,
                None => Action::Change,
            };
            let sign = action.sign();
            let (from, to) = (shown(&line.from), shown(&line.to));
            // Writing to a string does not fail.
            let _ = write!(text, "  {sign} {}: {from} -> {to}", line.path);
            if let Some(class) = line.class {
                let _ = write!(text, "   {class}");
            }
            if let Some(why) = &line.refused {
                let _ = write!(text, ": refused, {why}");
            }
            text.push('\n');
        }
        text
    }

    fn json(&self) -> Value {
        let lines = self.lines.iter().map(|line| {
            json!({"path": line.path, "from": line.from, "to": line.to, "class": line.class,
                   "reason": line.refused})
        });
        json!({"object": self.title, "action": self.action.word(), "changes": lines.collect::<Vec<_>>()})
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

// Every value that is another one.
fn leaves(path: &str, from: &Value, to: &Value, lines: &mut Vec<Line>) {
    if from == to {
        return;
    }
    let (Some(before), Some(after)) = (members(path, from), members(path, to)) else {
        lines.push(Line {
            path: path.to_owned(),
            from: from.clone(),
            to: to.clone(),
            class: None,
            refused: None,
        });
        return;
    };
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for path in paths {
        let value = |members: &BTreeMap<String, &Value>| members.get(path).copied().cloned();
        let (from, to) = (value(&before), value(&after));
        leaves(
            path,
            &from.unwrap_or_default(),
            &to.unwrap_or_default(),
            lines,
        );
    }
}

// What a value consists of, by path. Items of a list that have names go by them.
fn members<'a>(path: &str, value: &'a Value) -> Option<BTreeMap<String, &'a Value>> {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter();
            Some(
                fields
                    .map(|(name, field)| (format!("{path}.{name}"), field))
                    .collect(),
            )
        }
        Value::Array(items) => {
            let named = items.iter().map(|item| {
                let name = item["name"].as_str()?;
                Some((format!("{path}[{name}]"), item))
            });
            named.collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use serde_json::json;

    use super::leaves;

    #[test]
    fn items_go_by_their_names() {
        let disks = |disks| json!({"disks": disks, "memory": {"guest": "1Gi"}, "args": ["a"]});
        let from = disks(json!([{"name": "a", "bus": "virtio"}, {"name": "b"}]));
        let mut to = disks(json!([{"name": "c"}, {"name": "a", "bus": "scsi"}]));
        to["args"] = json!(["b"]);
        let mut lines = Vec::new();
        leaves("spec", &from, &to, &mut lines);
        let paths: Vec<&str> = lines.iter().map(|line| line.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "spec.args",
                "spec.disks[a].bus",
                "spec.disks[b]",
                "spec.disks[c]"
            ]
        );
    }
}
