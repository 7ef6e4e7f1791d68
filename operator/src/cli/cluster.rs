//! A cluster, for a person who works with one.

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::{CliError, ClusterArgs};

/// A client of the cluster that is named, or of the one that kubectl would talk to.
///
/// # Errors
/// When there is no such cluster among those that are known.
pub(super) async fn client(args: &ClusterArgs) -> Result<Client, CliError> {
    let failed = |error: &dyn std::error::Error| CliError::Usage(error.to_string());
    let options = KubeConfigOptions {
        context: args.context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = match &args.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(|error| failed(&error))?;
            Config::from_custom_kubeconfig(file, &options).await
        }
        None => Config::from_kubeconfig(&options).await,
    };
    let config = config.map_err(|error| failed(&error))?;
    Client::try_from(config).map_err(|error| failed(&error))
}
