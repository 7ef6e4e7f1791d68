//! Every filter and every score of every host, for a table.

use super::filter::Check;
use super::fleet::Fleet;
use super::fleet::host::{Facts, Slot, liking};
use super::limits::Prepared;
use super::reasons::Reason;
use super::request::Request;

/// What a host is to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The host.
    pub host: String,
    /// Each filter, with why the host does not pass it.
    pub filters: Vec<(&'static str, Option<Reason>)>,
    /// Each part of the score, weighted: in parts of [`super::ONE`].
    pub scores: Vec<(&'static str, i64)>,
}

impl Explained {
    /// Whether the machine could be there.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.filters.iter().all(|(_, reason)| reason.is_none())
    }

    /// The whole score.
    #[must_use]
    pub fn score(&self) -> i64 {
        self.scores.iter().map(|(_, score)| score).sum()
    }
}

/// What each host is to a machine, by the names of the hosts.
pub fn explain(request: &Request, fleet: &mut Fleet) -> Vec<Explained> {
    let prepared = fleet.prepare(request);
    let hosts = (0_u32..).zip(&fleet.slots);
    let hosts = hosts.filter_map(|(slot, host)| Some((slot, host, host.facts.as_ref()?)));
    let explained = hosts.map(|(slot, host, facts)| Explained {
        host: host.name.to_string(),
        filters: fleet.filters(request, &prepared, slot, host, facts),
        scores: fleet.scores(request, &prepared, slot, host, facts),
    });
    let mut explained: Vec<_> = explained.collect();
    explained.sort_by(|a, b| a.host.cmp(&b.host));
    explained
}

impl Fleet {
    /// A fleet without these hosts: what if they were gone. What is bound to them takes nothing elsewhere.
    #[must_use]
    pub fn without(&self, hosts: &[&str]) -> Self {
        let mut left = self.clone();
        for host in hosts {
            left.remove_host(host);
        }
        left
    }

    fn filters(
        &self,
        request: &Request,
        prepared: &Prepared,
        slot: u32,
        host: &Slot,
        facts: &Facts,
    ) -> Vec<(&'static str, Option<Reason>)> {
        let shape = self.shapes.get(prepared.shape);
        let looks = shape.map(|shape| shape.look(host, facts));
        let mut filters: Vec<_> = looks.iter().flat_map(|look| look.outcomes()).collect();
        for limit in &prepared.limits {
            let forbidden = self.forbidden(limit, slot);
            let reason = forbidden.map(|forbidden| self.reason(limit, forbidden));
            filters.push((limit.name(), reason));
        }
        let checks = [Check::Cpu, Check::Memory, Check::Machines];
        for check in checks.into_iter().chain(Check::amounts(request)) {
            let free = self.free(request, &prepared.asked, check, slot);
            let short = check.asked(request).unwrap_or(1) > free;
            let reason = short.then(|| self.reason_of(request, prepared, check));
            filters.push((check.name(), reason));
        }
        filters
    }

    fn scores(
        &self,
        request: &Request,
        prepared: &Prepared,
        slot: u32,
        host: &Slot,
        facts: &Facts,
    ) -> Vec<(&'static str, i64)> {
        let usage = &request.machine.usage;
        let room = host.taken.room(facts);
        let parts = self.weights.room_parts(&room, usage.vcpus, usage.memory);
        let names = ["binPack", "spread", "balanced", "crowd"];
        let mut scores: Vec<_> = names.into_iter().zip(parts).collect();
        let liking = liking(&self.weights, &request.rules, facts);
        let worth = |spread: bool| {
            let bonuses = prepared
                .bonuses
                .iter()
                .filter(|it| it.is_spread() == spread);
            bonuses.map(|bonus| self.worth(bonus, slot)).sum()
        };
        scores.extend([
            ("hostAffinity", liking.host_affinity),
            ("taints", liking.taints),
            ("image", liking.image),
            ("machineAffinity", worth(false)),
            ("topologySpread", worth(true)),
        ]);
        scores
    }
}
