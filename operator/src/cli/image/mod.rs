//! What a person does with images.

mod cluster;
mod direct;
mod file;
mod progress;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use drover_core::desired::image::ImageName;
use url::Url;

use self::file::Content;
use super::{CliError, ClusterArgs};

/// What can be done with images.
#[derive(Debug, Clone, Subcommand)]
pub enum ImageCommand {
    /// Sends a file as what an Image or a ClusterImage is: one whose source is `upload`. What was cut off
    /// goes on where it stopped; so does the same command again, within a minute.
    Upload(UploadArgs),
}

/// What image upload needs.
#[derive(Debug, Clone, Args)]
pub struct UploadArgs {
    /// The image.
    pub name: String,
    /// The file: qcow2 without a backing file, or raw; as it is, or packed by gzip, xz or zstd.
    pub file: PathBuf,
    /// It is a ClusterImage.
    #[arg(long)]
    pub cluster_image: bool,
    /// The namespace of an Image, and of objects in files that name none.
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// Where the operator takes it, instead of what it says itself: such as http://127.0.0.1:8081 beside
    /// `kubectl port-forward`.
    #[arg(long, value_name = "URL", conflicts_with = "connect")]
    pub url: Option<Url>,
    /// The operator's namespace, where the leave to send a ClusterImage is.
    #[arg(long, default_value = "drover-system")]
    pub operator_namespace: String,
    /// The cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Without a cluster: the objects, with the image and its StoragePool; a file, a folder, or `-` for the
    /// standard input; again for each more.
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE",
        requires = "connect"
    )]
    pub files: Vec<PathBuf>,
    /// Without a cluster: a libvirt URI, as for plan; again for each more host.
    #[arg(long, value_name = "[NAME=]URI", requires = "files")]
    pub connect: Vec<String>,
    /// Without a cluster: the fleet's name.
    #[arg(long, env = "DROVER_FLEET", default_value = "local", value_parser = crate::config::fleet)]
    pub fleet: String,
    /// Allows connections that prove nobody's identity, as plain TCP is.
    #[arg(long)]
    pub insecure: bool,
    /// How long, in seconds, until it is given up when nothing moves.
    #[arg(long, default_value = "120")]
    pub timeout: u64,
}

impl UploadArgs {
    fn image(&self) -> ImageName {
        let namespace = match self.cluster_image {
            true => String::new(),
            false => self.namespace.clone(),
        };
        ImageName {
            namespace,
            name: self.name.clone(),
        }
    }
}

/// Does something with an image.
///
/// # Errors
/// When it cannot be done.
pub async fn image(command: &ImageCommand) -> Result<ExitCode, CliError> {
    let ImageCommand::Upload(args) = command;
    let content = Content::read(&args.file).await?;
    match args.connect.is_empty() {
        true => cluster::upload(args, &content).await,
        false => direct::upload(args, &content).await,
    }
}

// Before a byte is sent.
fn check_declared(declared: Option<&str>, content: &Content) -> Result<(), CliError> {
    match declared {
        Some(declared) if declared != content.checksum() => Err(CliError::Failed(format!(
            "spec.checksum: declared is {declared}, the file is {}",
            content.checksum()
        ))),
        _ => Ok(()),
    }
}
