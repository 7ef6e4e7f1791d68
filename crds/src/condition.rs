//! Conditions: what is true of an object, in words that always mean the same.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// `True`, `False` or `Unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// Nobody can say.
    Unknown,
}

impl Status {
    /// As the API has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $ready:ident [$($also:literal),*];)*) => {
        /// Why an object is as it is. A reason always means the same.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As the API has it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What `Ready` is when this is its reason.
            #[must_use]
            pub fn ready(self) -> Status {
                match self { $(Self::$name => Status::$ready,)* }
            }

            /// The other conditions that are then true.
            #[must_use]
            pub fn also(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($also),*],)* }
            }
        }
    };
}

reasons! {
    /// The machine runs as declared.
    Running => True [];
    /// The machine is off, as declared.
    Halted => True [];
    /// The machine's CPUs stand still, as declared.
    Paused => True ["Paused"];
    /// The machine is only looked at, and runs or not as somebody else wishes.
    Observed => True [];
    /// A volume is there and whole.
    Available => True [];
    /// A host answers.
    Connected => True [];
    /// A pool or network is as declared on every host that can be reached.
    Realized => True [];
    /// The machine or network runs, and something of its spec takes effect at its next start.
    RestartRequired => True ["RestartRequired"];
    /// The machine is being started.
    Starting => False ["Reconciling"];
    /// The machine is being changed.
    Updating => False ["Reconciling"];
    /// The machine is being shut down.
    Stopping => False ["Reconciling"];
    /// Content is on its way into a volume.
    Importing => False ["Reconciling"];
    /// Something is being made on a host.
    Creating => False ["Reconciling"];
    /// The object is being deleted.
    Deleting => False ["Reconciling"];
    /// No host fits.
    Unschedulable => False ["Reconciling"];
    /// The machine makes room for one of a higher priority: it is off, or is being shut down.
    Preempted => False ["Reconciling"];
    /// Some host could hold the machine already and has not been heard.
    WaitingForHosts => False ["Reconciling"];
    /// A volume of the machine is not ready.
    VolumeNotReady => False ["Reconciling"];
    /// A network of the machine is not ready.
    NetworkNotReady => False ["Reconciling"];
    /// No device of its host is free for it.
    DeviceNotReady => False ["Reconciling"];
    /// A pool or network is not as declared on a host.
    NotRealized => False ["Reconciling"];
    /// A Secret, or a key of it, is missing.
    SecretMissing => False ["Reconciling"];
    /// A source does not answer, or has nothing.
    SourceUnavailable => False ["Reconciling"];
    /// The machine stops soon after each start.
    CrashLoopBackOff => False ["Reconciling"];
    /// Something failed that may work when tried again.
    RetryLater => False ["Reconciling"];
    /// Something depends on the object that is to be deleted.
    InUse => False ["Reconciling"];
    /// The host does not answer, and nobody knows what runs there.
    HostUnreachable => Unknown ["HostUnreachable", "Reconciling"];
    /// Somebody has to send the content.
    WaitingForUpload => False ["Stalled"];
    /// A plan waits for a person.
    PlanNeedsApproval => False ["Stalled"];
    /// The spec asks for a change that is not made.
    ChangeRefused => False ["Stalled"];
    /// libvirt refuses the definition.
    DefinitionRejected => False ["Stalled"];
    /// The host's libvirt, or its driver, has no such function.
    NotSupported => False ["Stalled"];
    /// The name is taken by something that is not Drover's.
    NameConflict => False ["Stalled"];
    /// The UUID is taken by something that is not Drover's.
    UUIDConflict => False ["Stalled"];
    /// Something that exists may not be taken over.
    AdoptionRefused => False ["Stalled"];
    /// The content is not what its checksum says.
    ChecksumMismatch => False ["Stalled"];
    /// The content is of a kind that is refused.
    SourceRefused => False ["Stalled"];
    /// A volume that was there is gone.
    VolumeMissing => False ["Stalled"];
    /// The host does not accept who Drover is, or Drover who the host is.
    AuthenticationFailed => False ["Stalled"];
    /// Another Host stands for the same machine.
    DuplicateHost => False ["Stalled"];
    /// The spec says something that cannot be.
    InvalidSpec => False ["Stalled"];
}

