//! What has happened to a domain, in words.

use std::fmt;

use drover_rpc_proto::remote::DomainEventLifecycleMsg;

use crate::client::Client;
use crate::enums::{
    DomainEventCrashedDetailType, DomainEventDefinedDetailType, DomainEventID,
    DomainEventPMSuspendedDetailType, DomainEventResumedDetailType, DomainEventShutdownDetailType,
    DomainEventStartedDetailType, DomainEventStoppedDetailType, DomainEventSuspendedDetailType,
    DomainEventType, DomainEventUndefinedDetailType,
};
use crate::error::Error;
use crate::objects::Domain;
use crate::subscription::Subscription;

/// What has happened to a domain (event `LIFECYCLE`), and how it came to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LifecycleEvent {
    /// It has a definition, or another one.
    Defined(DomainEventDefinedDetailType),
    /// Its definition is gone.
    Undefined(DomainEventUndefinedDetailType),
    /// It has begun to run.
    Started(DomainEventStartedDetailType),
    /// Its CPUs stand still.
    Suspended(DomainEventSuspendedDetailType),
    /// Its CPUs go on.
    Resumed(DomainEventResumedDetailType),
    /// It runs no more.
    Stopped(DomainEventStoppedDetailType),
    /// The guest has shut down; what runs it may still be there.
    Shutdown(DomainEventShutdownDetailType),
    /// The guest sleeps.
    PmSuspended(DomainEventPMSuspendedDetailType),
    /// The guest has crashed.
    Crashed(DomainEventCrashedDetailType),
    /// An event that is not known here, and its detail.
    Unknown(DomainEventType, i32),
}

impl LifecycleEvent {
    /// From the numbers of the event.
    #[must_use]
    pub fn new(event: i32, detail: i32) -> Self {
        match DomainEventType(event) {
            DomainEventType::DEFINED => Self::Defined(detail.into()),
            DomainEventType::UNDEFINED => Self::Undefined(detail.into()),
            DomainEventType::STARTED => Self::Started(detail.into()),
            DomainEventType::SUSPENDED => Self::Suspended(detail.into()),
            DomainEventType::RESUMED => Self::Resumed(detail.into()),
            DomainEventType::STOPPED => Self::Stopped(detail.into()),
            DomainEventType::SHUTDOWN => Self::Shutdown(detail.into()),
            DomainEventType::PMSUSPENDED => Self::PmSuspended(detail.into()),
            DomainEventType::CRASHED => Self::Crashed(detail.into()),
            unknown => Self::Unknown(unknown, detail),
        }
    }

    /// Which event it is.
    #[must_use]
    pub fn kind(self) -> DomainEventType {
        match self {
            Self::Defined(_) => DomainEventType::DEFINED,
            Self::Undefined(_) => DomainEventType::UNDEFINED,
            Self::Started(_) => DomainEventType::STARTED,
            Self::Suspended(_) => DomainEventType::SUSPENDED,
            Self::Resumed(_) => DomainEventType::RESUMED,
            Self::Stopped(_) => DomainEventType::STOPPED,
            Self::Shutdown(_) => DomainEventType::SHUTDOWN,
            Self::PmSuspended(_) => DomainEventType::PMSUSPENDED,
            Self::Crashed(_) => DomainEventType::CRASHED,
            Self::Unknown(kind, _) => kind,
        }
    }
}

impl From<&DomainEventLifecycleMsg> for LifecycleEvent {
    fn from(message: &DomainEventLifecycleMsg) -> Self {
        Self::new(message.event, message.detail)
    }
}

/// Such as `stopped (destroyed)`.
impl fmt::Display for LifecycleEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::Defined(detail) => write!(f, "{kind} ({detail})"),
            Self::Undefined(detail) => write!(f, "{kind} ({detail})"),
            Self::Started(detail) => write!(f, "{kind} ({detail})"),
            Self::Suspended(detail) => write!(f, "{kind} ({detail})"),
            Self::Resumed(detail) => write!(f, "{kind} ({detail})"),
            Self::Stopped(detail) => write!(f, "{kind} ({detail})"),
            Self::Shutdown(detail) => write!(f, "{kind} ({detail})"),
            Self::PmSuspended(detail) => write!(f, "{kind} ({detail})"),
            Self::Crashed(detail) => write!(f, "{kind} ({detail})"),
            Self::Unknown(_, detail) => write!(f, "{kind} ({detail})"),
        }
    }
}

impl Client {
    /// Listens to one kind of event of all domains.
    ///
    /// libvirt's `virConnectDomainEventRegisterAny`.
    ///
    /// # Errors
    /// When the server refuses, as it does with a kind it does not know.
    pub async fn domain_events(&self, kind: DomainEventID) -> Result<Subscription, Error> {
        self.subscribe_domain(kind.0, None).await
    }
}

impl Domain {
    /// Listens to one kind of event of this domain.
    ///
    /// libvirt's `virConnectDomainEventRegisterAny`.
    ///
    /// # Errors
    /// When the server refuses, as it does with a kind it does not know.
    pub async fn events(&self, kind: DomainEventID) -> Result<Subscription, Error> {
        self.client.subscribe_domain(kind.0, Some(self.key())).await
    }
}

#[cfg(test)]
mod tests {
    use super::LifecycleEvent;
    use crate::enums::{DomainEventStoppedDetailType, DomainEventType};

    #[test]
    fn events_that_are_not_known_are_kept() {
        let stopped = LifecycleEvent::new(5, 1);
        let destroyed = DomainEventStoppedDetailType::DESTROYED;
        assert_eq!(stopped, LifecycleEvent::Stopped(destroyed));
        assert_eq!(stopped.to_string(), "stopped (destroyed)");
        let unknown = LifecycleEvent::new(77, 3);
        assert_eq!(unknown.kind(), DomainEventType(77));
        assert_eq!(unknown.to_string(), "77 (3)");
    }
}
