//! How a Volume is copied: by its host, by its bytes, or by the machine that runs with it.
//!
//! libvirt and qemu-img look into what they copy for its format, and a guest can write whatever it
//! likes into a raw disk: the header of an image that is based on any file of the host. So what is
//! raw is only ever copied byte for byte. The header of a qcow2 is written by QEMU alone.

use drover_crds::condition::Reason;
use drover_crds::quantity;
use drover_crds::volume::{Consistency, VolumeFormat};

use super::Verdict;
use crate::desired::volume::{Origin, format_word};
use crate::observed::domain::ObservedDomain;

/// A Volume that is to be copied, as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// The pool.
    pub pool: String,
    /// Its name there.
    pub volume: String,
    /// Its path.
    pub path: String,
    /// Its size as a guest sees it.
    pub capacity: u64,
    /// How it is kept, by Drover's own record.
    pub format: VolumeFormat,
    /// Whether it was there before its object: nobody knows who wrote its header.
    pub existing: bool,
}

/// A copy as it is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// How large it is to be; nothing, if it is as large as the original.
    pub capacity: Option<u64>,
    /// How it is to be kept; as the original, if nobody says.
    pub format: Option<VolumeFormat>,
    /// Whether it is a block device, which is made as large as it is to be.
    pub blocks: bool,
}

/// A domain that runs, and writes into a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// Its name.
    pub domain: String,
    /// Its UUID.
    pub uuid: uuid::Uuid,
    /// The disk's device, such as `vda`.
    pub target: String,
    /// Whether it is a machine of this fleet.
    pub ours: bool,
    /// Whether its guest's agent answers.
    pub agent: bool,
}

/// How a copy is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Its bytes are read and written, and nobody asks what they mean.
    Relay,
    /// The host copies it, with all that it is based on.
    ByHost,
    /// The domain that runs with it writes a copy beside it, until both are the same.
    Mirror(Writer, Consistency),
}

/// The domains of a host that run and write into this volume. What is based on it only reads it.
#[must_use]
pub fn writers<'a>(
    domains: impl IntoIterator<Item = &'a ObservedDomain>,
    fleet: &str,
    original: &Original,
) -> Vec<Writer> {
    let place = (original.pool.clone(), original.volume.clone());
    let writing = domains.into_iter().filter_map(|domain| {
        let live = domain.live.as_ref()?;
        let disk = live.disks.iter().find(|disk| {
            let named = disk.volume.as_ref() == Some(&place);
            !disk.read_only && (named || disk.path.as_ref() == Some(&original.path))
        })?;
        Some(Writer {
            domain: domain.name.clone(),
            uuid: domain.uuid,
            target: disk.target.clone(),
            ours: domain.mark().is_some_and(|mark| mark.fleet == fleet),
            agent: live.agent,
        })
    });
    writing.collect()
}

/// How a Volume is copied now.
///
/// # Errors
/// Why it is not.
pub fn way(
    origin: &Origin,
    original: &Original,
    wanted: Wanted,
    writers: &[Writer],
) -> Result<Way, Verdict> {
    let name = &origin.volume;
    if let Some(capacity) = wanted.capacity.filter(|it| *it < original.capacity) {
        let (size, declared) = (
            quantity::bytes(original.capacity),
            quantity::bytes(capacity),
        );
        return Err(refused(format!(
            "spec.capacity: must be at least {size}, the size of Volume {name}, got {declared}"
        )));
    }
    match writers {
        [] => at_rest(name, original, wanted),
        [_] if wanted.blocks && wanted.capacity.is_some_and(|it| it > original.capacity) => {
            let size = quantity::bytes(original.capacity);
            Err(refused(format!(
                "spec.capacity: must be {size}, the size of Volume {name}, while a machine runs with \
                 it: QEMU copies to a block device only what is as large"
            )))
        }
        [one] => running(name, one, origin.consistency),
        [one, other, ..] => {
            let (one, other) = (&one.domain, &other.domain);
            Err(waits(format!(
                "Volume {name} is written by the domains {one} and {other}: it is copied when at \
                 most one of them runs"
            )))
        }
    }
}

fn at_rest(name: &str, original: &Original, wanted: Wanted) -> Result<Way, Verdict> {
    let format = wanted.format.unwrap_or(original.format);
    match (original.format, format) {
        (VolumeFormat::Raw, VolumeFormat::Raw) => Ok(Way::Relay),
        (VolumeFormat::Raw, VolumeFormat::Qcow2) => Err(refused(format!(
            "spec.format: raw is needed while no machine runs with Volume {name}, which is raw: no \
             host looks into what a guest has written to convert it; got {}",
            format_word(format)
        ))),
        (VolumeFormat::Qcow2, _) if original.existing => Err(refused(format!(
            "spec.source.volume.name: Volume {name} was there before its object, and nobody knows \
             what its header names: it is copied only while a machine runs with it"
        ))),
        (VolumeFormat::Qcow2, _) => Ok(Way::ByHost),
    }
}

fn running(name: &str, writer: &Writer, consistency: Option<Consistency>) -> Result<Way, Verdict> {
    let domain = &writer.domain;
    let Some(consistency) = consistency else {
        return Err(refused(format!(
            "spec.source.volume.consistency: domain {domain} runs with Volume {name}: Paused, \
             Frozen or CrashConsistent is needed, or the machine is shut down first"
        )));
    };
    if !writer.ours {
        return Err(waits(format!(
            "domain {domain}, which is not a machine of this fleet, runs with Volume {name}: it is \
             copied when that one is off"
        )));
    }
    if consistency == Consistency::Frozen && !writer.agent {
        return Err(waits(format!(
            "spec.source.volume.consistency: Frozen needs the guest's agent, and that of domain \
             {domain} does not answer"
        )));
    }
    Ok(Way::Mirror(writer.clone(), consistency))
}

fn refused(message: String) -> Verdict {
    Verdict::new(Reason::SourceRefused, message)
}

fn waits(message: String) -> Verdict {
    Verdict::new(Reason::SourceUnavailable, message)
}
