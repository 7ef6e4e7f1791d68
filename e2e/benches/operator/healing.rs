//! Many hosts that are lost and come back at once: how soon each has been listed again and all that is
//! told is right, how many connect at a time, and what is written on that account.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use drover_e2e::Lab;
use drover_herd::Sky;
use kube::Client;

use crate::audit;
use crate::figures::{Target, load};
use crate::fill::fill;
use crate::fleet::{Fleet, LIMIT};
use crate::herd::Hosts;
use crate::lines::follow;
use crate::restart::settle;
use crate::subject::Subject;
use crate::usage::Usage;

const HOSTS: usize = 1_000;
// That many hosts at most may be asked for a connection within a second.
const MOST_AT_ONCE: f64 = 500.0;
const CUT: Duration = Duration::from_secs(60);
const HOST_PATH: &str = "/apis/drover.dev/v1alpha1/hosts";
/// That it is unknown, and that it is known again.
const CONDITION_CHANGES: usize = 2;

/// Measures it: daemons that go, and a network that is cut.
pub(crate) async fn run(lab: &Lab, count: Option<usize>) -> Vec<Target> {
    let count = count.unwrap_or(10 * HOSTS);
    let herd = Hosts::start(lab, HOSTS.min(count));
    let subject = Subject::start(lab);
    let fleet = Fleet::of_herd(lab, &herd.hosts()).await;
    fill(&fleet, count).await;
    println!(
        "{count} machines on {} hosts, which are lost for {} s",
        herd.hosts().len(),
        CUT.as_secs()
    );
    let bench = Bench {
        lab,
        herd: &herd,
        subject: &subject,
        fleet: &fleet,
        count,
    };
    let mut targets = bench.lose("refused", Sky::Refusing).await;
    targets.extend(bench.lose("cut", Sky::Silent).await);
    targets.push(Target::shown(
        "operator's memory, peak",
        subject.memory().1,
        "MiB",
    ));
    subject.stop();
    drop(herd);
    fleet.abandon().await;
    targets
}

struct Bench<'a> {
    lab: &'a Lab,
    herd: &'a Hosts,
    subject: &'a Subject,
    fleet: &'a Fleet,
    count: usize,
}

impl Bench<'_> {
    async fn lose(&self, what: &str, sky: Sky) -> Vec<Target> {
        settle(self.subject).await;
        let since = audit::now(self.lab);
        let mut targets = vec![self.cut(what, sky).await];
        targets.extend(self.heal(what).await);
        settle(self.subject).await;
        let beyond = self.written_beyond(since, what) as f64;
        let beyond = Target::new(
            &format!("{what}: writes beyond condition changes"),
            beyond,
            "",
            0.0,
        );
        targets.push(beyond);
        targets
    }

    // For as long as it is to be.
    async fn cut(&self, what: &str, sky: Sky) -> Target {
        let client = self.fleet.client();
        let before = Usage::now(self.lab, self.herd.pid());
        let cut = Instant::now();
        self.herd.sky(sky);
        are(&client, HOST_PATH, false, self.herd.hosts().len()).await;
        are(&client, &self.machines(), false, self.count).await;
        let known = cut.elapsed().as_secs_f64();
        let after = Usage::now(self.lab, self.herd.pid());
        after.print_since(&before, &format!("{what}: lost"));
        tokio::time::sleep(CUT.saturating_sub(cut.elapsed())).await;
        Target::shown(&format!("{what}: lost until all say so"), known, "s")
    }

    async fn heal(&self, what: &str) -> Vec<Target> {
        let (hosts, client) = (self.herd.hosts().len(), self.fleet.client());
        self.herd.take();
        let before = Usage::now(self.lab, self.herd.pid());
        let healed = Instant::now();
        self.herd.sky(Sky::Fair);
        are(&client, HOST_PATH, true, hosts).await;
        let hosts_right = healed.elapsed().as_secs_f64();
        are(&client, &self.machines(), true, self.count).await;
        let right = healed.elapsed().as_secs_f64();
        let counts = self.herd.look();
        let after = Usage::now(self.lab, self.herd.pid());
        after.print_since(&before, &format!("{what}: back"));
        println!("\n{what}: {}", load());
        let named = |words: &str| format!("{what}: {words}");
        let most = counts.most_in_a_second() as f64;
        let missing = (hosts - counts.listed) as f64;
        vec![
            Target::new(&named("all relisted"), counts.last_listed, "s", 10.0),
            Target::new(&named("hosts not listed then"), missing, "", 0.0),
            Target::shown(&named("every Host is Ready"), hosts_right, "s"),
            Target::new(&named("every condition is right"), right, "s", 120.0),
            Target::new(
                &named("connections within a second"),
                most,
                "",
                MOST_AT_ONCE,
            ),
            Target::shown(&named("connections"), counts.taken() as f64, ""),
        ]
    }

    fn machines(&self) -> String {
        self.fleet.path("virtualmachines")
    }

    // What was written more often to an object than its conditions had to change.
    fn written_beyond(&self, since: audit::Since, what: &str) -> usize {
        let mut of: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        for write in audit::by_operator(self.lab, since) {
            if write.resource != "leases" && write.resource != "events" {
                let part = write.uri.contains("/status");
                let kind = format!("{}{}", write.verb, if part { " status" } else { "" });
                *of.entry((write.resource, write.name, kind)).or_default() += 1;
            }
        }
        let mut kinds: BTreeMap<(String, String), (usize, BTreeSet<String>)> = BTreeMap::new();
        let mut beyond = 0;
        for ((resource, name, kind), times) in of {
            beyond += times.saturating_sub(CONDITION_CHANGES);
            let (all, names) = kinds.entry((resource, kind)).or_default();
            *all += times;
            names.insert(name);
        }
        println!("\n| {what}: written | writes | objects |\n|---|---|---|");
        for ((resource, kind), (all, names)) in kinds {
            println!("| {resource} {kind} | {all} | {} |", names.len());
        }
        beyond
    }
}

// Until so many objects are Ready, or are not. The lab's own hosts are always.
async fn are(client: &Client, path: &str, ready: bool, count: usize) {
    let mut are = BTreeSet::new();
    let looking = follow(client, path, |line| {
        let name = line.name();
        if line.has("Ready", "True") == ready && !name.starts_with("host") {
            are.insert(name.to_owned());
        } else {
            are.remove(name);
        }
        are.len() >= count
    });
    let looked = tokio::time::timeout(LIMIT, looking).await;
    let so_far = are.len();
    assert!(
        looked.is_ok(),
        "{so_far} of {count} of {path}: Ready {ready}"
    );
}
