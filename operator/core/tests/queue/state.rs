//! The small world: two hosts, machines, an API server, the operator that leads, what it keeps in mind,
//! and the writes that may still take effect.

use crate::scenario::{ALL, Scenario, Spec};

pub(crate) const HOSTS: usize = 2;
pub(crate) const MACHINES: usize = 4;
pub(crate) const WRITES: usize = 4;
/// A machine that is bound to no host.
pub(crate) const NOWHERE: u8 = 2;
/// No machine.
pub(crate) const NOBODY: u8 = 4;

/// A Host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Host {
    pub(crate) there: bool,
    /// Whether it has the larger of its sizes.
    pub(crate) large: bool,
    pub(crate) cordoned: bool,
}

/// A VirtualMachine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) exists: bool,
    pub(crate) deleting: bool,
    pub(crate) halted: bool,
    /// A user has made it take one less.
    pub(crate) small: bool,
    pub(crate) host: u8,
    /// It has given its place up.
    pub(crate) freed: bool,
    /// The machine that it makes room for, of which life, and whether it is off for that.
    pub(crate) room_for: u8,
    pub(crate) room_for_life: bool,
    pub(crate) stopped: bool,
    /// Which life of the object it is.
    pub(crate) life: bool,
}

impl Default for Object {
    fn default() -> Self {
        let mut none = Self::fresh(false);
        none.exists = false;
        none
    }
}

impl Object {
    pub(crate) fn fresh(life: bool) -> Self {
        Self {
            exists: true,
            deleting: false,
            halted: false,
            small: false,
            host: NOWHERE,
            freed: false,
            room_for: NOBODY,
            room_for_life: false,
            stopped: false,
            life,
        }
    }

    pub(crate) fn bound(&self) -> Option<usize> {
        (self.exists && self.host != NOWHERE).then_some(self.host.into())
    }

    /// Whether it is to be placed.
    pub(crate) fn unbound(&self) -> bool {
        self.exists && !self.deleting && self.host == NOWHERE
    }

    /// Whether it makes room for this machine.
    pub(crate) fn makes_room_for(&self, machine: usize, other: &Self) -> bool {
        self.exists && usize::from(self.room_for) == machine && self.room_for_life == other.life
    }
}

/// What a write says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum What {
    #[default]
    Nothing,
    /// The binding, to this host.
    Bind(u8),
    /// It has its place again.
    Retake,
    /// It makes room for this machine, of this life.
    Mark(u8, bool),
    /// It makes room for nobody, and its place is gone or not.
    Unmark { freed: bool },
    /// It has given its place up.
    Free,
    /// No write: it comes to wait, for this reason.
    Wait(u16),
}

/// A write that was decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Write {
    pub(crate) what: What,
    pub(crate) machine: u8,
    /// Whether the object is still the one that it was decided on.
    pub(crate) current: bool,
}

impl Write {
    /// Whether the API server is asked to write something.
    pub(crate) fn is_sent(&self) -> bool {
        !matches!(self.what, What::Nothing | What::Wait(_))
    }
}

/// One placement at a time: what is left of it to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Turn {
    pub(crate) owner: u8,
    pub(crate) writes: [Write; WRITES],
    /// Whether its owner is looked at again when it is over.
    pub(crate) again: bool,
}

impl Turn {
    pub(crate) fn is_over(&self) -> bool {
        self.writes[0].what == What::Nothing
    }

    pub(crate) fn push(&mut self, write: Write) {
        let free = self.writes.iter_mut();
        let mut free = free.skip_while(|it| it.what != What::Nothing);
        *free.next().unwrap() = write;
    }
}

/// A machine as the fleet counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Counted {
    pub(crate) host: u8,
    pub(crate) small: bool,
    pub(crate) freed: bool,
    /// It is not to be stopped: it makes room already, or its place is still to be written.
    pub(crate) makes_room: bool,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            host: NOWHERE,
            small: false,
            freed: false,
            makes_room: false,
        }
    }
}

/// All that the fleet was last brought in step with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct View {
    pub(crate) scenario: u8,
    pub(crate) hosts: [Host; HOSTS],
    pub(crate) machines: [Counted; MACHINES],
}

/// Everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct State {
    pub(crate) scenario: u8,
    pub(crate) hosts: [Host; HOSTS],
    pub(crate) seen_hosts: [Host; HOSTS],
    pub(crate) hosts_behind: [bool; HOSTS],
    pub(crate) objects: [Object; MACHINES],
    /// What the operator's watch has told of them, or it has written itself.
    pub(crate) cached: [Object; MACHINES],
    pub(crate) behind: [bool; MACHINES],
    /// Whether its domain runs, where it is bound.
    pub(crate) runs: [bool; MACHINES],
    pub(crate) index: View,
    /// Why each waits: 0, if it does not.
    pub(crate) waits: [u16; MACHINES],
    /// The machines and the hosts that are to be looked at.
    pub(crate) queue: [bool; MACHINES],
    pub(crate) queued_hosts: [bool; HOSTS],
    pub(crate) turn: Turn,
    /// Bindings that are being written while others have their turn.
    pub(crate) sent: [Write; WRITES],
    /// Whose place counts already, though it is still to be written, and of which life.
    pub(crate) assumed: [Option<bool>; MACHINES],
    /// What another operator has sent.
    pub(crate) late: [Write; WRITES],
    pub(crate) faults: u8,
    pub(crate) edits: u8,
    /// Hosts that somebody has made smaller.
    pub(crate) shrunk: [bool; HOSTS],
    /// Whether the group may be there in part: one of it has gone, or a write came to nothing.
    pub(crate) torn: bool,
    /// A rule that was broken by the last step.
    pub(crate) broken: Option<&'static str>,
}

