//! How good a host is that fits.
//!
//! A score is a sum of parts, each between 0 and [`ONE`] times its weight. What depends on the free CPUs
//! and memory alone has a bound for a range of them, so that a search can leave out whole ranges.

/// All of something, in the fixed point that scores are made of.
pub const ONE: i64 = 1 << 16;

/// How much each part of a score counts. The default is what packs well without moving anything, the
/// operator's profile `BinPack`; the benchmark `schedule` says what else was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weights {
    /// Little left of CPUs and memory.
    pub bin_pack: u16,
    /// Much left of the scarcer of CPUs and memory.
    pub spread: u16,
    /// As much left of CPUs as of memory, in parts of all.
    pub balanced: u16,
    /// Many machines: a host with many will not become empty soon, one with few may.
    pub crowd: u16,
    /// Hosts that the machine prefers.
    pub host_affinity: u16,
    /// Machines that it prefers near it, or far from it.
    pub machine_affinity: u16,
    /// Taints of effect `PreferNoSchedule`.
    pub taints: u16,
    /// The share of its images that the host has.
    pub image: u16,
    /// Spread that is not required.
    pub topology_spread: u16,
}

impl Default for Weights {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Weights {
    const NONE: Self = Self {
        bin_pack: 0,
        spread: 0,
        balanced: 0,
        crowd: 0,
        host_affinity: 20,
        machine_affinity: 20,
        taints: 20,
        image: 2,
        topology_spread: 20,
    };

    /// What packs well.
    pub const DEFAULT: Self = Self {
        bin_pack: 20,
        balanced: 1,
        crowd: 10,
        ..Self::NONE
    };

    /// The fullest host first.
    pub const BIN_PACK: Self = Self {
        bin_pack: 10,
        ..Self::NONE
    };

    /// The emptiest host first.
    pub const SPREAD: Self = Self {
        spread: 10,
        ..Self::NONE
    };

    /// The host first whose CPUs and memory are used evenly.
    pub const BALANCED: Self = Self {
        balanced: 10,
        ..Self::NONE
    };
}

/// CPUs and memory of a host, and what is free of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Room {
    pub(super) cpus: u64,
    pub(super) memory: u64,
    pub(super) all_cpus: u64,
    pub(super) all_memory: u64,
    pub(super) machines: u32,
    /// Hosts of different kinds are looked for apart.
    pub(super) kind: u32,
}

/// A part of all, as a share of [`ONE`]. A quotient of floats is the same everywhere.
pub(super) fn share(part: u64, all: u64) -> i64 {
    if all == 0 {
        return 0;
    }
    ((part as f64 / all as f64 * 65_536.0) as i64).min(ONE)
}

pub(super) fn crowd(machines: u32) -> i64 {
    let machines = i64::from(machines);
    machines * ONE / (machines + 16)
}

/// More of something is better, each further one less so: 0 for none, below `ONE`.
pub(super) fn saturating(count: u32) -> i64 {
    let count = i64::from(count);
    count * ONE / (count + 1)
}

impl Weights {
    /// What is left on a host once a machine has taken its part.
    pub(super) fn of_room(&self, room: &Room, vcpus: u64, memory: u64) -> i64 {
        self.room_parts(room, vcpus, memory).iter().sum()
    }

    /// The parts of that: bin packing, spread, balance, crowd.
    pub(super) fn room_parts(&self, room: &Room, vcpus: u64, memory: u64) -> [i64; 4] {
        let cpus = share(room.cpus.saturating_sub(vcpus), room.all_cpus);
        let memory = share(room.memory.saturating_sub(memory), room.all_memory);
        self.parts(
            (cpus + memory) / 2,
            cpus.min(memory),
            (cpus - memory).abs(),
            crowd(room.machines),
        )
    }

    // Of what is left on average, of the scarcer, and the difference.
    fn parts(&self, mean: i64, least: i64, apart: i64, crowd: i64) -> [i64; 4] {
        [
            i64::from(self.bin_pack) * (ONE - mean),
            i64::from(self.spread) * least,
            i64::from(self.balanced) * (ONE - apart),
            i64::from(self.crowd) * crowd,
        ]
    }

    /// Whether of hosts with as many free CPUs the best are those with as much memory left in parts of all,
    /// and not those with the least.
    pub(super) fn likes_memory(&self) -> bool {
        2 * (u32::from(self.spread) + u32::from(self.balanced)) > u32::from(self.bin_pack)
    }

    /// At least the score of every host that has between `cpus.0` and `cpus.1` left, in shares, and so of
    /// memory, and at most so crowded.
    pub(super) fn bound(&self, cpus: (i64, i64), memory: (i64, i64), crowd: i64) -> i64 {
        let apart = (cpus.0 - memory.1).max(memory.0 - cpus.1).max(0);
        let mean = (cpus.0 + memory.0) / 2;
        let parts = self.parts(mean, cpus.1.min(memory.1), apart, crowd);
        parts.iter().sum()
    }

    /// The same of hosts of which this is free, before a machine takes its part: with [`Self::raised`] it is
    /// a bound of what they score then.
    pub(super) fn before(&self, cpus: (i64, i64), memory: (i64, i64), crowd: i64) -> i64 {
        // Those with the least memory score the most where packing counts, and what is asked for may be
        // more than they have: nothing is nearer to what is left then.
        let least = if self.likes_memory() { memory.0 } else { 0 };
        self.bound(cpus, (least, memory.1), crowd)
    }

    /// By how much at most a machine raises what a host scores, of which it takes between `cpus.0` and
    /// `cpus.1`, in shares, and so of memory. Each share may be wrong by `slack`.
    pub(super) fn raised(&self, cpus: (i64, i64), memory: (i64, i64), slack: i64) -> i64 {
        let apart = (cpus.1 - memory.0).max(memory.1 - cpus.0);
        let packed = if self.likes_memory() { memory.1 } else { 0 };
        i64::from(self.bin_pack) * ((cpus.1 + packed) / 2 + 2 * slack)
            - i64::from(self.spread) * (cpus.0.min(memory.0) - slack)
            + i64::from(self.balanced) * (apart.max(0) + 2 * slack)
    }
}
