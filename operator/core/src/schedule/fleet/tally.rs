//! How many machines there are in each domain of a topology.

use std::collections::HashMap;

use super::bits::Bits;
use super::hash::Mixed;
use super::topology::{NONE, Topology};

/// Machines by domain, or by host: those without any are left out.
pub(crate) type Counts = HashMap<u32, u32, Mixed>;

// The hosts of no more domains than these are put together as they are asked for.
const FEW: usize = 16;

/// How many machines there are in each domain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) counts: Counts,
    // The hosts of these domains, and the moves of the topology when they were put together.
    hosts: Option<(Bits, u64)>,
}

impl Tally {
    /// One comes into a domain (or goes).
    pub(crate) fn step(&mut self, domain: u32, comes: bool, topology: &Topology) {
        if domain == NONE || !step(&mut self.counts, domain, comes) {
            return;
        }
        match &mut self.hosts {
            Some((_, moves)) if *moves != topology.moves => self.hosts = None,
            Some((hosts, _)) if comes => topology.join(domain, hosts),
            Some((hosts, _)) => topology.take_out(domain, hosts),
            None => {}
        }
    }

    /// Puts the hosts of these domains together, if there are many.
    pub(crate) fn find_hosts(&mut self, topology: &Topology) {
        if self.counts.len() <= FEW {
            self.hosts = None;
        } else if self.hosts(topology).is_none() {
            let mut hosts = Bits::default();
            let domains = self.counts.keys();
            domains.for_each(|domain| topology.join(*domain, &mut hosts));
            self.hosts = Some((hosts, topology.moves));
        }
    }

    /// The hosts of these domains, if they were put together.
    pub(crate) fn hosts(&self, topology: &Topology) -> Option<&Bits> {
        let found = self.hosts.as_ref();
        let (hosts, _) = found.filter(|(_, moves)| *moves == topology.moves)?;
        Some(hosts)
    }
}

/// One comes (or goes). Whether it is the first (or was the last).
pub(crate) fn step(counts: &mut Counts, at: u32, comes: bool) -> bool {
    if comes {
        let count = counts.entry(at).or_default();
        *count += 1;
        return *count == 1;
    }
    let Some(count) = counts.get_mut(&at) else {
        return false;
    };
    *count -= 1;
    let last = *count == 0;
    if last {
        counts.remove(&at);
    }
    last
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{FEW, Tally, Topology};

    fn zone(number: u32) -> Arc<str> {
        format!("zone-{number}").into()
    }

    // Of many domains, so that they are kept.
    fn topology() -> Topology {
        let mut topology = Topology::new("zone".into());
        for slot in 0..200 {
            topology.put(slot, Some(&zone(slot / 2)));
        }
        topology
    }

    fn hosts(tally: &mut Tally, topology: &Topology) -> Vec<u32> {
        tally.find_hosts(topology);
        tally
            .hosts(topology)
            .map_or(Vec::new(), |it| it.iter().collect())
    }

    #[test]
    fn the_hosts_follow_the_counts_and_the_domains() {
        let mut topology = topology();
        let mut tally = Tally::default();
        for domain in 0..=FEW as u32 {
            tally.step(domain, true, &topology);
        }
        let all: Vec<u32> = (0..2 * (FEW as u32 + 1)).collect();
        assert_eq!(hosts(&mut tally, &topology), all);
        tally.step(50, true, &topology);
        tally.step(50, true, &topology);
        let more: Vec<u32> = all.iter().copied().chain([100, 101]).collect();
        assert_eq!(hosts(&mut tally, &topology), more);
        tally.step(50, false, &topology);
        assert_eq!(hosts(&mut tally, &topology), more);
        tally.step(50, false, &topology);
        assert_eq!(hosts(&mut tally, &topology), all);
        // A host that moves is looked at anew.
        topology.put(199, Some(&zone(0)));
        assert!(tally.hosts(&topology).is_none());
        let with: Vec<u32> = all.iter().copied().chain([199]).collect();
        assert_eq!(hosts(&mut tally, &topology), with);
        topology.put(199, None);
        tally.step(60, true, &topology);
        let with: Vec<u32> = all.iter().copied().chain([120, 121]).collect();
        assert_eq!(hosts(&mut tally, &topology), with);
    }

    #[test]
    fn few_domains_are_not_kept() {
        let topology = topology();
        let mut tally = Tally::default();
        tally.step(3, true, &topology);
        assert!(hosts(&mut tally, &topology).is_empty() && tally.hosts(&topology).is_none());
    }
}
