//! Images of what the lab serves.

use drover_e2e::guest;
use drover_e2e::places::{GATEWAY, IMAGE_PORT, IMAGE_TLS_PORT};
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

/// A ClusterImage of what the lab serves over TLS, with who is trusted to send it.
pub(crate) fn secured(world: &World, name: &str, file: &str, bundle: Option<&str>) -> String {
    let plain = format!("http://{GATEWAY}:{IMAGE_PORT}/{file}\"");
    let bundle = bundle.map(|name| format!(", caBundleSecretRef: {{name: {name}}}"));
    let secured = format!(
        "https://{GATEWAY}:{IMAGE_TLS_PORT}/{file}\"{}",
        bundle.unwrap_or_default()
    );
    cluster_image(world, name, file, "").replace(&plain, &secured)
}

/// How often it was asked for.
pub(crate) fn requests(world: &World, path: &str) -> usize {
    let log = std::fs::read_to_string(world.lab.log("image-server")).unwrap_or_default();
    let line = format!("GET /{path} ");
    log.lines().filter(|it| it.starts_with(&line)).count()
}
