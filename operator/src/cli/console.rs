//! A machine's serial console in this terminal.

use std::io::IsTerminal;
use std::process::ExitCode;

use drover_core::identity;
use drover_crds::{Host, VirtualMachine};
use drover_rpc::flags::DomainConsoleFlags;
use drover_rpc::{Client, ConnectOptions, Uri};
use kube::Api;
use nix::sys::termios::{self, SetArg, Termios};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split, stdin, stdout};
use uuid::Uuid;

use super::cluster::client;
use super::session::{called, named, refuse_unproved};
use super::{CliError, ConsoleArgs};

// Ctrl-], as telnet and virsh have it.
const ESCAPE: u8 = 0x1d;

/// Connects the terminal with a machine's serial console, until Ctrl-].
///
/// # Errors
/// When no host has the machine, or its console cannot be opened.
pub async fn console(args: &ConsoleArgs) -> Result<ExitCode, CliError> {
    let (namespace, name) = named(&args.machine, &args.namespace);
    let name = identity::domain_name(namespace, name);
    let places = match args.connect.is_empty() {
        true => vec![in_cluster(args).await?],
        false => places(args)?,
    };
    for (uri, uuid) in places {
        let client = Client::connect(&uri, ConnectOptions::default()).await?;
        let domain = match uuid {
            // A machine that was taken over has kept its name.
            Some(uuid) => client.domain_by_uuid(uuid).await,
            None => client.domain(&name).await,
        };
        match domain {
            Ok(domain) => {
                eprintln!("Connected to {}. Ctrl-] ends it.", args.machine);
                let console = domain.open_console(None, DomainConsoleFlags::FORCE).await?;
                join(console).await?;
                return Ok(ExitCode::SUCCESS);
            }
            Err(error) if error.not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(CliError::Failed(format!("no host has a domain {name}")))
}

type Place = (Uri, Option<Uuid>);

fn places(args: &ConsoleArgs) -> Result<Vec<Place>, CliError> {
    let each = args.connect.iter().map(|given| {
        let (_, uri) = called(given);
        refuse_unproved(uri, args.insecure)?;
        let parsed = Uri::resolve(uri);
        let parsed =
            parsed.map_err(|error| CliError::Usage(format!("--connect {uri}: {error}")))?;
        Ok((parsed, None))
    });
    each.collect()
}

// The host that the cluster has it on. The way there is one's own, and so are the keys.
async fn in_cluster(args: &ConsoleArgs) -> Result<Place, CliError> {
    let failed = |error: kube::Error| CliError::Failed(error.to_string());
    let client = client(&args.cluster).await?;
    let (namespace, name) = named(&args.machine, &args.namespace);
    let machines: Api<VirtualMachine> = Api::namespaced(client.clone(), namespace);
    let status = machines.get_status(name).await.map_err(failed)?.status;
    let status = status.unwrap_or_default();
    let Some(host) = status.host else {
        let words = format!("VirtualMachine {namespace}/{name} is on no host yet");
        return Err(CliError::Failed(words));
    };
    let hosts: Api<Host> = Api::all(client);
    let host = hosts.get(&host).await.map_err(failed)?;
    refuse_unproved(&host.spec.uri, host.spec.insecure || args.insecure)?;
    let uri = Uri::resolve(&host.spec.uri);
    let uri = uri.map_err(|error| CliError::Failed(format!("{}: {error}", host.spec.uri)))?;
    Ok((uri, status.uuid.and_then(|uuid| uuid.parse().ok())))
}

async fn join<S>(console: S) -> Result<(), CliError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let _raw = Raw::begin();
    let (mut from, mut to) = split(console);
    let mut output = stdout();
    tokio::select! {
        ended = copy(&mut from, &mut output) => drop(ended?),
        ended = type_into(&mut to) => ended?,
    };
    // Without this word libvirtd 11.3 may never do anything again.
    from.unsplit(to).shutdown().await?;
    Ok(())
}

async fn type_into(to: &mut (impl tokio::io::AsyncWrite + Unpin)) -> std::io::Result<()> {
    let mut input = stdin();
    let mut bytes = [0; 1024];
    loop {
        let count = input.read(&mut bytes).await?;
        let typed = &bytes[..count];
        let end = typed.iter().position(|byte| *byte == ESCAPE);
        to.write_all(&typed[..end.unwrap_or(count)]).await?;
        to.flush().await?;
        if end.is_some() || count == 0 {
            return Ok(());
        }
    }
}

/// The terminal as it is for as long as the console is open: every key goes to the guest.
struct Raw(Option<Termios>);

impl Raw {
    fn begin() -> Self {
        if !std::io::stdin().is_terminal() {
            return Self(None);
        }
        let before = termios::tcgetattr(std::io::stdin()).ok();
        if let Some(before) = &before {
            let mut raw = before.clone();
            termios::cfmakeraw(&mut raw);
            let _set = termios::tcsetattr(std::io::stdin(), SetArg::TCSANOW, &raw);
        }
        Self(before)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _set = termios::tcsetattr(std::io::stdin(), SetArg::TCSANOW, before);
        }
    }
}
