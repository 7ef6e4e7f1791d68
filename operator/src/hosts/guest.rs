//! What guests' agents tell. A guest can take as long as it likes to answer, so nothing waits for it.

use drover_core::observed::guest::guest;
use drover_crds::virtual_machine::GuestStatus;
use drover_rpc::TypedParams;
use uuid::Uuid;

use super::{HostError, HostHandle, domain_ref};

/// How long, in seconds, libvirt waits for each answer of an agent.
const PATIENCE: i32 = 5;

impl HostHandle {
    /// What the agent of a guest tells. One guest of a host is asked at a time: each may hold up a call.
    ///
    /// # Errors
    /// When the agent does not answer, or libvirt refuses.
    pub async fn guest(&self, name: &str, uuid: Uuid) -> Result<GuestStatus, HostError> {
        let _alone = self.asking.lock().await;
        let client = self.client()?;
        let failed = self.failed("asking the guest's agent");
        let domain = domain_ref(name, uuid);
        let patience = client.domain_agent_set_response_timeout(domain.clone(), PATIENCE, 0);
        patience.await.map_err(&failed)?;
        // All that this agent knows: what it does not know is not asked for.
        let told = client.domain_get_guest_info(domain, 0, 0).await;
        let told = TypedParams::from(told.map_err(&failed)?);
        Ok(guest(
            |name| told.str(name).map(|text| text.into_owned()),
            |name| told.u64(name),
        ))
    }
}
