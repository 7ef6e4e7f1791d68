//! A host: how much of it may be promised.

use drover_crds::HostSpec;
use drover_crds::host::OfferedDevice;

use super::machine::taint;
use super::{Consent, Invalid, bytes, millis};
use crate::schedule::Taint;

/// What a Host's spec says of its capacity and of who may use it.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredHost {
    /// Whether new machines may be placed there.
    pub schedulable: bool,
    /// Virtual CPUs per thread, in thousandths.
    pub cpu_overcommit: u64,
    /// Guests' memory over the host's, in thousandths.
    pub memory_overcommit: u64,
    /// Threads kept for the host, in thousandths.
    pub reserved_cpu: u64,
    /// Bytes kept for the host.
    pub reserved_memory: u64,
    /// Whose machines may be there.
    pub consent: Consent,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// How many machines may be there.
    pub max_machines: Option<u32>,
    /// The devices that guests may be given.
    pub devices: Vec<OfferedDevice>,
}

impl DesiredHost {
    /// Reads a Host's spec.
    ///
    /// # Errors
    /// [`Invalid`] for what the API server should have refused.
    pub fn parse(spec: &HostSpec) -> Result<Self, Invalid> {
        let overcommit = spec.overcommit.as_ref();
        let reserved = spec.reserved.as_ref();
        let ratio = |field, quantity: Option<&_>, default| {
            quantity.map_or(Ok(default), |quantity| millis(field, quantity))
        };
        Ok(Self {
            schedulable: !spec.unschedulable,
            cpu_overcommit: ratio(
                "spec.overcommit.cpu",
                overcommit.and_then(|o| o.cpu.as_ref()),
                4_000,
            )?,
            memory_overcommit: ratio(
                "spec.overcommit.memory",
                overcommit.and_then(|o| o.memory.as_ref()),
                1_000,
            )?,
            reserved_cpu: ratio(
                "spec.reserved.cpu",
                reserved.and_then(|r| r.cpu.as_ref()),
                0,
            )?,
            reserved_memory: reserved
                .and_then(|r| r.memory.as_ref())
                .map_or(Ok(0), |quantity| bytes("spec.reserved.memory", quantity))?,
            consent: Consent::parse(spec.namespaces.as_ref()),
            taints: spec.taints.iter().map(taint).collect(),
            max_machines: spec
                .max_machines
                .map(|most| u32::try_from(most).unwrap_or(0)),
            devices: spec.devices.clone(),
        })
    }

    /// The virtual CPUs that may be promised, of a host with so many threads.
    #[must_use]
    pub fn allocatable_cpus(&self, threads: u32) -> u64 {
        let left = (u128::from(threads) * 1_000).saturating_sub(u128::from(self.reserved_cpu));
        saturate(left * u128::from(self.cpu_overcommit) / 1_000_000)
    }

    /// The memory that may be promised, in bytes, of a host with so many bytes.
    #[must_use]
    pub fn allocatable_memory(&self, bytes: u64) -> u64 {
        let left = u128::from(bytes.saturating_sub(self.reserved_memory));
        saturate(left * u128::from(self.memory_overcommit) / 1_000)
    }
}

fn saturate(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
