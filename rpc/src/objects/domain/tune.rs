//! Limits and weights: scheduler, memory, block I/O, NUMA, performance counters.

use crate::error::Error;
use crate::flags::DomainModificationImpact;
use crate::objects::Domain;
use crate::objects::handle::{calls, string};
use crate::objects::params::twice;
use crate::typed::TypedParams;

calls! {
    Domain;

    /// Sets parameters of the scheduler, `fields::DOMAIN_SCHEDULER_*`.
    virDomainSetSchedulerParametersFlags: set_scheduler_parameters(
        params: TypedParams, flags: DomainModificationImpact,
    ) -> () = domain_set_scheduler_parameters_flags(params.into_wire(), flags.bits());

    /// Sets limits of memory, `fields::DOMAIN_MEMORY_*`, in KiB.
    virDomainSetMemoryParameters: set_memory_parameters(
        params: TypedParams, flags: DomainModificationImpact,
    ) -> () = domain_set_memory_parameters(params.into_wire(), flags.bits());

    /// Sets weights and limits of block I/O, `fields::DOMAIN_BLKIO_*`.
    virDomainSetBlkioParameters: set_blkio_parameters(
        params: TypedParams, flags: DomainModificationImpact,
    ) -> () = domain_set_blkio_parameters(params.into_wire(), flags.bits());

    /// Sets where its memory may be, `fields::DOMAIN_NUMA_*`.
    virDomainSetNumaParameters: set_numa_parameters(
        params: TypedParams, flags: DomainModificationImpact,
    ) -> () = domain_set_numa_parameters(params.into_wire(), flags.bits());

    /// Which performance counters are on, `fields::PERF_PARAM_*`.
    virDomainGetPerfEvents: perf_events(flags: DomainModificationImpact) -> TypedParams
        = domain_get_perf_events(flags.bits());

    /// Switches performance counters on and off, `fields::PERF_PARAM_*`.
    virDomainSetPerfEvents: set_perf_events(
        params: TypedParams, flags: DomainModificationImpact,
    ) -> () = domain_set_perf_events(params.into_wire(), flags.bits());
}

/// Makes a method of each line that asks for parameters twice.
macro_rules! getters {
    ($($(#[$doc:meta])* $function:ident: $name:ident = $call:ident;)*) => {
        impl Domain {
            $(
                $(#[$doc])*
                #[doc = concat!(
                    "\n\nlibvirt's `", stringify!($function), "`, called twice.",
                    "\n\n# Errors\nWhat libvirt answers, or why no answer came."
                )]
                pub async fn $name(
                    &self,
                    flags: DomainModificationImpact,
                ) -> Result<TypedParams, Error> {
                    let flags = self.client.with_strings(flags.bits()).await?;
                    let ask = |count| async move {
                        let answer = self.client.$call(self.key(), count, flags).await?;
                        Ok((answer.params, answer.nparams))
                    };
                    twice(ask).await.map(TypedParams::from)
                }
            )*
        }
    };
}

getters! {
    /// Limits of memory, `fields::DOMAIN_MEMORY_*`, in KiB.
    virDomainGetMemoryParameters: memory_parameters = domain_get_memory_parameters;

    /// Weights and limits of block I/O, `fields::DOMAIN_BLKIO_*`.
    virDomainGetBlkioParameters: blkio_parameters = domain_get_blkio_parameters;

    /// Where its memory may be, `fields::DOMAIN_NUMA_*`.
    virDomainGetNumaParameters: numa_parameters = domain_get_numa_parameters;
}

impl Domain {
    /// The scheduler's name and how many parameters it has.
    ///
    /// libvirt's `virDomainGetSchedulerType`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn scheduler(&self) -> Result<(String, u32), Error> {
        let answer = self.client.domain_get_scheduler_type(self.key()).await?;
        let count = u32::try_from(answer.nparams).unwrap_or(0);
        Ok((string(&answer.type_), count))
    }

    /// Parameters of the scheduler, `fields::DOMAIN_SCHEDULER_*`.
    ///
    /// libvirt's `virDomainGetSchedulerParametersFlags`, or without flags
    /// `virDomainGetSchedulerParameters`, after `virDomainGetSchedulerType` has said how many there
    /// are.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn scheduler_parameters(
        &self,
        flags: DomainModificationImpact,
    ) -> Result<TypedParams, Error> {
        let count = self
            .client
            .domain_get_scheduler_type(self.key())
            .await?
            .nparams;
        if flags.is_empty() {
            let call = self
                .client
                .domain_get_scheduler_parameters(self.key(), count);
            return call.await.map(TypedParams::from);
        }
        let flags = self.client.with_strings(flags.bits()).await?;
        let call = self
            .client
            .domain_get_scheduler_parameters_flags(self.key(), count, flags);
        call.await.map(TypedParams::from)
    }
}
