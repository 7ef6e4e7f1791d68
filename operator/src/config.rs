//! What the command line says.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use ipnet::IpNet;
use url::Url;

use crate::cli::{
    ApplyArgs, ConsoleArgs, DiffArgs, GetArgs, ImageCommand, ImportArgs, NetCommand, PlanArgs,
    RenderArgs, ScheduleArgs,
};

/// Runs virtual machines on plain libvirt hosts, as Kubernetes objects declare them.
#[derive(Debug, Parser)]
#[command(name = "drover", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// What this program was told, by the name that it was called by: `kubectl drover` is the same.
    #[must_use]
    pub fn of_program() -> Self {
        let name = std::env::args_os().next();
        let path = name.as_ref().map(std::path::Path::new);
        let stem = path.and_then(|path| path.file_stem()?.to_str());
        let command = match stem {
            Some("kubectl-drover") => Self::command().bin_name("kubectl drover"),
            _ => Self::command(),
        };
        Self::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the operator until it is told to stop.
    Operator(OperatorArgs),
    /// Says what applying files would do to hosts. Exit status 2 when there is something to do.
    Plan(PlanArgs),
    /// Says what applying files would change in a cluster, and what each change takes. Exit status 2
    /// when there is something to change.
    Diff(DiffArgs),
    /// Makes everything on hosts as files say, without a cluster.
    Apply(ApplyArgs),
    /// Removes from hosts what files name, without a cluster.
    Delete(ApplyArgs),
    /// Lists the fleet's machines on hosts.
    Get(GetArgs),
    /// Writes the objects that stand for what is on hosts: applying them changes nothing.
    Import(ImportArgs),
    /// Prints the libvirt definitions that machines in files come to.
    Render(RenderArgs),
    /// Says where machines would go, and why not elsewhere, as far as the objects of the cluster tell. Exit
    /// status 2 when one fits nowhere.
    Schedule(ScheduleArgs),
    /// Connects this terminal with a machine's serial console.
    Console(ConsoleArgs),
    /// Sends what images are made of.
    #[command(subcommand)]
    Image(ImageCommand),
    /// Says what the networks of hosts have given.
    #[command(subcommand)]
    Net(NetCommand),
}

/// How the operator runs.
#[derive(Debug, Clone, Args)]
pub struct OperatorArgs {
    /// The fleet's name. With a machine's namespace and name it makes the machine's UUID, so that
    /// it must never change and must be another one for each fleet that shares a host.
    #[arg(long, env = "DROVER_FLEET", value_parser = fleet)]
    pub fleet: String,

    /// A file (YAML) with what else it is told: where machines go. See the page "Where machines go" of the documentation.
    #[arg(long, env = "DROVER_CONFIG")]
    pub config: Option<PathBuf>,

    /// Networks from which images may be fetched although they are private, such as 10.0.0.0/8.
    #[arg(long, env = "DROVER_IMPORT_ALLOW", value_delimiter = ',')]
    pub import_allow: Vec<IpNet>,

    /// Where metrics and health are served.
    #[arg(long, env = "DROVER_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,

    /// Where images are sent to by people, such as 127.0.0.1:8081; nowhere, if not said.
    #[arg(long, env = "DROVER_UPLOAD_LISTEN")]
    pub upload_listen: Option<SocketAddr>,

    /// A folder with the certificate (`tls.crt`, and `ca.crt` if no public authority signed it) and the
    /// key (`tls.key`) for what is sent. Without it what is sent is not encrypted.
    #[arg(long, env = "DROVER_UPLOAD_TLS_DIR", requires = "upload_listen")]
    pub upload_tls_dir: Option<PathBuf>,

    /// The URL by which people reach it; that of the address, if not said.
    #[arg(long, env = "DROVER_UPLOAD_URL", requires = "upload_listen")]
    pub upload_url: Option<Url>,

    /// The namespace of the Lease and of the Hosts' credentials.
    #[arg(long, env = "DROVER_NAMESPACE", default_value = "drover-system")]
    pub namespace: String,

