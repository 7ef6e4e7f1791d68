//! Images of what the lab serves.

use drover_e2e::guest;
use sha2::{Digest, Sha256};

use super::World;

/// What the lab serves.
pub(crate) fn folder(world: &World) -> std::path::PathBuf {
    guest::image(&world.lab).unwrap()
}

/// A ClusterImage of what the lab serves, in this manner.
pub(crate) fn cluster_image(world: &World, name: &str, path: &str, more: &str) -> String {
    let file = path.rsplit('/').next().unwrap();
    let bytes = std::fs::read(folder(world).join(file)).unwrap();
    let sum = format!("{:x}", Sha256::digest(&bytes));
    format!(
        "apiVersion: drover.dev/v1alpha1
kind: ClusterImage
metadata: {{name: {name}}}
spec:
  source: {{http: {{url: \"http://10.77.0.1:8088/{path}\"}}}}
  checksum: sha256:{sum}
  osInfo: linux2022
{more}"
    )
}

/// How often it was asked for.
pub(crate) fn requests(world: &World, path: &str) -> usize {
    let log = std::fs::read_to_string(world.lab.log("image-server")).unwrap_or_default();
    let line = format!("GET /{path} ");
    log.lines().filter(|it| it.starts_with(&line)).count()
}
