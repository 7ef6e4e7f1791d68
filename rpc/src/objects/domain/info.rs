//! In which state a domain is, and why.

use std::fmt;
use std::time::Duration;

use drover_rpc_proto::remote::{DomainGetInfoRet, DomainGetStateRet};

use crate::enums::{
    DomainBlockedReason, DomainControlErrorReason, DomainControlState, DomainCrashedReason,
    DomainNostateReason, DomainPMSuspendedReason, DomainPausedReason, DomainRunningReason,
    DomainShutdownReason, DomainShutoffReason, DomainState,
};
use crate::error::Error;
use crate::objects::Domain;
use crate::objects::handle::{answer_from, calls};

/// What a domain has and uses (`virDomainInfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainInfo {
    /// In which state it is.
    pub state: DomainState,
    /// The most memory it may have, in KiB.
    pub max_memory: u64,
    /// The memory it has, in KiB.
    pub memory: u64,
    /// How many virtual CPUs it has.
    pub vcpus: u16,
    /// The CPU time it has used, a running one since it was started.
    pub cpu_time: Duration,
}

impl From<DomainGetInfoRet> for DomainInfo {
    fn from(info: DomainGetInfoRet) -> Self {
        Self {
            state: DomainState(info.state.into()),
            max_memory: info.max_mem,
            memory: info.memory,
            vcpus: info.nr_virt_cpu,
            cpu_time: Duration::from_nanos(info.cpu_time),
        }
    }
}

/// A state and how the domain came to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainStatus {
    /// The state.
    pub state: DomainState,
    /// Why it is in this state.
    pub reason: StateReason,
}

impl DomainStatus {
    /// From the numbers on the wire, such as those of the statistics `state.state` and
    /// `state.reason`.
    #[must_use]
    pub fn new(state: i32, reason: i32) -> Self {
        let state = DomainState(state);
        Self {
            state,
            reason: StateReason::new(state, reason),
        }
    }
}

impl From<DomainGetStateRet> for DomainStatus {
    fn from(status: DomainGetStateRet) -> Self {
        Self::new(status.state, status.reason)
    }
}

impl fmt::Display for DomainStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.state, self.reason)
    }
}

/// Why a domain is in its state. What the number means depends on the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateReason {
    /// Why it has no state.
    NoState(DomainNostateReason),
    /// Why it runs.
    Running(DomainRunningReason),
    /// Why it is blocked.
    Blocked(DomainBlockedReason),
    /// Why it is paused.
    Paused(DomainPausedReason),
    /// Why it is being shut down.
    Shutdown(DomainShutdownReason),
    /// Why it is off.
    Shutoff(DomainShutoffReason),
    /// Why it has crashed.
    Crashed(DomainCrashedReason),
    /// Why it sleeps.
    PmSuspended(DomainPMSuspendedReason),
    /// The reason for a state that is not known here.
    Unknown(i32),
}

impl StateReason {
    /// What this number means in this state.
    #[must_use]
    pub fn new(state: DomainState, reason: i32) -> Self {
        match state {
            DomainState::NOSTATE => Self::NoState(DomainNostateReason(reason)),
            DomainState::RUNNING => Self::Running(DomainRunningReason(reason)),
            DomainState::BLOCKED => Self::Blocked(DomainBlockedReason(reason)),
            DomainState::PAUSED => Self::Paused(DomainPausedReason(reason)),
            DomainState::SHUTDOWN => Self::Shutdown(DomainShutdownReason(reason)),
            DomainState::SHUTOFF => Self::Shutoff(DomainShutoffReason(reason)),
            DomainState::CRASHED => Self::Crashed(DomainCrashedReason(reason)),
            DomainState::PMSUSPENDED => Self::PmSuspended(DomainPMSuspendedReason(reason)),
            _ => Self::Unknown(reason),
        }
    }

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::NoState(reason) => reason.0,
            Self::Running(reason) => reason.0,
            Self::Blocked(reason) => reason.0,
            Self::Paused(reason) => reason.0,
            Self::Shutdown(reason) => reason.0,
            Self::Shutoff(reason) => reason.0,
            Self::Crashed(reason) => reason.0,
            Self::PmSuspended(reason) => reason.0,
            Self::Unknown(reason) => reason,
        }
    }
}

impl fmt::Display for StateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoState(reason) => reason.fmt(f),
            Self::Running(reason) => reason.fmt(f),
            Self::Blocked(reason) => reason.fmt(f),
            Self::Paused(reason) => reason.fmt(f),
            Self::Shutdown(reason) => reason.fmt(f),
            Self::Shutoff(reason) => reason.fmt(f),
            Self::Crashed(reason) => reason.fmt(f),
            Self::PmSuspended(reason) => reason.fmt(f),
            Self::Unknown(reason) => reason.fmt(f),
        }
    }
}

answer_from! {
    DomainGetInfoRet => DomainInfo,
    DomainGetStateRet => DomainStatus,
}

calls! {
    Domain;

    /// State, memory, virtual CPUs and CPU time.
    virDomainGetInfo: info() -> DomainInfo = domain_get_info();

    /// In which state it is, and why.
    virDomainGetState: status() -> DomainStatus = domain_get_state(0);
}

impl Domain {
    /// Whether the way to the hypervisor is free; since when it is not, and why it is broken.
    ///
    /// libvirt's `virDomainGetControlInfo`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn control_info(
        &self,
    ) -> Result<(DomainControlState, DomainControlErrorReason, Duration), Error> {
        let info = self.client.domain_get_control_info(self.key(), 0).await?;
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        Ok((
            DomainControlState(number(info.state)),
            DomainControlErrorReason(number(info.details)),
            Duration::from_millis(info.state_time),
        ))
    }
}