/// One condition as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its type, such as `Ready`.
    pub type_: &'static str,
    /// Whether it is so.
    pub status: Status,
    /// Why.
    pub reason: String,
    /// Why, for a person.
    pub message: String,
}

impl Entry {
    /// A condition with these words.
    pub fn new(
        type_: &'static str,
        status: Status,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            type_,
            status,
            reason: reason.into(),
            message: message.into(),
        }
    }
}

/// `Ready` for this reason, what is then also true, and `others`.
#[must_use]
pub fn entries(reason: Reason, message: &str, others: Vec<Entry>) -> Vec<Entry> {
    let mut entries = vec![Entry::new(
        "Ready",
        reason.ready(),
        reason.as_str(),
        message,
    )];
    for also in reason.also() {
        entries.push(Entry::new(also, Status::True, reason.as_str(), message));
    }
    entries.extend(others);
    entries
}

/// The conditions of a status. A condition's time changes only with its status.
#[must_use]
pub fn conditions(
    previous: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
    entries: Vec<Entry>,
) -> Vec<Condition> {
    let made = entries.into_iter().map(|entry| {
        let before = previous
            .iter()
            .find(|condition| condition.type_ == entry.type_)
            .filter(|condition| condition.status == entry.status.as_str());
        Condition {
            type_: entry.type_.to_owned(),
            status: entry.status.as_str().to_owned(),
            reason: entry.reason,
            message: shorten(entry.message),
            observed_generation: generation,
            last_transition_time: before.map_or(Time(now), |condition| {
                condition.last_transition_time.clone()
            }),
        }
    });
    made.collect()
}

/// The same conditions, with one as it is now.
#[must_use]
pub fn with(
    previous: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
    entry: Entry,
) -> Vec<Condition> {
    let others = previous.iter().filter(|it| it.type_ != entry.type_);
    let mut all: Vec<Condition> = others.cloned().collect();
    all.extend(conditions(previous, generation, now, vec![entry]));
    all
}

// The API refuses messages of more than 32,768 characters; nobody reads that much.
fn shorten(message: String) -> String {
    const MOST: usize = 2_000;
    match message.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &message[..end]),
        None => message,
    }
}

/// The condition of this type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the condition of this type is true.
#[must_use]
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Reason, Status, conditions, entries, find, is_true};

    #[test]
    fn ready_comes_with_what_is_also_true() {
        let made = entries(
            Reason::HostUnreachable,
            "kvm-07 does not answer",
            Vec::new(),
        );
        let types: Vec<_> = made
            .iter()
            .map(|entry| (entry.type_, entry.status))
            .collect();
        assert_eq!(
            types,
            [
                ("Ready", Status::Unknown),
                ("HostUnreachable", Status::True),
                ("Reconciling", Status::True)
            ]
        );
    }

    #[test]
    fn a_time_changes_only_with_its_status() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let first = conditions(&[], Some(1), at(10), entries(Reason::Starting, "a", vec![]));
        let second = conditions(
            &first,
            Some(2),
            at(20),
            entries(Reason::Stopping, "b", vec![]),
        );
        let third = conditions(
            &second,
            Some(2),
            at(30),
            entries(Reason::Running, "", vec![]),
        );
        let time = |list| find(list, "Ready").map(|c| c.last_transition_time.0);
        assert_eq!(time(&second), Some(at(10)));
        assert_eq!(find(&second, "Ready").unwrap().reason, "Stopping");
        assert_eq!(time(&third), Some(at(30)));
        assert!(!is_true(&third, "Reconciling"));
    }

    #[test]
    fn a_true_reason_never_stalls() {
        for reason in Reason::ALL {
            let stalls =
                reason.also().contains(&"Stalled") || reason.also().contains(&"Reconciling");
            assert_ne!(stalls, reason.ready() == Status::True, "{reason:?}");
        }
    }
}
