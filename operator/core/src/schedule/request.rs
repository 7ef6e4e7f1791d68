//! What a machine takes of a host, and what it wants of one.

use std::collections::BTreeMap;

use super::labels::{Selector, Toleration};

/// What a machine takes of the host that it is on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Virtual CPUs.
    pub vcpus: u64,
    /// Memory in bytes, with what QEMU takes beside the guest's.
    pub memory: u64,
    /// Huge pages.
    pub hugepages: Option<Hugepages>,
    /// Bytes that it will have in pools, beyond what lies there, by the pool's name.
    pub pools: Vec<(String, u64)>,
    /// Devices, by the resource's name.
    pub devices: Vec<(String, u64)>,
}

/// Huge pages that a machine takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hugepages {
    /// The size of a page in bytes.
    pub page: u64,
    /// How much, in bytes.
    pub amount: u64,
    /// The NUMA cell that they are of; of any, if not set.
    pub cell: Option<u32>,
}

/// A machine, as it counts where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its object's UID: ties are broken by it, so that results repeat.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it takes.
    pub usage: Usage,
    /// Machines that may not be in one domain with it, wherever it is (required anti-affinity).
    pub anti_affinity: Vec<Term>,
    /// The higher, the earlier it is placed.
    pub priority: i32,
    /// Whether it may take the place of others, and lose its own to others (`preemption: Allowed`).
    pub preemption: bool,
}

/// Machines in one domain of the hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Term {
    /// The label of the hosts whose value is the domain.
    pub topology_key: String,
    /// The labels of the machines.
    pub selector: Selector,
    /// Their namespaces; none: the namespace of the machine that says it.
    pub namespaces: Vec<String>,
}

/// Something that is preferred, and how much.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Preferred<T> {
    /// From 1 to 100.
    pub weight: u8,
    /// What.
    pub term: T,
}

/// What a machine wants of a host that changes only when somebody changes the Host, or what is realised
/// there. Many machines want the same: the fleet keeps the answer for each of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Rules {
    /// The one host that it may be on.
    pub host: Option<String>,
    /// The labels of the hosts that it may be on.
    pub host_selector: Option<Selector>,
    /// Of these, one has to select the host; none: every host will do.
    pub host_affinity: Vec<Selector>,
    /// The hosts that it is better on.
    pub preferred_hosts: Vec<Preferred<Selector>>,
    /// The taints that it tolerates.
    pub tolerations: Vec<Toleration>,
    /// What kind of guest it is.
    pub guest: GuestWanted,
    /// The CPU that its guest sees.
    pub cpu: Option<CpuWanted>,
    /// The pools that it needs.
    pub pools: Vec<String>,
    /// The networks that it needs.
    pub networks: Vec<String>,
    /// Hosts that already hold some of its data: it can go nowhere else.
    pub data_on: Vec<String>,
    /// The images that it is made from: a host that has them is better.
    pub images: Vec<String>,
}

/// A kind of guest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct GuestWanted {
    /// The architecture.
    pub architecture: Option<String>,
    /// libvirt's domain type: `kvm`, `qemu`, `lxc`.
    pub domain_type: Option<String>,
    /// The machine type: `q35`.
    pub machine_type: Option<String>,
    /// Whether it starts by EFI.
    pub efi: bool,
    /// Whether it starts by EFI with secure boot.
    pub secure_boot: bool,
    /// Whether it has a TPM.
    pub tpm: bool,
}

/// A CPU, as the caller has compared it with those of the hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CpuWanted {
    /// What it is called, for people.
    pub model: String,
    /// The classes of hosts' CPUs that can be it.
    pub classes: Vec<u32>,
}

/// How evenly machines are to be spread over domains.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Spread {
    /// The label of the hosts whose value is the domain.
    pub topology_key: String,
    /// The labels of the machines that are counted, of the same namespace.
    pub selector: Selector,
    /// How many more machines than the emptiest a domain may have.
    pub max_skew: u32,
    /// Domains below which the emptiest is taken to have none.
    pub min_domains: u32,
    /// Whether a domain with more is refused (`DoNotSchedule`), or only worse (`ScheduleAnyway`).
    pub required: bool,
}

/// What a machine asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The machine, as it counts once it is placed.
    pub machine: Machine,
    /// The labels of its namespace.
    pub namespace_labels: BTreeMap<String, String>,
    /// What it wants of the host itself.
    pub rules: Rules,
    /// Machines that have to be in one domain with it.
    pub affinity: Vec<Term>,
    /// Machines that are better in one domain with it.
    pub preferred_affinity: Vec<Preferred<Term>>,
    /// Machines that are better in another domain.
    pub preferred_anti_affinity: Vec<Preferred<Term>>,
    /// How it is spread.
    pub spread: Vec<Spread>,
}