    /// The name of this replica in the Lease; by default the host's name and a random word.
    #[arg(long, env = "DROVER_IDENTITY")]
    pub identity: Option<String>,

    /// What is logged, such as `info` or `drover=debug`.
    #[arg(long, env = "DROVER_LOG", default_value = "info,drover=info")]
    pub log: String,
}

impl OperatorArgs {
    /// The name of this replica in the Lease.
    #[must_use]
    pub fn identity(&self) -> String {
        if let Some(identity) = &self.identity {
            return identity.clone();
        }
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        format!("{}_{}", host.trim(), uuid::Uuid::new_v4())
    }
}

// It becomes part of XML and of names: a DNS label is safe in all of them.
pub(crate) fn fleet(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let inner = text.trim_matches('-');
    if text.is_empty() || text.len() > 63 || inner.len() < text.len() || !text.bytes().all(allowed)
    {
        return Err("1 to 63 lower case letters, digits and inner hyphens are allowed".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn parse(arguments: &[&str]) -> Result<OperatorArgs, clap::Error> {
        let all = ["drover", "operator"].iter().chain(arguments);
        Cli::try_parse_from(all).map(|cli| match cli.command {
            Command::Operator(arguments) => arguments,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn as_the_lab_runs_it() {
        let line = "--fleet lab --import-allow 10.77.0.0/24 --listen 127.0.0.1:18080";
        let arguments: Vec<&str> = line.split(' ').collect();
        let parsed = parse(&arguments).unwrap();
        assert_eq!(parsed.fleet, "lab");
        assert_eq!(parsed.import_allow, ["10.77.0.0/24".parse().unwrap()]);
        assert_eq!(parsed.listen.port(), 18080);
        assert_ne!(parsed.identity(), parsed.identity());
    }

    #[test]
    fn where_images_are_sent_to() {
        let line = "--fleet a --upload-listen 127.0.0.1:8081 --upload-url https://drover.example.org/up \
                    --upload-tls-dir /tls";
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let parsed = parse(&arguments).unwrap();
        assert_eq!(parsed.upload_listen.map(|it| it.port()), Some(8081));
        assert!(parse(&["--fleet", "a"]).unwrap().upload_listen.is_none());
        assert!(parse(&["--fleet", "a", "--upload-tls-dir", "/tls"]).is_err());
        assert!(parse(&["--fleet", "a", "--upload-listen", "8081"]).is_err());
    }

    #[test]
    fn an_image_is_sent_to_a_cluster_or_to_hosts() {
        let upload = |words: &str| {
            let all = ["drover", "image", "upload"];
            let all = all.into_iter().chain(words.split(' '));
            Cli::try_parse_from(all).map(|cli| match cli.command {
                Command::Image(ImageCommand::Upload(arguments)) => arguments,
                other => panic!("{other:?}"),
            })
        };
        let own = upload("-n shop debian debian.qcow2").unwrap();
        assert_eq!(
            (own.namespace.as_str(), own.name.as_str()),
            ("shop", "debian")
        );
        assert!(!own.cluster_image && own.connect.is_empty());
        assert!(upload("--cluster-image debian d.raw --url http://127.0.0.1:8081").is_ok());
        assert!(upload("debian d.raw -f . --connect qemu:///system").is_ok());
        for wrong in [
            "debian",
            "debian d.raw --connect qemu:///system",
            "debian d.raw -f .",
            "debian d.raw -f . --connect qemu:///system --url http://a",
            "debian d.raw --url nonsense",
        ] {
            assert!(upload(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn several_networks() {
        let parsed = parse(&["--fleet", "a", "--import-allow", "10.0.0.0/8,fd00::/8"]).unwrap();
        assert_eq!(parsed.import_allow.len(), 2);
    }

    #[test]
    fn what_is_refused() {
        for fleet in ["", "-a", "a-", "A", "a_b", "a.b", &"a".repeat(64)] {
            assert!(parse(&["--fleet", fleet]).is_err(), "{fleet}");
        }
        assert!(parse(&[]).is_err());
        assert!(parse(&["--fleet", "a", "--import-allow", "10.0.0.0/99"]).is_err());
    }
}
