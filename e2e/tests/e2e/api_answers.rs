//! What the API server may say no to: watches that have missed something, lists that end half-way,
//! writes that come too late.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::Method;
use http::request::Parts;
use serde_json::Value;

use crate::support::api_proxy::{CONFLICT, EXPIRED, is_watch};
use crate::support::between::HOST;
use crate::support::{Between, Guest, World, ready, reason, state};

const SPACE: &str = "e2e-answers";
const OTHER: &str = "host2";

fn of_drover(parts: &Parts) -> bool {
    parts.uri.path().starts_with("/apis/drover.dev/")
}

// The same request with another query.
fn with_query(parts: &mut Parts, from: &str, to: &str) {
    let text = parts.uri.to_string().replace(from, to);
    parts.uri = text.parse().unwrap();
}

/// Three machines with a disk each, and which of their starts it is that they run by.
struct Fleet {
    guests: Vec<(Guest, &'static str)>,
    ids: Vec<String>,
}

impl Fleet {
    fn new(world: &World) -> Self {
        let guest = |name: &str, host: &'static str| {
            let guest = Guest::new(SPACE, name).on(host).blank("data", "first");
            world.apply(&guest.yaml());
            (guest, host)
        };
        let guests = vec![guest("a", HOST), guest("b", OTHER), guest("gone", OTHER)];
        for (guest, _) in &guests {
            world.machine_is(SPACE, &guest.name, "ready", ready);
        }
        let mut fleet = Self {
            guests,
            ids: Vec::new(),
        };
        fleet.ids = fleet.ids(world);
        fleet
    }

    fn ids(&self, world: &World) -> Vec<String> {
        let id = |(guest, host): &(Guest, &str)| world.domain_id(host, &guest.domain());
        self.guests.iter().map(id).collect()
    }

    // All that was there is there, and nothing was started again.
    fn is_whole(&self, world: &World) {
        assert_eq!(self.ids(world), self.ids);
        for (guest, host) in &self.guests {
            let data = format!("{}-data", guest.domain());
            let files = world.pool_files(host);
            for end in ["", ".owner", ".ready"] {
                let name = format!("{data}{end}");
                assert!(files.contains(&name), "{name}: {files:?}");
            }
        }
    }
}

// What a person does meanwhile: one machine goes, one comes, one is changed.
fn people(world: &World) {
    let gone = Guest::new(SPACE, "gone").yaml();
    let words = ["delete", "--wait=false", "-f", "-"];
    world.try_kubectl(&words, &gone).unwrap();
    world.apply(&Guest::new(SPACE, "new").on(OTHER).yaml());
    let changed = Guest::new(SPACE, "a").on(HOST).blank("data", "first");
    world.apply(&changed.memory("80Mi").yaml());
}

