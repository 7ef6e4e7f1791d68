//! Objects from files: what the API server would check is checked here too.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use drover_crds::common::GROUP;
use drover_crds::schema::definitions;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinitionSpec;
use kube::api::ApiResource;
use serde_json::Value;

use super::CliError;

/// One object of a file.
#[derive(Debug, Clone)]
pub(super) struct Given {
    /// The file.
    pub(super) file: String,
    /// The object, with all defaults.
    pub(super) object: Value,
    /// The object as the file has it, in its namespace.
    pub(super) written: Value,
    /// The plural of its kind.
    pub(super) plural: String,
}

/// Everything in files, folders or the standard input (`-`). Kinds that are nobody's here are named
/// on the standard error output.
///
/// # Errors
/// When a file cannot be read, or an object is not as it must be.
pub(super) fn read(paths: &[PathBuf], namespace: &str) -> Result<Vec<Given>, CliError> {
    let mut given = Vec::new();
    for path in paths {
        for file in files(path)? {
            let name = file.display().to_string();
            let text =
                text(&file).map_err(|error| CliError::File(name.clone(), error.to_string()))?;
            for part in documents(&text) {
                given.extend(object(&name, &part, namespace)?);
            }
        }
    }
    Ok(given)
}

/// What is known of one of Drover's kinds.
pub(super) struct Known {
    kind: String,
    plural: String,
    namespaced: bool,
    schema: Value,
}

impl Known {
    /// What is known of a kind; nothing, if it is not Drover's.
    pub(super) fn of(kind: &str) -> Option<&'static Self> {
        // All schemas are made at once.
        static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
            let ours = definitions().into_iter();
            ours.filter_map(|(_, it)| Known::from_spec(it.spec))
                .collect()
        });
        KNOWN.iter().find(|known| known.kind == kind)
    }

    fn from_spec(spec: CustomResourceDefinitionSpec) -> Option<Self> {
        let version = spec.versions.into_iter().next();
        let schema = version.and_then(|version| version.schema?.open_api_v3_schema);
        Some(Self {
            kind: spec.names.kind,
            plural: spec.names.plural,
            namespaced: spec.scope == "Namespaced",
            schema: serde_json::to_value(schema?).ok()?,
        })
    }

    /// How a cluster has it.
    pub(super) fn resource(&self) -> ApiResource {
        ApiResource {
            group: GROUP.to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: format!("{GROUP}/v1alpha1"),
            kind: self.kind.clone(),
            plural: self.plural.clone(),
        }
    }

    /// Why the API server would refuse an object.
    pub(super) fn faults(&self, object: &Value) -> Vec<String> {
        drover_crds::check::faults(&self.schema, object, None)
    }
}

fn files(path: &Path) -> Result<Vec<PathBuf>, CliError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed =
        |error: std::io::Error| CliError::File(path.display().to_string(), error.to_string());
    let mut all = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let known = ["yaml", "yml", "json"];
        let extension = path
            .extension()
            .and_then(|it| it.to_str())
            .unwrap_or_default();
        if path.is_file() && known.contains(&extension) {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

fn text(file: &Path) -> std::io::Result<String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(file)
}

fn documents(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for line in text.lines() {
        if line == "---" || line.starts_with("--- ") {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    let says = |part: &String| {
        let mut lines = part.lines().map(str::trim);
        lines.any(|line| !line.is_empty() && !line.starts_with('#'))
    };
    parts.retain(says);
    parts
}

fn object(file: &str, text: &str, namespace: &str) -> Result<Option<Given>, CliError> {
    let wrong = |words: String| CliError::File(file.to_owned(), words);
    let mut object: Value =
        serde_saphyr::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let name = object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let group = object["apiVersion"].as_str().unwrap_or_default();
    let known = Known::of(&kind).filter(|_| group == "drover.dev/v1alpha1");
    let Some(known) = known else {
        if matches!(kind.as_str(), "Namespace" | "Secret" | "ConfigMap") {
            let plural = format!("{}s", kind.to_lowercase());
            if kind != "Namespace" && object["metadata"]["namespace"].is_null() {
                object["metadata"]["namespace"] = namespace.into();
            }
            return Ok(Some(Given {
                file: file.to_owned(),
                written: object.clone(),
                object,
                plural,
            }));
        }
        eprintln!("note: {file}: {kind} {name} is not Drover's and is left out");
        return Ok(None);
    };
    if known.namespaced && object["metadata"]["namespace"].is_null() {
        object["metadata"]["namespace"] = namespace.into();
    }
    let faults = known.faults(&object);
    if !faults.is_empty() {
        return Err(wrong(format!("{kind} {name}: {}", faults.join("; "))));
    }
    let written = object.clone();
    let object = typed(&kind, object).map_err(|error| wrong(format!("{kind} {name}: {error}")))?;
    Ok(Some(Given {
        file: file.to_owned(),
        object,
        written,
        plural: known.plural.clone(),
    }))
}

// With the defaults that the API server would have put in.
fn typed(kind: &str, object: Value) -> serde_json::Result<Value> {
    use drover_crds::{Host, InstanceType, Network, StoragePool, VirtualMachine, Volume};

    fn through<K>(object: Value) -> serde_json::Result<Value>
    where
        K: serde::de::DeserializeOwned + serde::Serialize,
    {
        serde_json::to_value(serde_json::from_value::<K>(object)?)
    }
    match kind {
        "Host" => through::<Host>(object),
        "InstanceType" => through::<InstanceType>(object),
        "Network" => through::<Network>(object),
        "StoragePool" => through::<StoragePool>(object),
        "Volume" => through::<Volume>(object),
        "VirtualMachine" => through::<VirtualMachine>(object),
        _ => Ok(object),
    }
}
