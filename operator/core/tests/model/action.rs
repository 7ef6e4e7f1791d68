//! What can happen in the small world, one thing at a time.

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// The operator decides about a machine and does it.
    Act(u8),
    /// The same, but nobody knows what comes of it: it is done later, or never.
    ActLate(u8),
    /// A late call takes effect.
    Land(u8),
    /// A late call never takes effect.
    Lapse(u8),
    /// An event makes the operator look at a machine on a host.
    Look(u8, u8),
    /// An old event says once more that a machine's domain is gone.
    OldEvent(u8, u8),
    /// The watch tells of a machine's object.
    Deliver(u8),
    /// The operator connects to a host and lists it.
    Connect(u8),
    /// The operator loses contact to a host.
    Cut(u8),
    /// A host loses its power.
    PowerCut(u8),
    /// A host is switched on.
    PowerOn(u8),
    /// A person says that a host is off.
    ConfirmOff(u8),
    /// Another operator leads: it knows nothing yet.
    Takeover,
    /// A guest shuts itself down.
    Stop(u8, u8),
    /// A user changes a machine.
    Edit(u8, u8),
    /// A user deletes a machine.
    Delete(u8),
    /// A user makes a machine that is gone.
    Create(u8),
    /// An object is lost and applied again: it has a new UID and no binding.
    Lose(u8),
    /// A binding is written back that an earlier one replaced.
    Restore(u8),
}
