//! A host, as the caller knows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::labels::Taint;
use crate::desired::Consent;

/// A host, as the scheduler sees it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Whether it answers and has been listed.
    pub reachable: bool,
    /// Whether new machines may be placed there.
    pub schedulable: bool,
    /// Whose machines may be there.
    pub consent: Consent,
    /// What guests it can run, those of its own architecture first.
    pub guests: Arc<[Guest]>,
    /// The class of its CPU: a number that the caller gives to hosts whose CPUs can do the same.
    pub cpu_class: u32,
    /// Virtual CPUs that may be promised.
    pub cpus: u64,
    /// Memory that may be promised, in bytes.
    pub memory: u64,
    /// What runs there beside the fleet's machines, and was promised to nobody.
    pub foreign: Foreign,
    /// Huge pages, by size and NUMA cell.
    pub hugepages: Vec<HugepageRoom>,
    /// Its pools that are as declared, and what may be promised in each in bytes.
    pub pools: BTreeMap<String, u64>,
    /// Its networks that are as declared.
    pub networks: Vec<String>,
    /// Its devices that may be passed on, by the resource's name.
    pub devices: BTreeMap<String, u64>,
    /// The images that it has.
    pub images: Vec<String>,
    /// Most machines that it may have.
    pub max_machines: Option<u32>,
}

/// What others take of a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Foreign {
    /// Virtual CPUs.
    pub cpus: u64,
    /// Memory in bytes.
    pub memory: u64,
    /// Machines.
    pub machines: u32,
}

/// What a host can run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Guest {
    /// The architecture.
    pub architecture: String,
    /// libvirt's domain types; none: nobody knows, and each will do.
    pub domain_types: Vec<String>,
    /// The machine types; none: nobody knows, and each will do.
    pub machine_types: Vec<String>,
    /// Whether there is firmware for EFI.
    pub efi: bool,
    /// Whether there is firmware for EFI with secure boot.
    pub secure_boot: bool,
    /// Whether there is a TPM emulator.
    pub tpm: bool,
}

/// Huge pages of one size in one NUMA cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HugepageRoom {
    /// The size of a page in bytes.
    pub page: u64,
    /// The NUMA cell.
    pub cell: u32,
    /// How much there is, in bytes.
    pub amount: u64,
}