// Afterwards all of it has been heard of.
fn people_were_heard(world: &World, fleet: &Fleet) {
    world.machine_is(SPACE, "new", "Running", |machine| {
        ready(machine) && state(machine) == "Running"
    });
    world.machine_is(SPACE, "a", "RestartRequired", |machine| {
        reason(machine) == "RestartRequired"
    });
    world.wait_for("what was deleted is gone", || {
        let files = world.pool_files(OTHER);
        world.machine(SPACE, "gone").is_none() && !files.iter().any(|it| it.contains("_gone"))
    });
    for ((guest, host), id) in fleet.guests.iter().zip(&fleet.ids).take(2) {
        assert_eq!(world.domain_id(host, &guest.domain()), *id, "it ran on");
    }
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn watches_and_lists_that_expire_in_a_storm() {
    let between = Between::new(SPACE);
    let world = &between.world;
    let fleet = Fleet::new(world);
    let storm = Arc::new(AtomicBool::new(true));
    let (pages, refused) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let counts = (Arc::clone(&storm), Arc::clone(&pages), Arc::clone(&refused));
    between.api.hook(Some(Arc::new(move |parts| {
        let (storm, pages, refused) = &counts;
        let query = parts.uri.query().unwrap_or_default().to_owned();
        if !of_drover(parts) || is_watch(parts) || !query.contains("limit=") {
            return None;
        }
        // A page for each object: of the second nobody knows any more.
        if query.contains("continue=") && storm.load(Ordering::Acquire) {
            refused.fetch_add(1, Ordering::AcqRel);
            return Some(EXPIRED);
        }
        pages.fetch_add(1, Ordering::AcqRel);
        with_query(parts, "limit=500", "limit=1");
        None
    })));
    for round in 0..8 {
        between.api.expire_watches();
        let note = format!("example.com/round={round}");
        world.kubectl(&[
            "annotate",
            "vm,vvol",
            "--all",
            "--overwrite",
            "-n",
            SPACE,
            &note,
        ]);
        fleet.is_whole(world);
        if round == 3 {
            people(world);
        }
    }
    world.wait_for("half a list was read again and again", || {
        refused.load(Ordering::Acquire) >= 12
    });
    storm.store(false, Ordering::Release);
    people_were_heard(world, &fleet);
    let (pages, refused) = (
        pages.load(Ordering::Acquire),
        refused.load(Ordering::Acquire),
    );
    println!("{pages} pages, {refused} of them refused");
    between.api.hook(None);
    between.end();
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn a_watch_that_cannot_be_taken_up_again() {
    let between = Between::new(SPACE);
    let world = &between.world;
    let fleet = Fleet::new(world);
    // From where it once was refused no watch ever goes on.
    let forgotten = Mutex::new(HashSet::new());
    let kinds = Mutex::new(HashSet::new());
    between.api.hook(Some(Arc::new(move |parts| {
        if !of_drover(parts) || !is_watch(parts) {
            return None;
        }
        let first = kinds.lock().unwrap().insert(parts.uri.path().to_owned());
        let query = parts.uri.query().unwrap_or_default();
        let version = query
            .split('&')
            .find(|it| it.starts_with("resourceVersion="));
        let from = format!("{} {}", parts.uri.path(), version.unwrap_or_default());
        let mut forgotten = forgotten.lock().unwrap();
        if first {
            forgotten.insert(from.clone());
        }
        forgotten.contains(&from).then_some(EXPIRED)
    })));
    between.api.expire_watches();
    people(world);
    people_were_heard(world, &fleet);
    between.api.hook(None);
    between.end();
}

// What a person has written of an object.
fn of_the_user(object: &Value) -> Value {
    let meta = &object["metadata"];
    serde_json::json!({
        "spec": object["spec"],
        "label": meta["labels"]["example.com/team"],
        "note": meta["annotations"]["example.com/note"],
    })
}

fn patch(world: &World, patch: &str) {
    let words = ["-n", SPACE, "--type=merge", "-p", patch];
    world.kubectl(&[&["patch", "vm", "busy"], &words[..]].concat());
}

// Somebody edits, and all of it is still there when it has been done.
fn edited(world: &World, round: u32) {
    let strategy = if round.is_multiple_of(2) {
        "Halted"
    } else {
        "Always"
    };
    let own = serde_json::json!({
        "metadata": {
            "labels": {"example.com/team": format!("t{round}")},
            "annotations": {"example.com/note": format!("n{round}")},
        },
        "spec": {"runStrategy": strategy, "terminationGracePeriodSeconds": round},
    });
    patch(world, &own.to_string());
    let written = of_the_user(&world.machine(SPACE, "busy").unwrap());
    let machine = world.machine_is(SPACE, "busy", "as edited", |machine| {
        ready(machine) && (state(machine) == "Running") == (strategy == "Always")
    });
    assert_eq!(of_the_user(&machine), written);
    assert_eq!(written["note"], format!("n{round}"));
    let finalizers = machine["metadata"]["finalizers"].as_array().unwrap();
    assert!(
        finalizers.contains(&"example.com/hold".into()),
        "{finalizers:?}"
    );
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn every_second_write_meets_another_one() {
    let between = Between::new(SPACE);
    let world = &between.world;
    let (writes, refused) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let counts = (Arc::clone(&writes), Arc::clone(&refused));
    // The Lease is not among them: there it means that another one leads.
    between.api.hook(Some(Arc::new(move |parts| {
        if !of_drover(parts) || parts.method == Method::GET {
            return None;
        }
        let even = counts.0.fetch_add(1, Ordering::AcqRel).is_multiple_of(2);
        even.then(|| {
            counts.1.fetch_add(1, Ordering::AcqRel);
            CONFLICT
        })
    })));
    let guest = Guest::new(SPACE, "busy").on(HOST).blank("data", "first");
    world.apply(&guest.yaml());
    patch(
        world,
        "{\"metadata\":{\"finalizers\":[\"example.com/hold\"]}}",
    );
    for round in 0..6 {
        edited(world, round);
    }
    let domains = world.domains(&format!("{SPACE}_"));
    assert_eq!(domains, [(HOST.to_owned(), guest.domain())]);
    let words = ["delete", "--wait=false", "-f", "-"];
    world.try_kubectl(&words, &guest.yaml()).unwrap();
    world.machine_is(SPACE, "busy", "let go, but by its user", |machine| {
        machine["metadata"]["finalizers"] == serde_json::json!(["example.com/hold"])
    });
    patch(world, "{\"metadata\":{\"finalizers\":null}}");
    world.wait_for("its disk is gone", || {
        world.get("volumes", SPACE, "busy-data").is_none()
    });
    let (writes, refused) = (
        writes.load(Ordering::Acquire),
        refused.load(Ordering::Acquire),
    );
    println!("{refused} of {writes} writes refused");
    assert!(refused >= 10);
    between.api.hook(None);
    between.end();
}
