//! A machine's serial console in this terminal.

use std::io::IsTerminal;
use std::process::ExitCode;

use drover_rpc::flags::DomainConsoleFlags;
use drover_rpc::{Client, ConnectOptions, Uri};
use nix::sys::termios::{self, SetArg, Termios};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split, stdin, stdout};

use super::session::{called, domain_of};
use super::{CliError, ConsoleArgs};

// Ctrl-], as telnet and virsh have it.
const ESCAPE: u8 = 0x1d;

/// Connects the terminal with a machine's serial console, until Ctrl-].
///
/// # Errors
/// When no host has the machine, or its console cannot be opened.
pub async fn console(args: &ConsoleArgs) -> Result<ExitCode, CliError> {
    let name = domain_of(&args.machine, &args.hosts.namespace);
    for given in &args.hosts.connect {
        let (_, uri) = called(given);
        let parsed = Uri::resolve(uri)
            .map_err(|error| CliError::Usage(format!("--connect {uri}: {error}")))?;
        let client = Client::connect(&parsed, ConnectOptions::default()).await?;
        match client.domain(&name).await {
            Ok(domain) => {
                eprintln!("Connected to {name}. Ctrl-] ends it.");
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
