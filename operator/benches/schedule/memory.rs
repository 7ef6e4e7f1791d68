//! What the fleet takes of memory, counted by the allocator.

use allocation_counter::measure;
use drover_core::schedule::{Counts, Fleet, Weights, schedule};

use crate::dice::Dice;
use crate::fleet::{Templates, host};

const HOSTS: usize = 10_000;
const MACHINES: usize = 150_000;

/// Of hosts, and of machines on them; with everything that requests have made it keep.
pub(crate) fn run() {
    let mut fleet = Fleet::new(Weights::default());
    let hosts = measure(|| {
        for number in 0..HOSTS {
            fleet.upsert_host(&host(number));
        }
    });
    let mut templates = Templates::new(&mut Dice::new(7), true);
    // Each is asked for once, so that what is kept of requests is there before the machines are.
    let caches = measure(|| {
        for _ in 0..templates.len() {
            let (_, request) = templates.next();
            drop(schedule(request, &mut fleet));
        }
    });
    let names: Vec<String> = (0..HOSTS).map(|number| host(number).name).collect();
    let machines = measure(|| {
        for at in 0..MACHINES {
            let (_, request) = templates.next();
            fleet.bind(&request.machine, &[&names[at % HOSTS]], Counts::All);
        }
    });
    let each = |bytes: i64, count: usize| bytes / i64::try_from(count).unwrap();
    println!(
        "memory: {} bytes a host and {} for what 2,048 kinds of requests ask (wanted: at most 2,048 in \
         all), {} bytes a machine of {MACHINES} (wanted: at most 256)",
        each(hosts.bytes_current, HOSTS),
        each(caches.bytes_current, HOSTS),
        each(machines.bytes_current, MACHINES),
    );
}
