//! `lab`: a real control plane and real libvirt hosts on one machine.

#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use drover_e2e::command::run_shown;
use drover_e2e::hosts::{self, Host, Suite, network, power, record};
use drover_e2e::up::Wanted;
use drover_e2e::{
    Error, Lab, bench, cache, checks, control_plane, down, image_server, look, objects, up,
};

/// A real control plane and real libvirt hosts on one machine.
#[derive(Debug, Parser)]
#[command(name = "lab", bin_name = "cargo lab")]
struct Options {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Bring up the control plane, the hosts, the operator and a first machine.
    Up {
        /// How many hosts, of Debian 12 and 13 in turn.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=100))]
        hosts: u8,
        /// Without the operator and the machine.
        #[arg(long)]
        no_operator: bool,
    },
    /// Take all of it away; the logs and the cache stay.
    Down,
    /// What runs.
    Status,
    /// A shell with KUBECONFIG and PATH set.
    Shell,
    /// kubectl as the administrator.
    #[command(disable_help_flag = true)]
    Kubectl {
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// virsh on a host.
    #[command(disable_help_flag = true)]
    Virsh {
        /// The host.
        host: String,
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Add a host, or do something to one.
    Host {
        #[command(subcommand)]
        action: Action,
    },
    /// Every check, or only the end-to-end tests whose names hold FILTER.
    Test {
        /// A part of the tests' names.
        filter: Option<String>,
    },
    /// Benchmarks, at the lab's hosts.
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Serve the files of a folder (the lab starts this itself).
    #[command(hide = true)]
    ServeImages {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
        /// Where to listen for TLS.
        #[arg(long, requires = "tls_dir")]
        tls_listen: Option<SocketAddr>,
        /// The folder of `tls.crt` and `tls.key`.
        #[arg(long)]
        tls_dir: Option<PathBuf>,
        /// The folder.
        folder: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Those of the RPC client.
    Rpc {
        /// Only these.
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(bench::RPC))]
        names: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a host and declare it.
    Add {
        /// Its name.
        name: String,
        /// Its Debian release.
        #[arg(long, value_enum, default_value_t = Suite::Trixie)]
        suite: Suite,
    },
    /// Cut its power.
    Off {
        /// Its name.
        name: String,
    },
    /// Power it on.
    On {
        /// Its name.
        name: String,
    },
    /// Stop all its processes where they are.
    Freeze {
        /// Its name.
        name: String,
    },
    /// Let them go on.
    Thaw {
        /// Its name.
        name: String,
    },
    /// Pull its network cable.
    Cut {
        /// Its name.
        name: String,
    },
    /// Put the cable back.
    Heal {
        /// Its name.
        name: String,
    },
}

fn main() -> ExitCode {
    match run(Options::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lab: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(what: What) -> Result<ExitCode, Error> {
    let lab = Lab::find()?;
    let mut code = ExitCode::SUCCESS;
    match what {
        What::Up { hosts, no_operator } => {
            let operator = !no_operator;
            let _alone = alone(&lab)?;
            up::up(&lab, Wanted { hosts, operator })?;
        }
        What::Down => {
            let _alone = alone(&lab)?;
            down::down(&lab)?;
        }
        What::Status => look::status(&lab)?,
        What::Shell => code = ended(look::shell(&lab)?),
        What::Kubectl { words } => {
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            code = ended(run_shown(&mut control_plane::kubectl_command(
                &lab, &words,
            ))?);
        }
        What::Virsh { host, words } => {
            let host = record::named(&lab, &host)?;
            let mut all = vec!["virsh"];
            all.extend(words.iter().map(String::as_str));
            code = ended(run_shown(&mut hosts::inside(&lab, &host, &all)?)?);
        }
        What::Host { action } => act(&lab, action)?,
        What::Test { filter } => {
            let _alone = alone(&lab)?;
            if !checks::test(&lab, filter.as_deref())? {
                code = ExitCode::FAILURE;
            }
        }
        What::Bench {
            what: Bench::Rpc { names },
        } => {
            let _alone = alone(&lab)?;
            if !bench::rpc(&lab, &names)? {
                code = ExitCode::FAILURE;
            }
        }
        What::ServeImages {
            listen,
            tls_listen,
            tls_dir,
            folder,
        } => {
            let secure = tls_listen.zip(tls_dir);
            let secure = secure.map(|(address, keys)| image_server::Secure { address, keys });
            image_server::serve(listen, secure, folder)?;
        }
    }
    Ok(code)
}

fn act(lab: &Lab, action: Action) -> Result<(), Error> {
    match action {
        Action::Add { name, suite } => {
            let there = record::named(lab, &name).ok();
            let host = there.map_or_else(|| record::new(lab, &name, suite), Ok)?;
            add(lab, &host)
        }
        Action::Off { name } => power::off(lab, &record::named(lab, &name)?),
        Action::On { name } => power::on(lab, &record::named(lab, &name)?),
        Action::Freeze { name } => {
            power::freeze(lab, &record::named(lab, &name)?);
            Ok(())
        }
        Action::Thaw { name } => {
            power::thaw(lab, &record::named(lab, &name)?);
            Ok(())
        }
        Action::Cut { name } => network::cut(&record::named(lab, &name)?),
        Action::Heal { name } => network::heal(&record::named(lab, &name)?),
    }
}

fn add(lab: &Lab, host: &Host) -> Result<(), Error> {
    hosts::ensure(lab, host)?;
    objects::host(lab, host)?;
    println!("{} is {}", host.name, host.uri());
    Ok(())
}

/// Two commands that change the lab at the same time would undo each other's work.
fn alone(lab: &Lab) -> Result<std::fs::File, Error> {
    cache::lock(&lab.state().join("lock"))
}

/// The exit code of a command that was run for the user.
fn ended(status: std::process::ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(1))
}
