//! What QEMU takes of a host's memory beside its guest's.

const MIB: u64 = 1 << 20;

/// A machine, as far as QEMU's own memory depends on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overhead {
    /// Virtual CPUs, with those that it may be given while it runs.
    pub vcpus: u32,
    /// The guest's memory in bytes.
    pub memory: u64,
    /// Disks and interfaces.
    pub devices: usize,
    /// Whether it has a screen.
    pub graphics: bool,
}

/// What QEMU takes beside the guest's memory, in bytes: above what the benchmark `operator overhead`
/// measures of guests at rest, as working ones take more, with the page tables that the kernel keeps for
/// the guest's memory.
#[must_use]
pub fn overhead(of: Overhead) -> u64 {
    let parts = [
        48 * MIB,
        u64::from(of.vcpus).saturating_mul(4 * MIB),
        (of.devices as u64).saturating_mul(2 * MIB),
        if of.graphics { 16 * MIB } else { 0 },
        // Eight bytes for each page of 4 KiB.
        of.memory / 512,
    ];
    parts.into_iter().fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::{MIB, Overhead, overhead};

    #[test]
    fn each_part_counts() {
        let one = Overhead {
            vcpus: 1,
            memory: 512 * MIB,
            ..Overhead::default()
        };
        assert_eq!(overhead(one), 53 * MIB);
        let more = Overhead {
            vcpus: 4,
            memory: 2_048 * MIB,
            devices: 3,
            graphics: true,
        };
        assert_eq!(overhead(more), (48 + 16 + 4 + 6 + 16) * MIB);
    }
}
