//! The small world: three hosts, two machines, an API server, the operator that leads, and the
//! calls of operators that may still take effect.

pub(crate) const HOSTS: usize = 3;
pub(crate) const MACHINES: usize = 2;
pub(crate) const LATE: usize = 2;
pub(crate) const NAMES: [&str; HOSTS] = ["h0", "h1", "h2"];
/// A machine that is bound to no host.
pub(crate) const NOWHERE: u8 = 3;
/// No domain.
pub(crate) const NO_DOMAIN: u16 = 0;
/// No step.
pub(crate) const NO_STEP: u16 = 0;

/// A host, and what the operator that leads knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Host {
    /// Whether it has power.
    pub(crate) up: bool,
    /// Whether the operator is connected to it.
    pub(crate) connected: bool,
    /// Whether the operator has listed it.
    pub(crate) listed: bool,
    /// Whether a person has said that it is off, since contact was lost.
    pub(crate) off: bool,
    /// Its domain of each machine.
    pub(crate) actual: [u16; MACHINES],
    /// The same as it was last looked at.
    pub(crate) known: [u16; MACHINES],
}

/// What is asked of a machine: bits, so that it is an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Want(pub(crate) u8);

impl Want {
    pub(crate) const ALL: u8 = 8;
    pub(crate) const HALTED: u8 = 1;
    pub(crate) const UNPLUGGED: u8 = 2;
    /// Which life of the object it is of.
    pub(crate) const LIFE: u8 = 4;

    pub(crate) fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    pub(crate) fn flip(self, bit: u8) -> Self {
        Self(self.0 ^ bit)
    }
}

/// A VirtualMachine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Object {
    pub(crate) exists: bool,
    pub(crate) deleting: bool,
    pub(crate) want: Want,
    pub(crate) host: u8,
    pub(crate) epoch: u8,
    /// Whether a person has written its binding.
    pub(crate) by_hand: bool,
}

impl Object {
    pub(crate) fn fresh(want: Want) -> Self {
        Self {
            exists: true,
            deleting: false,
            want,
            host: NOWHERE,
            epoch: 0,
            by_hand: false,
        }
    }

    pub(crate) fn bound(&self) -> Option<usize> {
        (self.exists && self.host != NOWHERE).then_some(self.host.into())
    }

    fn bits(self) -> u128 {
        assert!(self.epoch < 8, "a key has room for three bits");
        u128::from(self.exists)
            | u128::from(self.deleting) << 1
            | u128::from(self.want.0) << 2
            | u128::from(self.epoch) << 5
    }
}

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) enum What {
    #[default]
    Nothing,
    /// A step of a plan on a host.
    Step,
    /// The binding, written to the API server.
    Bind,
}

/// A call that was decided on, and may take effect later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Call {
    pub(crate) what: What,
    pub(crate) machine: u8,
    pub(crate) step: u16,
    /// The domain as it was when the step was decided on.
    pub(crate) base: u16,
    pub(crate) want: Want,
    pub(crate) deleting: bool,
    pub(crate) epoch: u8,
    /// Whether the object is still the one that the binding was decided on.
    pub(crate) current: bool,
    pub(crate) host: u8,
}

impl Call {
    fn bits(self, machine: usize) -> u128 {
        if self.what == What::Nothing {
            return 0;
        }
        assert!(self.epoch < 8, "a key has room for three bits");
        self.what as u128
            | (machine as u128) << 2
            | u128::from(self.step) << 3
            | u128::from(self.base) << 15
            | u128::from(self.want.0) << 27
            | u128::from(self.deleting) << 30
            | u128::from(self.epoch) << 31
            | u128::from(self.current) << 34
    }
}

/// Everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct State {
    pub(crate) hosts: [Host; HOSTS],
    pub(crate) objects: [Object; MACHINES],
    /// What the operator's watch has told of them.
    pub(crate) cached: [Object; MACHINES],
    /// Whether that is a version behind.
    pub(crate) behind: [bool; MACHINES],
    /// Whether it has bound them, and does not know whether that is written.
    pub(crate) doubt: [bool; MACHINES],
    pub(crate) late: [Call; LATE],
    /// The binding before the last one, as a backup has it.
    pub(crate) replaced: [(u8, u8); MACHINES],
    /// Whether bindings have been written back: more may be promised of a host than it has.
    pub(crate) restored: bool,
    /// Faults so far, and what users have done.
    pub(crate) faults: u8,
    pub(crate) edits: u8,
    /// A rule that was broken by the last step.
    pub(crate) broken: Option<&'static str>,
}

