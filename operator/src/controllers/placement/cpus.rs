//! Which CPUs guests can have on which hosts. One host of each kind is asked, once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drover_core::definition::compared_cpu;
use drover_core::desired::machine::DesiredMachine;
use drover_core::schedule::CpuWanted;
use drover_core::xml::HostFlavor;

use crate::ctx::Ctx;
use crate::hosts::HostHandle;

// Beyond so many different CPUs of guests they are asked for anew.
const KEPT: usize = 1_024;

/// A guest's CPU, with the architecture if the machine names one.
type Wanted = (Option<String>, String);

/// What hosts have said. By the classes of their CPUs.
#[derive(Debug, Default)]
pub struct Cpus(Mutex<HashMap<Wanted, HashMap<u32, bool>>>);

impl Cpus {
    /// Asks what is not known yet of a machine's CPU.
    pub async fn ask(&self, ctx: &Ctx, desired: &DesiredMachine) {
        let Some(wanted) = wanted(desired) else {
            return;
        };
        for handle in ctx.hosts.all() {
            let Some((class, flavor)) = class_of(&handle, desired) else {
                continue;
            };
            let known = self
                .lock()
                .get(&wanted)
                .is_some_and(|it| it.contains_key(&class));
            if known || !handle.is_up() {
                continue;
            }
            // Of one that does not answer nobody knows; there may be another.
            if let Ok(can) = handle.can_have(&wanted.1, &flavor).await {
                tracing::debug!(host = handle.name, class, can, "compared CPUs");
                self.learn(&wanted, class, can);
            }
        }
    }

    /// The CPU of a machine, with the classes of hosts' CPUs that can be it; nothing, if each can.
    pub(super) fn wanted(&self, desired: &DesiredMachine) -> Option<CpuWanted> {
        let wanted = wanted(desired)?;
        let known = self.lock();
        let classes = known.get(&wanted).into_iter().flatten();
        let can = classes.filter(|(_, can)| **can).map(|(class, _)| *class);
        // Where libvirt tells nothing it is tried.
        let mut classes: Vec<u32> = can.chain([0]).collect();
        classes.sort_unstable();
        Some(CpuWanted {
            model: desired.cpu.model.clone().unwrap_or_default(),
            classes,
        })
    }

    fn learn(&self, wanted: &Wanted, class: u32, can: bool) {
        let mut known = self.lock();
        if known.len() >= KEPT && !known.contains_key(wanted) {
            known.clear();
        }
        known.entry(wanted.clone()).or_default().insert(class, can);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Wanted, HashMap<u32, bool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wanted(desired: &DesiredMachine) -> Option<Wanted> {
    Some((desired.architecture.clone(), compared_cpu(&desired.cpu)?))
}

fn class_of(handle: &Arc<HostHandle>, desired: &DesiredMachine) -> Option<(u32, HostFlavor)> {
    let facts = handle.read(|inventory| inventory.facts.clone())?;
    let flavor = facts.capabilities.flavor(desired.architecture.as_deref())?;
    (facts.cpu_class != 0).then_some((facts.cpu_class, flavor))
}
