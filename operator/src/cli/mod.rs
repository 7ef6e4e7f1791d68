//! The commands of a person: with the same objects, the same decisions and the same words as the
//! operator, and no cluster. libvirt itself remembers what was done.

mod apply;
mod cluster;
mod console;
mod diff;
mod files;
mod get;
mod image;
mod import;
mod net;
mod objects;
mod plan;
mod print;
mod render;
mod schedule;
mod server;
mod session;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

pub use apply::{apply, delete};
pub use console::console;
pub use diff::diff;
pub use get::get;
pub use image::{ImageCommand, UploadArgs, image};
pub use import::import;
pub use net::net;
pub use plan::plan;
pub use render::render;
pub use schedule::schedule;

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A file cannot be used.
    #[error("{0}: {1}")]
    File(String, String),
    /// What is asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A host cannot be reached.
    #[error("{0}")]
    Host(#[from] crate::hosts::HostError),
    /// libvirt says no.
    #[error("{0}")]
    Rpc(#[from] drover_rpc::Error),
    /// The objects cannot be used.
    #[error("{0}")]
    Work(#[from] crate::error::Error),
    /// Something of the machine's own fails.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// What was asked for could not be done.
    #[error("{0}")]
    Failed(String),
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// Which hosts are worked with.
#[derive(Debug, Clone, Args)]
pub struct HostArgs {
    /// A libvirt URI, such as qemu+ssh://root@kvm-07/system; again for each more host. It becomes a
    /// Host of that name, or of the one that is said before it.
    #[arg(long, required = true, value_name = "[NAME=]URI")]
    pub connect: Vec<String>,
    /// The fleet's name.
    #[arg(long, env = "DROVER_FLEET", default_value = "local", value_parser = crate::config::fleet)]
    pub fleet: String,
    /// The namespace of objects that name none.
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// Allows connections that prove nobody's identity, as plain TCP is.
    #[arg(long)]
    pub insecure: bool,
    /// Takes over what a cluster keeps.
    #[arg(long)]
    pub take_over: bool,
}

/// Which objects are worked with.
#[derive(Debug, Clone, Args)]
pub struct FileArgs {
    /// A file, a folder, or `-` for the standard input; again for each more.
    #[arg(short = 'f', long = "filename", required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// What plan needs.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// The objects.
    #[command(flatten)]
    pub files: FileArgs,
    /// The hosts.
    #[command(flatten)]
    pub hosts: HostArgs,
    /// How it is printed.
    #[arg(short, long, default_value = "text")]
    pub output: Output,
}

/// What apply and delete need.
#[derive(Debug, Clone, Args)]
pub struct ApplyArgs {
    /// The objects.
    #[command(flatten)]
    pub files: FileArgs,
    /// The hosts.
    #[command(flatten)]
    pub hosts: HostArgs,
    /// Does not ask.
    #[arg(short, long)]
    pub yes: bool,
    /// How long, in seconds, until what has not come about is given up.
    #[arg(long, default_value = "600")]
    pub timeout: u64,
}

/// What get needs.
#[derive(Debug, Clone, Args)]
pub struct GetArgs {
    /// The objects, of every kind: a file, a folder, or `-` for the standard input; again for each more.
    /// Without them the machines of the fleet are listed.
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The hosts.
    #[command(flatten)]
    pub hosts: HostArgs,
    /// How it is printed.
    #[arg(short, long, default_value = "text")]
    pub output: Output,
}

/// What import needs.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// The domains, by libvirt's names; all, if none is named.
    pub domains: Vec<String>,
    /// The hosts.
    #[command(flatten)]
    pub hosts: HostArgs,
    /// A folder for the files, one for each object. Without it everything is printed.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// What render needs.
#[derive(Debug, Clone, Args)]
pub struct RenderArgs {
    /// The objects.
    #[command(flatten)]
    pub files: FileArgs,
    /// The fleet's name.
    #[arg(long, env = "DROVER_FLEET", default_value = "local", value_parser = crate::config::fleet)]
    pub fleet: String,
    /// The namespace of objects that name none.
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// What runs guests where the machines are to be: kvm or qemu.
    #[arg(long, default_value = "kvm", value_parser = ["kvm", "qemu"])]
    pub hypervisor: String,
}

/// Which cluster is worked with.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    /// The file that says where the cluster is; KUBECONFIG or ~/.kube/config, if not said.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context in that file; the current one, if not said.
    #[arg(long)]
    pub context: Option<String>,
}

/// What diff needs.
#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    /// The objects.
    #[command(flatten)]
    pub files: FileArgs,
    /// The cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// The namespace of objects that name none.
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// How it is printed.
    #[arg(short, long, default_value = "text")]
    pub output: Output,
}

/// What schedule needs.
#[derive(Debug, Clone, Args)]
#[command(group(clap::ArgGroup::new("machine").required(true).args(["explain", "what_if"])))]
pub struct ScheduleArgs {
    /// A machine of the cluster: as if it were to be placed now.
    #[arg(long, value_name = "NAME")]
    pub explain: Option<String>,
    /// A file with machines that are not applied, or differ from what is.
    #[arg(long, value_name = "FILE")]
    pub what_if: Option<PathBuf>,
    /// What is said of this Host alone.
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// As if this Host were gone; again for each more.
    #[arg(long, value_name = "HOST")]
    pub without: Vec<String>,
    /// A Host that is asked itself what it has and what runs there, by this URI; again for each more. The
    /// others are as their objects tell.
    #[arg(long, value_name = "NAME=URI")]
    pub connect: Vec<String>,
    /// Allows connections in which nobody's identity is proved.
    #[arg(long)]
    pub insecure: bool,
    /// The fleet's name.
    #[arg(long, env = "DROVER_FLEET", default_value = "local", value_parser = crate::config::fleet)]
    pub fleet: String,
    /// The cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// The namespace of machines that name none.
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// How it is printed.
    #[arg(short, long, default_value = "text")]
    pub output: Output,
}

/// What can be asked of networks.
#[derive(Debug, Clone, Subcommand)]
pub enum NetCommand {
    /// Lists the addresses that the networks' DHCP servers have given, of the cluster's hosts or of
    /// those that are named.
    Leases(LeasesArgs),
}

/// What net leases needs.
#[derive(Debug, Clone, Args)]
pub struct LeasesArgs {
    /// The networks; all, if none is named.
    pub networks: Vec<String>,
    /// A libvirt URI, as for plan; again for each more host. Without one the cluster's Hosts are asked.
    #[arg(long, value_name = "[NAME=]URI")]
    pub connect: Vec<String>,
    /// The cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Allows connections that prove nobody's identity, as plain TCP is.
    #[arg(long)]
    pub insecure: bool,
    /// How it is printed.
    #[arg(short, long, default_value = "text")]
    pub output: NetOutput,
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum NetOutput {
    /// A table for people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}

/// What console needs.
#[derive(Debug, Clone, Args)]
pub struct ConsoleArgs {
    /// The machine: NAME, or NAMESPACE/NAME.
    pub machine: String,
    /// A libvirt URI, as for plan; again for each more host. Without one the cluster is asked where
    /// the machine is.
    #[arg(long, value_name = "[NAME=]URI")]
    pub connect: Vec<String>,
    /// The cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// The namespace of a machine that is named without one.
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// Allows connections that prove nobody's identity, as plain TCP is.
    #[arg(long)]
    pub insecure: bool,
}

/// Everything went well, and something is to be done.
#[must_use]
pub fn changes() -> ExitCode {
    ExitCode::from(2)
}