/// States that differ only in the names of hosts and machines have the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    hosts: [u64; HOSTS],
    rest: [u64; 2],
}

impl State {
    pub(crate) fn key(&self) -> Key {
        self.key_of([0, 1]).min(self.key_of([1, 0]))
    }

    // With the machines in this order.
    fn key_of(&self, order: [usize; MACHINES]) -> Key {
        let place = |machine: u8| {
            order
                .iter()
                .position(|it| *it == usize::from(machine))
                .unwrap()
        };
        let bits = |call: Call| call.bits(place(call.machine));
        let mut late = self.late;
        late.sort_unstable_by_key(|call| (bits(*call), call.host));
        let mut hosts = [0; HOSTS];
        for (at, (host, bits)) in self.hosts.iter().zip(&mut hosts).enumerate() {
            *bits = self.host_bits(host, at, order, &late);
        }
        hosts.sort_unstable();
        let mut rest = u128::from(self.faults) | u128::from(self.edits) << 4;
        for (place, machine) in order.into_iter().enumerate() {
            let both = self.objects[machine].bits()
                | self.cached[machine].bits() << 8
                | u128::from(self.behind[machine]) << 16;
            rest |= both << (8 + 17 * place);
        }
        rest |= bits(late[0]) << 42 | bits(late[1]) << 77;
        for (place, machine) in order.into_iter().enumerate() {
            rest |= u128::from(self.replaced[machine].1) << (112 + 3 * place);
            let by_hand = [self.objects[machine].by_hand, self.cached[machine].by_hand];
            rest |= u128::from(by_hand[0]) << (121 + place);
            rest |= u128::from(by_hand[1]) << (123 + place);
            rest |= u128::from(self.doubt[machine]) << (125 + place);
        }
        rest |= u128::from(self.broken.is_some()) << 120 | u128::from(self.restored) << 127;
        Key {
            hosts,
            rest: [(rest >> 64) as u64, rest as u64],
        }
    }

    // A host, and everything that names it.
    fn host_bits(
        &self,
        host: &Host,
        at: usize,
        order: [usize; MACHINES],
        late: &[Call; LATE],
    ) -> u64 {
        let mut bits = u64::from(host.up)
            | u64::from(host.connected) << 1
            | u64::from(host.listed) << 2
            | u64::from(host.off) << 3;
        let named = |host: u8| u64::from(usize::from(host) == at);
        for (place, machine) in order.into_iter().enumerate() {
            let domains = u64::from(host.actual[machine]) | u64::from(host.known[machine]) << 12;
            let bound = named(self.objects[machine].host);
            let cached = named(self.cached[machine].host);
            let replaced = named(self.replaced[machine].0);
            bits |= domains << (4 + 24 * place);
            bits |= (bound | cached << 1 | replaced << 2) << (52 + 3 * place);
        }
        for (place, call) in late.iter().enumerate() {
            let there = call.what != What::Nothing && usize::from(call.host) == at;
            bits |= u64::from(there) << (58 + place);
        }
        bits
    }

    /// Writes an object, as the API server does: what was decided on the one before is out of date.
    pub(crate) fn write(&mut self, machine: usize, object: Object) {
        let before = self.objects[machine];
        if self.behind[machine] {
            // A watch is at most one version behind.
            self.cached[machine] = before;
        }
        self.objects[machine] = object;
        self.behind[machine] = true;
        for call in &mut self.late {
            if usize::from(call.machine) == machine {
                call.current = false;
            }
        }
    }

    /// A backup keeps the binding that is about to be replaced.
    pub(crate) fn replaced(&mut self, machine: usize) {
        let object = self.objects[machine];
        if object.bound().is_some() {
            self.replaced[machine] = (object.host, object.epoch);
        }
    }

    /// The watch tells.
    pub(crate) fn deliver(&mut self, machine: usize) {
        self.cached[machine] = self.objects[machine];
        self.behind[machine] = false;
        self.doubt[machine] = false;
    }
}
