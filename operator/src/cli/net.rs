//! What the networks of hosts have given.

use std::collections::BTreeMap;
use std::process::ExitCode;

use drover_core::observed::domain::Definition;
use drover_crds::Host;
use drover_rpc::flags::{ConnectListAllDomainsFlags, ConnectListAllNetworksFlags, DomainXMLFlags};
use drover_rpc::objects::DhcpLease;
use drover_rpc::{Client, ConnectOptions, Uri};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde_json::json;

use super::get::print_table;
use super::session::{called, named_host, refuse_unproved};
use super::{CliError, LeasesArgs, NetCommand, NetOutput, cluster};

const TITLES: [&str; 7] = [
    "NETWORK", "HOST", "MAC", "IP", "HOSTNAME", "MACHINE", "EXPIRES",
];

/// Does what is asked of networks.
///
/// # Errors
/// When the hosts cannot be asked.
pub async fn net(command: &NetCommand) -> Result<ExitCode, CliError> {
    match command {
        NetCommand::Leases(args) => leases(args).await,
    }
}

// A host that does not answer keeps the others from nothing.
async fn leases(args: &LeasesArgs) -> Result<ExitCode, CliError> {
    let mut rows = Vec::new();
    let mut ended = ExitCode::SUCCESS;
    for (host, uri) in hosts(args).await? {
        match of_host(&host, &uri, &args.networks).await {
            Ok(found) => rows.extend(found),
            Err(error) => {
                eprintln!("drover: {host}: {error}");
                ended = ExitCode::FAILURE;
            }
        }
    }
    rows.sort();
    print(&rows, args.output)?;
    Ok(ended)
}

// Those that are named, or those of the cluster. The way there is one's own, and so are the keys.
async fn hosts(args: &LeasesArgs) -> Result<Vec<(String, Uri)>, CliError> {
    let mut hosts = Vec::new();
    if !args.connect.is_empty() {
        for given in &args.connect {
            let (name, uri) = called(given);
            refuse_unproved(uri, args.insecure)?;
            let name = name.map_or_else(|| named_host(uri), str::to_owned);
            hosts.push((name, resolve(uri)?));
        }
        return Ok(hosts);
    }
    let client = cluster::client(&args.cluster).await?;
    let all = Api::<Host>::all(client).list(&ListParams::default()).await;
    let all = all.map_err(|error| CliError::Failed(error.to_string()))?;
    for host in all {
        refuse_unproved(&host.spec.uri, host.spec.insecure || args.insecure)?;
        hosts.push((host.name_any(), resolve(&host.spec.uri)?));
    }
    Ok(hosts)
}

fn resolve(uri: &str) -> Result<Uri, CliError> {
    Uri::resolve(uri).map_err(|error| CliError::Usage(format!("{uri}: {error}")))
}

async fn of_host(host: &str, uri: &Uri, only: &[String]) -> Result<Vec<[String; 7]>, CliError> {
    let client = Client::connect(uri, ConnectOptions::default()).await?;
    let mut rows = Vec::new();
    let networks = client.networks(ConnectListAllNetworksFlags::ACTIVE).await?;
    let mut machines = None;
    for network in networks {
        let name = network.name().into_owned();
        if !only.is_empty() && !only.contains(&name) {
            continue;
        }
        let leases = match network.dhcp_leases(None).await {
            // Without a DHCP server there is nothing to tell.
            Err(error) if error.libvirt().is_some() => continue,
            other => other?,
        };
        if machines.is_none() && !leases.is_empty() {
            machines = Some(machines_by_mac(&client).await?);
        }
        let machines = machines.as_ref();
        rows.extend(leases.into_iter().map(|lease| {
            let mac = lease.mac.as_deref().unwrap_or_default().to_lowercase();
            let machine = machines.and_then(|all| all.get(&mac).cloned());
            row(&name, host, lease, machine.unwrap_or_default())
        }));
    }
    Ok(rows)
}

fn row(network: &str, host: &str, lease: DhcpLease, machine: String) -> [String; 7] {
    let expires = lease.expires.and_then(|time| {
        let time = jiff::Timestamp::try_from(time).ok()?;
        Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    });
    [
        network.to_owned(),
        host.to_owned(),
        lease.mac.unwrap_or_default().to_lowercase(),
        lease.address,
        lease.hostname.unwrap_or_default(),
        machine,
        expires.unwrap_or_else(|| "never".to_owned()),
    ]
}

// Machines by their objects' names, other domains by their own.
async fn machines_by_mac(client: &Client) -> Result<BTreeMap<String, String>, CliError> {
    let mut machines = BTreeMap::new();
    for domain in client.domains(ConnectListAllDomainsFlags::empty()).await? {
        let xml = match domain.xml(DomainXMLFlags::empty()).await {
            Err(error) if error.not_found() => continue,
            other => other?,
        };
        let Ok(definition) = Definition::parse(&xml) else {
            continue;
        };
        let name = match &definition.mark {
            Some(mark) => format!("{}/{}", mark.namespace, mark.name),
            None => domain.name().into_owned(),
        };
        let macs = definition.interfaces.into_iter();
        machines.extend(macs.map(|nic| (nic.mac.to_lowercase(), name.clone())));
    }
    Ok(machines)
}

fn print(rows: &[[String; 7]], output: NetOutput) -> Result<(), CliError> {
    let leases = rows.iter().map(|row| {
        let fields = TITLES.iter().zip(row);
        let fields = fields.map(|(title, field)| (title.to_lowercase(), json!(field)));
        serde_json::Value::Object(fields.collect())
    });
    let document = || json!({"leases": leases.collect::<Vec<_>>()});
    match output {
        NetOutput::Text => {
            let or_none = |text: &String| match text.as_str() {
                "" => "-".to_owned(),
                text => text.to_owned(),
            };
            let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(or_none)).collect();
            print_table(&TITLES, &rows);
        }
        NetOutput::Json => println!("{:#}", document()),
        NetOutput::Yaml => {
            let text = serde_saphyr::to_string(&document());
            print!(
                "{}",
                text.map_err(|error| CliError::Failed(error.to_string()))?
            );
        }
    }
    Ok(())
}
