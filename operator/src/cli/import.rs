//! What is on hosts, as objects: applying them changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use drover_core::identity::{self, POOL_MARKER};
use drover_core::import::{self, Domain, Imported, Places};
use drover_core::observed::domain::ObservedDomain;
use drover_crds::{Network, StoragePool, VirtualMachine, VirtualMachineSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::core::object::HasSpec;
use serde::Serialize;
use serde_json::Value;

use super::files::Known;
use super::session::Session;
use super::{CliError, ImportArgs};
use crate::hosts::{HostError, HostHandle};

/// Writes the objects that stand for what is on the hosts.
///
/// # Errors
/// When a host cannot be asked, a domain is not there, or a file cannot be written.
pub async fn import(args: &ImportArgs) -> Result<ExitCode, CliError> {
    let session = Session::start(&args.hosts, &[]).await?;
    let known = Known::of("VirtualMachine");
    let known = known.ok_or_else(|| CliError::Failed("no schema of machines".to_owned()))?;
    let mut found = Found {
        namespace: args.hosts.namespace.clone(),
        known,
        machines: Vec::new(),
        places: Places::default(),
        notes: Vec::new(),
    };
    let mut missing: BTreeSet<&String> = args.domains.iter().collect();
    let hosts = session.ctx.hosts.all();
    for host in &hosts {
        for domain in host.all_domains().await? {
            if args.domains.is_empty() || args.domains.contains(&domain.name) {
                missing.remove(&domain.name);
                found.domain(host, &domain).await?;
            }
        }
    }
    if let Some(name) = missing.first() {
        return Err(CliError::Failed(format!("no host has a domain {name}")));
    }
    let objects = found.objects(&hosts, args.domains.is_empty()).await?;
    write(&objects, args.out.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

// An object, and what is not said in it.
struct Object {
    value: Value,
    unsaid: Vec<String>,
}

impl Object {
    fn new(object: &impl Serialize, unsaid: Vec<String>) -> Result<Self, CliError> {
        let value = serde_json::to_value(object);
        let mut value = value.map_err(|error| CliError::Failed(error.to_string()))?;
        if let Some(object) = value.as_object_mut() {
            object.remove("status");
        }
        Ok(Self { value, unsaid })
    }

    fn text(&self) -> Result<String, CliError> {
        let body = serde_saphyr::to_string(&self.value);
        let body = body.map_err(|error| CliError::Failed(error.to_string()))?;
        if self.unsaid.is_empty() {
            return Ok(body);
        }
        let mut text = "# Not said here, and left as it is on the domain:\n".to_owned();
        for words in &self.unsaid {
            text.push_str("#   ");
            text.push_str(&words.replace(char::is_control, " "));
            text.push('\n');
        }
        Ok(text + &body)
    }

    fn file(&self) -> String {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
        let (kind, name) = (&self.value["kind"], &self.value["metadata"]["name"]);
        format!("{}-{}.yaml", word(kind), word(name))
    }
}

fn write(objects: &[Object], out: Option<&Path>) -> Result<(), CliError> {
    let Some(folder) = out else {
        for object in objects {
            print!("---\n{}", object.text()?);
        }
        return Ok(());
    };
    std::fs::create_dir_all(folder)?;
    for object in objects {
        let path = folder.join(object.file());
        // Somebody may have changed it.
        let mut file = std::fs::File::create_new(&path)
            .map_err(|error| CliError::File(path.display().to_string(), error.to_string()))?;
        std::io::Write::write_all(&mut file, object.text()?.as_bytes())?;
        println!("{}", path.display());
        for words in &object.unsaid {
            println!("  left as it is: {words}");
        }
    }
    Ok(())
}

// What has been found so far.
struct Found {
    namespace: String,
    known: &'static Known,
    machines: Vec<Imported>,
    places: Places,
    notes: Vec<String>,
}

impl Found {
    async fn domain(
        &mut self,
        host: &HostHandle,
        domain: &ObservedDomain,
    ) -> Result<(), HostError> {
        if let Some(mark) = domain.mark() {
            let owner = format!("{}/{} of fleet {}", mark.namespace, mark.name, mark.fleet);
            let words = format!("domain {} is Drover's already: {owner}", domain.name);
            self.notes.push(words);
            return Ok(());
        }
        let mut sources: Vec<&str> = domain.definitions().flat_map(import::sources).collect();
        sources.sort_unstable();
        sources.dedup();
        self.places.look_at(host.places(&sources).await?);
        let xml = host.definition(domain).await?;
        let name = self.name(&domain.name);
        let named = Domain {
            host: &host.name,
            namespace: &self.namespace,
            name: &name,
            uuid: domain.uuid,
            state: domain.state,
            xml: &xml,
        };
        let refused = |machine: &VirtualMachine| match serde_json::to_value(machine) {
            Ok(object) => self.known.faults(&object),
            Err(error) => vec![error.to_string()],
        };
        let imported = import::machine(&named, &mut self.places, refused);
        let imported = imported.map_err(|error| HostError::Unreadable {
            host: host.name.clone(),
            error,
        })?;
        self.machines.push(imported);
        Ok(())
    }

    // One that Drover has let go has its name again.
    fn name(&self, domain: &str) -> String {
        let own = identity::domain_name(&self.namespace, "");
        let wanted = import::object_name(domain.strip_prefix(&own).unwrap_or(domain));
        let taken = |name: &String| {
            let mut all = self.machines.iter();
            all.any(|it| it.machine.name_any() == *name)
        };
        let short = wanted.get(..59).unwrap_or(&wanted).to_owned();
        let mut names = std::iter::once(wanted.clone())
            .chain((2..1_000).map(|count| format!("{short}-{count}")));
        names.find(|name| !taken(name)).unwrap_or(wanted)
    }

    async fn objects(self, hosts: &[Arc<HostHandle>], all: bool) -> Result<Vec<Object>, CliError> {
        let volumes = self.places.into_volumes();
        let machines = self.machines.iter().map(|it| &it.machine.spec);
        let interfaces = machines.flat_map(|spec| &spec.interfaces);
        let networks: BTreeSet<&str> = interfaces.map(|it| it.network.as_str()).collect();
        let pools: BTreeSet<&str> = volumes.iter().map(|it| it.spec.pool.as_str()).collect();
        let mut sites = Sites {
            hosts,
            notes: self.notes,
        };
        let mut objects = Vec::new();
        for pool in sites
            .pools(&self.namespace, (!all).then_some(&pools))
            .await?
        {
            objects.push(Object::new(&pool, Vec::new())?);
        }
        for network in sites.networks((!all).then_some(&networks)).await? {
            objects.push(Object::new(&network, Vec::new())?);
        }
        for volume in &volumes {
            objects.push(Object::new(volume, Vec::new())?);
        }
        for imported in self.machines {
            let mut object = Object::new(&imported.machine, imported.unsaid)?;
            without_defaults(&mut object.value);
            objects.push(object);
        }
        for note in sites.notes {
            eprintln!("note: {note}");
        }
        Ok(objects)
    }
}

// What every machine has that says nothing else.
fn without_defaults(machine: &mut Value) {
    let usual = serde_json::to_value(VirtualMachineSpec::default());
    if let (Some(spec), Ok(usual)) = (machine["spec"].as_object_mut(), usual) {
        spec.retain(|field, value| field == "runStrategy" || usual[field] != *value);
    }
}

// The pools and the networks of hosts.
struct Sites<'a> {
    hosts: &'a [Arc<HostHandle>],
    notes: Vec<String>,
}

// Objects by name, each with the hosts that have it.
type OnHosts<T> = BTreeMap<String, (T, BTreeSet<String>)>;

impl Sites<'_> {
    async fn pools(
        &mut self,
        namespace: &str,
        only: Option<&BTreeSet<&str>>,
    ) -> Result<Vec<StoragePool>, HostError> {
        let mut found = OnHosts::new();
        for host in self.hosts {
            let names: Vec<String> = host.read(|it| it.pools.keys().cloned().collect());
            for name in names.into_iter().filter(|name| wanted(only, name)) {
                let Some(pool) = host.pool(&name).await?.filter(|pool| pool.active) else {
                    continue;
                };
                if pool.volumes.iter().any(|volume| volume == POOL_MARKER) {
                    self.note(format!("pool {name} is Drover's already"));
                    continue;
                }
                let made = import::pool(&name, &pool.type_, namespace);
                self.add(&mut found, host, ("pool", name), made);
            }
        }
        let objects = found.into_values().map(|(mut pool, on)| {
            pool.spec.host_selector = self.selector(on);
            pool
        });
        Ok(objects.collect())
    }

    async fn networks(&mut self, only: Option<&BTreeSet<&str>>) -> Result<Vec<Network>, HostError> {
        let mut found = OnHosts::new();
        for host in self.hosts {
            let names: Vec<String> = host.read(|it| it.networks.keys().cloned().collect());
            for name in names.into_iter().filter(|name| wanted(only, name)) {
                let network = host.network(&name).await?.filter(|network| network.active);
                let Some(network) = network else { continue };
                if network.config.mark.is_some() {
                    self.note(format!("network {name} is Drover's already"));
                    continue;
                }
                let made = import::network(&name, &network.config);
                self.add(&mut found, host, ("network", name), made);
            }
        }
        let objects = found.into_values().map(|(mut network, on)| {
            network.spec.host_selector = self.selector(on);
            network
        });
        Ok(objects.collect())
    }

    // What one host has: the same object as that of another host, or none.
    fn add<T: HasSpec<Spec: PartialEq> + Clone>(
        &mut self,
        found: &mut OnHosts<T>,
        host: &HostHandle,
        (kind, name): (&str, String),
        made: Result<T, String>,
    ) {
        let object = match made {
            Ok(object) => object,
            Err(why) => return self.note(why),
        };
        let words = format!(
            "{kind} {name} of {} is another one than elsewhere",
            host.name
        );
        let (known, on) = found
            .entry(name)
            .or_insert_with(|| (object.clone(), BTreeSet::new()));
        if known.spec() == object.spec() {
            on.insert(host.name.clone());
        } else {
            self.note(words);
        }
    }

    // Each thing is said once.
    fn note(&mut self, words: String) {
        if !self.notes.contains(&words) {
            self.notes.push(words);
        }
    }

    // Chooses the hosts that have it, unless all do.
    fn selector(&self, on: BTreeSet<String>) -> Option<LabelSelector> {
        (on.len() < self.hosts.len()).then(|| import::on(on))
    }
}

fn wanted(only: Option<&BTreeSet<&str>>, name: &str) -> bool {
    only.is_none_or(|only| only.contains(name))
}
