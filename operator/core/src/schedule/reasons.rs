//! Why a host is none, and why no host is one.

use std::fmt;

use super::fleet::bits::Bits;
use super::request::Request;

/// Why a host is none for a machine, in the order in which it is asked: the first that holds counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// `placement.host` names another.
    OtherHost(String),
    /// Its labels do not match the selector.
    Selector,
    /// Its labels do not match the affinity.
    HostAffinity,
    /// It is not open to the namespace.
    Namespace,
    /// It does not answer, or has not been listed.
    Unreachable,
    /// It is cordoned.
    Cordoned,
    /// A taint, as `key=value`, that is not tolerated.
    Taint(String),
    /// Data of the machine lies on these hosts.
    Data(String),
    /// No guest of this architecture.
    Architecture(String),
    /// Not this domain type.
    DomainType(String),
    /// Not this machine type.
    MachineType(String),
    /// No firmware of this kind.
    Firmware(&'static str),
    /// No TPM.
    Tpm,
    /// The CPU cannot be this one.
    CpuModel(String),
    /// The pool is not there.
    Pool(String),
    /// The network is not there.
    Network(String),
    /// It has no label of this key, and so no domain.
    NoDomain(String),
    /// No machine that has to be near is in its domain of this key.
    Affinity(String),
    /// A machine that has to be elsewhere is in its domain of this key.
    AntiAffinity(String),
    /// A machine in its domain of this key refuses this one.
    Refused(String),
    /// Its domain of this key would have too many.
    Spread(String),
    /// Too few CPUs.
    Cpu,
    /// Too little memory.
    Memory,
    /// It has as many machines as it may have.
    Machines,
    /// Too few huge pages of this size in bytes.
    Hugepages(u64),
    /// Too few devices of this resource.
    Device(String),
    /// Too little room in this pool.
    PoolRoom(String),
}

/// How much of something was asked, and where the most of it was among the hosts that have too little.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// How much was asked.
    pub asked: u64,
    /// The most that is free.
    pub free: u64,
    /// On which host: of equals, the first by a hash of its name.
    pub host: String,
}

/// The hosts that are none for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The reason.
    pub reason: Reason,
    /// How many hosts.
    pub count: usize,
    /// What was missing least, if it is an amount.
    pub nearest: Option<Nearest>,
    pub(super) hosts: Bits,
}

/// Why no host fits: `0 of 2 hosts fit: 1 insufficient memory (...), 1 cordoned`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unschedulable(Box<Details>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) hosts: usize,
    pub(super) rejected: Vec<Rejected>,
    pub(super) request: Request,
    // The pools that it asks room of and that several hosts see.
    pub(super) shared: Vec<String>,
}

impl Unschedulable {
    pub(super) fn new(mut details: Details) -> Self {
        details.rejected.sort_by(|a, b| {
            let by_reason = || b.reason.cmp(&a.reason);
            b.count.cmp(&a.count).then_with(by_reason)
        });
        Self(Box::new(details))
    }

    pub(super) fn details(&self) -> &Details {
        &self.0
    }

    /// How many hosts there are.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.0.hosts
    }

    /// The higher, the earlier the machine is placed.
    #[must_use]
    pub fn priority(&self) -> i32 {
        self.0.request.machine.priority
    }

    /// The pools that room was asked of, and how much, in bytes.
    #[must_use]
    pub fn pools(&self) -> &[(String, u64)] {
        &self.0.request.machine.usage.pools
    }

    /// The reasons, most hosts first.
    #[must_use]
    pub fn rejected(&self) -> &[Rejected] {
        &self.0.rejected
    }
}

impl std::error::Error for Unschedulable {}

impl fmt::Display for Unschedulable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.0.hosts;
        if hosts == 0 {
            return f.write_str("0 of 0 hosts fit: there is no Host");
        }
        write!(f, "0 of {hosts} hosts fit: ")?;
        for (at, rejected) in self.0.rejected.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{} {}", rejected.count, rejected.reason)?;
            if let Some(Nearest { asked, free, host }) = &rejected.nearest {
                // Rounded, and never so that it seems to be enough.
                let asked = rejected.reason.amount(*asked, u128::div_ceil);
                let free = rejected.reason.amount(*free, |a, b| a / b);
                write!(f, " (asked {asked}, largest free {free} on {host})")?;
            }
        }
        Ok(())
    }
}

