//! Why no host fits.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::filter::{Check, too_little};
use super::fleet::Fleet;
use super::fleet::bits::Bits;
use super::limits::Prepared;
use super::reasons::{Details, Nearest, Reason, Rejected, Unschedulable};
use super::request::Request;

impl Fleet {
    /// Why no host fits.
    pub(super) fn unschedulable(
        &mut self,
        request: &Request,
        prepared: &Prepared,
    ) -> Unschedulable {
        let mut rejected = self.unfit(prepared.shape);
        let found = self.found_lacking(request, prepared).into_iter();
        rejected.extend(found.map(|it| Rejected {
            reason: self.reason_of(request, prepared, it.check),
            count: it.hosts.count(),
            nearest: self.nearest(request, &it),
            hosts: it.hosts,
        }));
        let pools = request.machine.usage.pools.iter().map(|(name, _)| name);
        Unschedulable::new(Details {
            hosts: self.hosts,
            rejected: merged(rejected),
            request: request.clone(),
            shared: pools.filter(|name| self.is_shared(name)).cloned().collect(),
        })
    }

    // The hosts that have what the machine wants of hosts, by the first thing that they lack.
    fn found_lacking(&self, request: &Request, prepared: &Prepared) -> Vec<Lacking> {
        let Some(shape) = self.shapes.get(prepared.shape) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut left = shape.hosts.clone();
        for (at, limit) in prepared.limits.iter().enumerate() {
            let mut gone = left.clone();
            self.apply(limit, &mut left);
            gone.take_out(&left);
            let split = self.split(limit, gone).into_iter();
            for (forbidden, hosts) in split.filter(|(_, hosts)| hosts.more_than(0)) {
                let check = Check::Limit(at, forbidden);
                found.push(Lacking {
                    hosts,
                    ..Lacking::new(check)
                });
            }
        }
        if !left.more_than(0) {
            return found;
        }
        // Most lack CPUs or memory, and many are alike in these.
        for (room, hosts) in self.grid.rooms() {
            let little = too_little(request, room);
            for (ring, slot) in hosts.iter().filter(|(_, slot)| left.contains(*slot)) {
                let rest = || {
                    let check = self.short_of(request, &prepared.asked, *slot)?;
                    Some((check, self.free(request, &prepared.asked, check, *slot)))
                };
                if let Some((check, free)) = little.or_else(rest) {
                    Lacking::of(&mut found, check).add((free, Reverse(*ring), *slot));
                }
            }
        }
        found
    }

    // By what the hosts are; kept, since many machines want the same.
    fn unfit(&mut self, shape: u32) -> Vec<Rejected> {
        let Some(shape) = self.shapes.get_mut(shape) else {
            return Vec::new();
        };
        if shape.unfit.is_none() {
            let mut found: BTreeMap<Reason, Bits> = BTreeMap::new();
            for (slot, host) in (0_u32..).zip(&self.slots) {
                let reason = host
                    .facts
                    .as_ref()
                    .and_then(|facts| shape.look(host, facts).unfit());
                if let Some(reason) = reason {
                    found.entry(reason).or_default().insert(slot);
                }
            }
            shape.unfit = Some(found.into_iter().collect());
        }
        let unfit = shape.unfit.iter().flatten();
        let rejected = unfit.map(|(reason, hosts)| Rejected {
            reason: reason.clone(),
            count: hosts.count(),
            nearest: None,
            hosts: hosts.clone(),
        });
        rejected.collect()
    }

    fn nearest(&self, request: &Request, of: &Lacking) -> Option<Nearest> {
        let asked = of.check.asked(request)?;
        let (free, _, slot) = of.nearest?;
        Some(Nearest {
            asked,
            free,
            host: self.slots[slot as usize].name.to_string(),
        })
    }
}

// The hosts that lack something.
struct Lacking {
    check: Check,
    hosts: Bits,
    // The one that lacks the least, with what is free there; of equals, the first on the ring.
    nearest: Option<(u64, Reverse<u64>, u32)>,
}

impl Lacking {
    fn new(check: Check) -> Self {
        Self {
            check,
            hosts: Bits::default(),
            nearest: None,
        }
    }

    fn of(all: &mut Vec<Self>, check: Check) -> &mut Self {
        let at = all.iter().position(|it| it.check == check);
        let at = at.unwrap_or_else(|| {
            all.push(Self::new(check));
            all.len() - 1
        });
        &mut all[at]
    }

    fn add(&mut self, host: (u64, Reverse<u64>, u32)) {
        self.hosts.insert(host.2);
        self.nearest = self.nearest.max(Some(host));
    }
}

// Two limits may be of one reason.
fn merged(rejected: Vec<Rejected>) -> Vec<Rejected> {
    let mut all: Vec<Rejected> = Vec::new();
    for it in rejected {
        match all.iter_mut().find(|known| known.reason == it.reason) {
            Some(known) => {
                known.count += it.count;
                known.hosts.join(&it.hosts);
            }
            None => all.push(it),
        }
    }
    all
}
