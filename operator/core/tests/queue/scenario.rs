//! What the machines are and what users may do to them: a few small worlds, each about one thing.

use crate::state::{Object, State};

/// A machine, whatever becomes of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spec {
    pub(crate) size: u8,
    pub(crate) priority: i32,
    /// Not on one host with another such one.
    pub(crate) apart: bool,
    /// On one host with the first machine only.
    pub(crate) near: bool,
    /// Placed together with the others of the group.
    pub(crate) group: bool,
    /// It gives its place up while it is off.
    pub(crate) frees: bool,
    /// It may stop others, and be stopped.
    pub(crate) preemption: bool,
}

impl Spec {
    const fn of(size: u8, priority: i32) -> Self {
        Self {
            size,
            priority,
            apart: false,
            near: false,
            group: false,
            frees: false,
            preemption: false,
        }
    }
}

/// What users may do.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct May {
    /// Machines that come and go: bits.
    pub(crate) come_and_go: u8,
    /// Machines that are halted and started.
    pub(crate) halt: u8,
    /// Machines that are made smaller.
    pub(crate) smaller: u8,
    /// Hosts that grow and shrink.
    pub(crate) resize: u8,
    /// Hosts that are cordoned and not.
    pub(crate) cordon: u8,
    /// Hosts that come and go.
    pub(crate) hosts: u8,
}

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) machines: &'static [Spec],
    pub(crate) min_member: usize,
    pub(crate) may: May,
    /// On which host each is bound at the beginning.
    begins: &'static [Option<u8>],
    /// Whether each host has its larger size, and whether it is there.
    hosts: [(bool, bool); 2],
}

/// The sizes that each host may have.
pub(crate) const SIZES: [[u8; 2]; 2] = [[1, 2], [2, 3]];

const APART: Spec = Spec {
    apart: true,
    ..Spec::of(1, 0)
};
const MEMBER: Spec = Spec {
    group: true,
    ..Spec::of(2, 0)
};
const FREES: Spec = Spec {
    frees: true,
    ..Spec::of(2, 0)
};
const STOPS: Spec = Spec {
    preemption: true,
    ..Spec::of(2, 0)
};

pub(crate) const SIZED: u8 = 0;
pub(crate) const GROUP: u8 = 1;
pub(crate) const FREED: u8 = 2;
pub(crate) const STOPPED: u8 = 3;
pub(crate) const RIVALS: u8 = 4;

pub(crate) const ALL: [Scenario; 6] = [
    Scenario {
        name: "sizes",
        machines: &[
            Spec::of(2, 0),
            Spec {
                near: true,
                ..Spec::of(1, 0)
            },
            Spec {
                size: 2,
                priority: 1,
                ..APART
            },
            APART,
        ],
        min_member: 0,
        may: May {
            come_and_go: 0b1111,
            halt: 0,
            smaller: 0b0101,
            resize: 0b11,
            cordon: 0b10,
            hosts: 0b01,
        },
        begins: &[None, None, None, None],
        hosts: [(true, true); 2],
    },
    Scenario {
        name: "a group",
        machines: &[MEMBER, Spec { size: 1, ..MEMBER }, MEMBER, Spec::of(2, 1)],
        min_member: 2,
        may: May {
            come_and_go: 0b1110,
            halt: 0,
            smaller: 0b1000,
            resize: 0b11,
            cordon: 0b01,
            hosts: 0,
        },
        begins: &[None, None, None, None],
        hosts: [(false, true), (true, true)],
    },
    Scenario {
        name: "places given up",
        machines: &[FREES, Spec::of(2, 0), Spec { size: 1, ..FREES }],
        min_member: 0,
        may: May {
            come_and_go: 0b110,
            halt: 0b101,
            smaller: 0b010,
            resize: 0b11,
            cordon: 0b10,
            hosts: 0,
        },
        begins: &[Some(1), None, Some(0)],
        hosts: [(false, true), (false, true)],
    },
    Scenario {
        name: "one that stops others",
        machines: &[
            STOPS,
            Spec::of(1, 0),
            Spec {
                priority: 2,
                ..STOPS
            },
            Spec::of(2, 1),
        ],
        min_member: 0,
        may: May {
            come_and_go: 0b1111,
            halt: 0b0101,
            smaller: 0b1000,
            resize: 0b11,
            cordon: 0b01,
            hosts: 0,
        },
        begins: &[Some(0), Some(1), None, None],
        hosts: [(true, true), (false, true)],
    },
    Scenario {
        name: "two that stop others",
        machines: &[
            Spec { size: 1, ..STOPS },
            Spec::of(1, 0),
            Spec {
                size: 3,
                priority: 2,
                ..STOPS
            },
            Spec {
                priority: 1,
                ..STOPS
            },
        ],
        min_member: 0,
        may: May {
            come_and_go: 0b1111,
            halt: 0b1100,
            smaller: 0,
            resize: 0b10,
            cordon: 0,
            hosts: 0b01,
        },
        begins: &[Some(1), Some(1), None, None],
        hosts: [(true, false), (true, true)],
    },
    Scenario {
        name: "all at once",
        machines: &[
            Spec {
                frees: true,
                ..STOPS
            },
            Spec { size: 1, ..MEMBER },
            Spec {
                preemption: true,
                ..MEMBER
            },
            Spec {
                priority: 2,
                frees: true,
                ..STOPS
            },
        ],
        min_member: 2,
        may: May {
            come_and_go: 0b1111,
            halt: 0b1001,
            smaller: 0b0001,
            resize: 0b11,
            cordon: 0b01,
            hosts: 0b10,
        },
        begins: &[Some(1), None, None, None],
        hosts: [(true, true); 2],
    },
];

/// How a scenario begins: an operator has just listed everything.
pub(crate) fn begin(number: u8) -> State {
    let scenario = &ALL[usize::from(number)];
    let mut state = State {
        scenario: number,
        ..State::default()
    };
    for (host, (large, there)) in state.hosts.iter_mut().zip(scenario.hosts) {
        (host.large, host.there) = (large, there);
    }
    for (at, host) in scenario.begins.iter().enumerate() {
        let fresh = Object::fresh(false);
        state.objects[at] = match host {
            Some(host) => Object {
                host: *host,
                ..fresh
            },
            None => fresh,
        };
        state.runs[at] = host.is_some();
    }
    state.relist();
    state
}
