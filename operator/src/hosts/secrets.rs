//! libvirt secrets: what hosts need to log on where storage is.

use std::fmt;

use drover_rpc::proto::remote;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::HostError;
use super::inventory::HostHandle;

/// A libvirt secret and its value.
#[derive(Clone)]
pub struct HostSecret {
    /// Its UUID, the same on every host.
    pub uuid: Uuid,
    /// Its definition.
    pub xml: String,
    /// Its value.
    pub value: Vec<u8>,
}

// It is not for printing.
impl fmt::Debug for HostSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostSecret({})", self.uuid)
    }
}

impl HostSecret {
    fn digest(&self) -> [u8; 32] {
        let whole = Sha256::new().chain_update(&self.xml);
        whole.chain_update(&self.value).finalize().into()
    }
}

impl HostHandle {
    /// Gives the host a secret. Nobody can read back what it has: it is given once for each connection,
    /// and when it has changed.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn give_secret(&self, secret: &HostSecret) -> Result<(), HostError> {
        let digest = secret.digest();
        if self.read(|inventory| inventory.secrets.get(&secret.uuid) == Some(&digest)) {
            return Ok(());
        }
        let client = self.client()?;
        let failed = self.failed("keeping a secret");
        let defined = client.secret_define_xml(secret.xml.as_str(), 0).await;
        let defined = defined.map_err(&failed)?;
        let set = client.secret_set_value(defined, secret.value.clone(), 0);
        set.await.map_err(failed)?;
        self.write(|inventory| inventory.secrets.insert(secret.uuid, digest));
        Ok(())
    }

    /// Takes a secret off the host, if it is there.
    ///
    /// # Errors
    /// When libvirt refuses, or nobody knows whether it was done.
    pub async fn take_secret(&self, uuid: Uuid) -> Result<(), HostError> {
        let client = self.client()?;
        let failed = self.failed("removing a secret");
        let found: remote::Secret = match client.secret_lookup_by_uuid(*uuid.as_bytes()).await {
            Err(error) if error.not_found() => return Ok(()),
            found => found.map_err(&failed)?,
        };
        self.write(|inventory| inventory.secrets.remove(&uuid));
        match client.secret_undefine(found).await {
            Err(error) if error.not_found() => Ok(()),
            other => other.map_err(failed),
        }
    }
}
