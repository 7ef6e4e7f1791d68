//! What the fleet keeps the answers of, once it was asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::host::{Keep, Numbers};
use super::terms::Said;
use super::topology::Topology;
use super::{Fleet, machines::Record};
use crate::desired::Consent;
use crate::schedule::event::{Event, Free, HostId};
use crate::schedule::request::{Machine, Request};

impl Fleet {
    /// The number of a label's topology.
    pub(crate) fn topology(&mut self, key: &str) -> u32 {
        let known = self.topologies.iter().position(|it| *it.key == *key);
        if let Some(known) = known {
            return known as u32;
        }
        let mut topology = Topology::new(self.kept.text(key));
        for (slot, host) in (0_u32..).zip(&self.slots) {
            let labels = host.facts.iter().flat_map(|facts| &facts.labels);
            let value = labels.clone().find(|(it, _)| **it == *key);
            topology.put(slot, value.map(|(_, value)| value));
        }
        self.topologies.push(topology);
        self.topologies.len() as u32 - 1
    }

    /// The number of a term; a new one counts the machines that are there.
    pub(crate) fn term(&mut self, said: &Said<'_>) -> u32 {
        if let Some(known) = self.terms.find(said) {
            return known;
        }
        let number = self.topology(said.topology_key);
        let (term, sets) = self.terms.add(said, number);
        let topology = &self.topologies[number as usize];
        let on = self.terms.on(&sets);
        let domains = on.map(|(slot, count)| (topology.domain(slot), count));
        let domains = domains.collect();
        self.terms.recount(term, domains);
        term
    }

    /// The number of what a machine's labels have in common with others'.
    pub(crate) fn label_set(&mut self, machine: &Machine) -> u32 {
        let text = |it: &str| self.kept.text(it);
        self.terms
            .label_set(&machine.namespace, &machine.labels, text)
    }

    /// The number of what a request wants of hosts.
    pub(crate) fn shape(&mut self, request: &Request) -> u32 {
        let allowed = self.allowed(&request.namespace_labels);
        if let Some(known) = self.shapes.find(&request.rules, &allowed) {
            return known;
        }
        let pools = request.rules.pools.iter();
        let pools = pools.map(|name| self.kept.number(name)).collect();
        let number = self.shapes.add(&request.rules, Numbers { allowed, pools });
        if let Some(shape) = self.shapes.get_mut(number) {
            for (slot, host) in (0_u32..).zip(&self.slots) {
                shape.put(&self.weights, slot, host);
            }
        }
        number
    }

    // Which consents let a namespace in; nothing if all of them do.
    fn allowed(&self, labels: &BTreeMap<String, String>) -> Vec<bool> {
        let consents = &self.kept.consents;
        if consents.iter().all(|consent| *consent == Consent::All) {
            return Vec::new();
        }
        consents
            .iter()
            .map(|consent| consent.allows(labels))
            .collect()
    }

    pub(super) fn freed(&self, record: &Record) -> Option<Event> {
        let on = record.on().filter_map(|slot| {
            let host = &self.slots[slot as usize];
            let facts = host.facts.as_ref()?;
            let room = host.taken.room(facts);
            let free = Free {
                cpus: room.cpus,
                memory: room.memory,
            };
            Some((HostId(slot), free))
        });
        Some(Event::Freed {
            hosts: on.collect(),
            pools: self.pool_names(record),
            labels: self.terms.labels(record.labels)?,
        })
    }

    fn pool_names(&self, record: &Record) -> Vec<Arc<str>> {
        let pools = record.parts.pools.iter();
        let names = pools.filter_map(|(number, _)| self.kept.names.get(*number as usize));
        names.cloned().collect()
    }
}