impl State {
    pub(crate) fn about(&self) -> &'static Scenario {
        &ALL[usize::from(self.scenario)]
    }

    pub(crate) fn spec(&self, machine: usize) -> &'static Spec {
        &self.about().machines[machine]
    }

    pub(crate) fn size(&self, machine: usize) -> u8 {
        self.spec(machine).size - u8::from(self.objects[machine].small)
    }

    pub(crate) fn machines(&self) -> std::ops::Range<usize> {
        0..self.about().machines.len()
    }

    /// All is read anew by an operator that knows nothing.
    pub(crate) fn relist(&mut self) {
        self.cached = self.objects;
        self.seen_hosts = self.hosts;
        (self.behind, self.hosts_behind) = Default::default();
        self.index = View {
            scenario: self.scenario,
            ..View::default()
        };
        self.waits = Default::default();
        self.turn = Turn::default();
        self.sent = Default::default();
        self.assumed = Default::default();
        self.queue = Default::default();
        self.queued_hosts = [true; HOSTS];
        self.machines().for_each(|machine| self.hint(machine));
    }

    /// A machine as the cache has it, or is about to have it.
    pub(crate) fn counted(&self, machine: usize) -> Counted {
        if self.is_assumed(machine) {
            return self.index.machines[machine];
        }
        let object = self.cached[machine];
        let small = object.small;
        match object.bound() {
            Some(_) => Counted {
                small,
                host: object.host,
                freed: object.freed,
                makes_room: object.room_for != NOBODY,
            },
            None => Counted {
                small,
                ..Counted::default()
            },
        }
    }

    /// What the caches have.
    pub(crate) fn view(&self) -> View {
        View {
            scenario: self.scenario,
            hosts: self.seen_hosts,
            machines: std::array::from_fn(|at| self.counted(at)),
        }
    }

    /// Asks for a look. One that runs where it is, as it is known, would say nothing new.
    pub(crate) fn hint(&mut self, machine: usize) {
        let object = self.cached[machine];
        let spec = self.spec(machine);
        let settled = object.bound().is_some()
            && self.index.machines[machine] == self.counted(machine)
            && !object.deleting
            && object.room_for == NOBODY
            && !(spec.frees || spec.preemption);
        self.queue[machine] |= !settled;
    }

    /// The object of a machine is written by somebody: what was decided on the one before is out of date.
    pub(crate) fn write(&mut self, machine: usize, object: Object) {
        let before = self.objects[machine];
        if self.behind[machine] {
            // A watch is at most one version behind.
            self.cached[machine] = before;
        }
        self.objects[machine] = object;
        self.behind[machine] = true;
        self.outdate(machine);
    }

    pub(crate) fn outdate(&mut self, machine: usize) {
        let own = self.turn.writes.iter_mut().chain(&mut self.sent);
        for write in self.late.iter_mut().chain(own) {
            if usize::from(write.machine) == machine {
                write.current = false;
            }
        }
    }

    /// The watch tells.
    pub(crate) fn deliver(&mut self, machine: usize) {
        self.cached[machine] = self.objects[machine];
        self.behind[machine] = false;
        self.hint(machine);
    }

    /// Whether a machine's place counts before it is written.
    pub(crate) fn is_assumed(&self, machine: usize) -> bool {
        let object = self.cached[machine];
        let same = self.assumed[machine] == Some(object.life);
        object.exists && object.bound().is_none() && same
    }

    /// Whether a worker has a machine in its hands.
    pub(crate) fn is_busy(&self, machine: usize) -> bool {
        let own = !self.turn.is_over() && usize::from(self.turn.owner) == machine;
        let mut sent = self.sent.iter().filter(|it| it.is_sent());
        own || sent.any(|it| usize::from(it.machine) == machine)
    }

    /// Whether nothing is under way.
    pub(crate) fn rests(&self) -> bool {
        let none = |all: &[bool]| all.iter().all(|it| !it);
        let nothing = |it: &Write| it.what == What::Nothing;
        none(&self.queue)
            && none(&self.queued_hosts)
            && none(&self.behind)
            && none(&self.hosts_behind)
            && self.turn.is_over()
            && self.late.iter().chain(&self.sent).all(nothing)
    }
}
