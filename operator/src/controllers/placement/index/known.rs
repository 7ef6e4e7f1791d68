//! A machine as it was last read.

use std::collections::BTreeMap;

use drover_crds::VirtualMachine;
use kube::ResourceExt;
use uuid::Uuid;

use crate::controllers::placement::request::is_counted;
use crate::ctx::Ctx;

/// A machine as it was last read: whatever of its object decides how it counts. What else is written into
/// its status is no reason to look at it again, and frees nothing.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) generation: Option<i64>,
    pub(super) labels: Option<BTreeMap<String, String>>,
    pub(super) host: Option<String>,
    pub(super) freed: bool,
    // Whether it makes room for another.
    pub(super) makes_room: bool,
    // Its place is being written.
    pub(super) assumed: bool,
    pub(super) size: Option<String>,
    pub(super) namespace: String,
    // If it counts there.
    pub(super) uuid: Option<Uuid>,
    // The Volumes that are made with it and do not count by themselves yet.
    pub(super) to_be_made: Vec<String>,
}

impl Known {
    pub(super) fn bound(self) -> Option<(Uuid, String)> {
        self.uuid.zip(self.host)
    }

    // Whether only its own object tells that it counts otherwise: not what it is made with, nor its
    // size, nor what its domain remembers.
    pub(super) fn is_settled(&self) -> bool {
        self.to_be_made.is_empty() && self.uuid.is_some() == self.host.is_some()
    }

    pub(super) fn is(&self, ctx: &Ctx, machine: &VirtualMachine, size: Option<&String>) -> bool {
        let mut waits = self.to_be_made.iter();
        self.generation == machine.metadata.generation
            && self.generation.is_some()
            && self.labels == machine.metadata.labels
            && self.host.as_ref() == machine.host()
            && self.freed == machine.has_freed_place()
            && self.size.as_ref() == size
            // One that could not be read may be by now: what its domain remembers has come.
            && self.uuid.is_some() == self.host.is_some()
            && !waits.any(|volume| is_counted(ctx, &self.namespace, volume))
    }
}

/// The version of the InstanceType that it names.
pub(super) fn size_version(ctx: &Ctx, machine: &VirtualMachine) -> Option<String> {
    let named = machine.spec.instance_type.as_ref()?;
    let size = ctx.cache.instance_types.get("", &named.name)?;
    size.resource_version()
}
