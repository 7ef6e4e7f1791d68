//! Whether a host's CPU can be a guest's: by libvirt's own comparison.

use drover_core::xml::HostFlavor;

use super::{HostError, HostHandle};

// virCPUCompareResult: what the guest has and the host has not, or what is no CPU there.
const INCOMPATIBLE: i32 = 0;

impl HostHandle {
    /// Whether guests of this host can have a CPU. A driver that cannot tell lets every one be tried.
    ///
    /// # Errors
    /// When the host does not answer.
    pub async fn can_have(&self, cpu: &str, flavor: &HostFlavor) -> Result<bool, HostError> {
        let client = self.client()?;
        let compared = client.connect_compare_hypervisor_cpu(
            None,
            Some(flavor.architecture.as_str().into()),
            None,
            Some(flavor.domain_type.as_str().into()),
            cpu,
            0,
        );
        match compared.await {
            Ok(result) => Ok(result > INCOMPATIBLE),
            Err(error) if error.not_supported() => Ok(true),
            // It knows no such model, or no such feature.
            Err(error) if error.libvirt().is_some() => Ok(false),
            Err(error) => Err(self.failed("comparing CPUs")(error)),
        }
    }
}