impl Reason {
    // An amount of what is missing.
    fn amount(&self, amount: u64, divide: Division) -> String {
        match self {
            Self::Memory | Self::PoolRoom(_) | Self::Hugepages(_) => tenths(amount, divide),
            _ => amount.to_string(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherHost(host) => write!(f, "not {host}"),
            Self::Selector => f.write_str("do not match the selector"),
            Self::HostAffinity => f.write_str("do not match the host affinity"),
            Self::Namespace => f.write_str("not open to the namespace"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::Cordoned => f.write_str("cordoned"),
            Self::Taint(taint) => write!(f, "taint {taint}"),
            Self::Data(hosts) => write!(f, "without its volumes (on {hosts})"),
            Self::Architecture(name) => write!(f, "cannot run {name}"),
            Self::DomainType(name) => write!(f, "without domain type {name}"),
            Self::MachineType(name) => write!(f, "without machine type {name}"),
            Self::Firmware(name) => write!(f, "without {name} firmware"),
            Self::Tpm => f.write_str("without a TPM emulator"),
            Self::CpuModel(name) => write!(f, "cannot run CPU {name}"),
            Self::Pool(name) => write!(f, "pool {name:?} missing"),
            Self::Network(name) => write!(f, "network {name:?} missing"),
            Self::NoDomain(key) => write!(f, "without label {key}"),
            Self::Affinity(key) => write!(f, "not near what it has to be near ({key})"),
            Self::AntiAffinity(key) => write!(f, "too near what it may not be near ({key})"),
            Self::Refused(key) => write!(f, "kept for themselves by other machines ({key})"),
            Self::Spread(key) => write!(f, "spread too unevenly ({key})"),
            Self::Machines => f.write_str("at most machines"),
            Self::Hugepages(page) => write!(f, "insufficient huge pages of {}", size(*page)),
            Self::Device(resource) => write!(f, "insufficient {resource}"),
            Self::PoolRoom(name) => write!(f, "without room in pool {name:?}"),
            Self::Cpu => f.write_str("insufficient cpu"),
            Self::Memory => f.write_str("insufficient memory"),
        }
    }
}

type Division = fn(u128, u128) -> u128;

// With one digit after the point where it is not whole.
fn tenths(bytes: u64, divide: Division) -> String {
    let units = [
        (60, "Ei"),
        (50, "Pi"),
        (40, "Ti"),
        (30, "Gi"),
        (20, "Mi"),
        (10, "Ki"),
    ];
    let unit = units.into_iter().find(|(shift, _)| bytes >> shift > 0);
    let Some((shift, name)) = unit else {
        return bytes.to_string();
    };
    let tenths = divide(u128::from(bytes) * 10, 1 << shift);
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole}{name}"),
        (whole, tenth) => format!("{whole}.{tenth}{name}"),
    }
}

fn size(bytes: u64) -> String {
    drover_crds::quantity::bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Division, tenths};

    #[test]
    fn amounts_are_rounded_away_from_each_other() {
        let (up, down): (Division, Division) = (u128::div_ceil, |a, b| a / b);
        for (bytes, asked, free) in [
            (0, "0", "0"),
            (1_023, "1023", "1023"),
            (1 << 20, "1Mi", "1Mi"),
            ((1 << 20) + 1, "1.1Mi", "1Mi"),
            (65_716 << 20, "64.2Gi", "64.1Gi"),
            (300 << 30, "300Gi", "300Gi"),
            ((300 << 30) - 1, "300Gi", "299.9Gi"),
            (u64::MAX, "16Ei", "15.9Ei"),
        ] {
            let said = (tenths(bytes, up), tenths(bytes, down));
            assert_eq!(said, (asked.to_owned(), free.to_owned()), "{bytes}");
        }
    }
}
