//! Memory.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::enums::DomainMemoryStatTags;
use crate::error::Error;
use crate::flags::{DomainMemoryFlags, DomainMemoryModFlags};
use crate::objects::Domain;
use crate::objects::handle::calls;

/// How many statistics of memory are asked for: more than there are kinds of.
const MEMORY_STATS: u32 = 64;

calls! {
    Domain;

    /// Sets its memory, in KiB; with the flag `MAXIMUM` the most it may have.
    virDomainSetMemoryFlags: set_memory(kib: u64, flags: DomainMemoryModFlags) -> ()
        = domain_set_memory_flags(kib, flags.bits());

    /// The most memory it may have, in KiB.
    virDomainGetMaxMemory: max_memory() -> u64 = domain_get_max_memory();

    /// Bytes of its memory.
    virDomainMemoryPeek: memory_peek(offset: u64, size: u32, flags: DomainMemoryFlags) -> Vec<u8>
        = domain_memory_peek(offset, size, flags.bits());
}

impl Domain {
    /// What the balloon driver says of its memory: KiB, counts, a time, as each kind says.
    ///
    /// libvirt's `virDomainMemoryStats`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn memory_stats(&self) -> Result<BTreeMap<DomainMemoryStatTags, u64>, Error> {
        let call = self.client.domain_memory_stats(self.key(), MEMORY_STATS, 0);
        let stats = call.await?.into_iter();
        Ok(stats
            .map(|stat| (DomainMemoryStatTags(stat.tag), stat.val))
            .collect())
    }

    /// How often the guest is asked for these statistics, in whole seconds; zero is never.
    ///
    /// libvirt's `virDomainSetMemoryStatsPeriod`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn set_memory_stats_period(
        &self,
        period: Duration,
        flags: DomainMemoryModFlags,
    ) -> Result<(), Error> {
        let seconds = i32::try_from(period.as_secs()).unwrap_or(i32::MAX);
        self.client
            .domain_set_memory_stats_period(self.key(), seconds, flags.bits())
            .await
    }
}
