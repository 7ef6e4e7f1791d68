//! When a machine is started again: each run strategy, for each way in which a machine stops.

use drover_crds::virtual_machine::RunStrategy;

use crate::identity::Stop;

/// What follows when a machine has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Next {
    /// It is started again.
    Start,
    /// It stays off.
    Stay,
}

/// A strategy, and what follows a shutdown from inside, a crash, a stop from outside, and the loss of
/// its host. A reboot from inside is no stop: QEMU goes on, and so does the guest.
pub type Line = (RunStrategy, [(Stop, Next); 4]);

const fn line(strategy: RunStrategy, next: [Next; 4]) -> Line {
    let [shutdown, crash, outside, lost] = next;
    (
        strategy,
        [
            (Stop::GuestShutdown, shutdown),
            (Stop::Crash, crash),
            (Stop::Outside, outside),
            (Stop::HostLost, lost),
        ],
    )
}

/// Every strategy.
pub const TABLE: [Line; 5] = [
    line(RunStrategy::Always, [Next::Start; 4]),
    line(
        RunStrategy::RerunOnFailure,
        [Next::Stay, Next::Start, Next::Stay, Next::Start],
    ),
    line(RunStrategy::Once, [Next::Stay; 4]),
    line(RunStrategy::Manual, [Next::Stay; 4]),
    line(RunStrategy::Halted, [Next::Stay; 4]),
];

/// What follows when a machine of this strategy has stopped.
#[must_use]
pub fn after(strategy: RunStrategy, stop: Stop) -> Next {
    let lines = TABLE.iter().filter(|(known, _)| *known == strategy);
    let mut cells = lines.flat_map(|(_, cells)| cells);
    let cell = cells.find(|(known, _)| *known == stop);
    cell.map_or(Next::Stay, |(_, next)| *next)
}
