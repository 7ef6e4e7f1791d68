//! Whether a machine that waits is told of what could help it, and of little else.

use drover_core::schedule::{
    Candidate, Counts, Effect, Event, Fleet, Request, Taint, Unschedulable, could_help, preempt,
    schedule,
};
use proptest::prelude::*;

use crate::make::GIB;
use crate::world;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nobody_waits_for_what_has_happened(seed in any::<u64>(), hosts in 1_usize..20) {
        let mut world = world(seed, hosts, 150);
        let requests: Vec<Request> = (0..100).map(|_| world.request()).collect();
        let mut waiting: Vec<(Request, Unschedulable)> = Vec::new();
        for request in requests {
            if let Err(why) = schedule(&request, &mut world.fleet) {
                waiting.push((request, why));
            }
        }
        for _ in 0..60 {
            world.step().map_err(TestCaseError::fail)?;
            let events = std::mem::take(&mut world.events);
            waiting.retain(|(_, why)| !events.iter().any(|event| could_help(why, event)));
            for (request, why) in &waiting {
                let now = world.plain.choose(request);
                prop_assert!(now.is_err(), "{now:?} after {events:?}\n{why}\n{request:?}");
            }
        }

    }

    #[test]
    fn nor_for_whom_it_could_stop_since(seed in any::<u64>(), hosts in 1_usize..8) {
        let mut world = world(seed, hosts, 100);
        let requests: Vec<Request> = (0..100).map(|_| world.request()).collect();
        let mut waiting: Vec<(Request, Unschedulable)> = Vec::new();
        for mut request in requests {
            request.machine.priority = 3;
            request.machine.preemption = true;
            match schedule(&request, &mut world.fleet) {
                Err(why) if preempt(&request, &mut world.fleet).is_none() => {
                    waiting.push((request, why));
                }
                _ => {}
            }
        }
        for _ in 0..60 {
            world.step().map_err(TestCaseError::fail)?;
            let events = std::mem::take(&mut world.events);
            waiting.retain(|(_, why)| !events.iter().any(|event| could_help(why, event)));
            for (request, why) in &waiting {
                let now = preempt(request, &mut world.fleet);
                prop_assert!(now.is_none(), "{now:?} after {events:?}\n{why}\n{request:?}");
            }
        }
    }
}

fn host(name: &str, memory: u64) -> Candidate {
    Candidate {
        name: name.into(),
        reachable: true,
        schedulable: true,
        cpus: 8,
        memory: memory * GIB,
        ..Candidate::default()
    }
}

fn asks(uid: &str, memory: u64) -> Request {
    let mut request = Request::default();
    request.machine.uid = uid.into();
    request.machine.usage.vcpus = 1;
    request.machine.usage.memory = memory * GIB;
    request
}

// Two hosts with a machine of 6 GiB on each; the first is tainted.
fn fleet() -> (Fleet, Candidate) {
    let mut tainted = host("a", 8);
    let (key, value) = ("gpu".into(), "true".into());
    tainted.taints = vec![Taint {
        key,
        value,
        effect: Effect::NoSchedule,
    }];
    let mut fleet = Fleet::of(&[tainted.clone(), host("b", 8)]);
    fleet.bind(&asks("on-a", 6).machine, &["a"], Counts::All);
    fleet.bind(&asks("on-b", 2).machine, &["b"], Counts::All);
    fleet.bind(&asks("on-b-too", 4).machine, &["b"], Counts::All);
    (fleet, tainted)
}

#[test]
fn memory_does_not_help_against_a_taint() {
    let (mut fleet, mut tainted) = fleet();
    let why = schedule(&asks("new", 5), &mut fleet).unwrap_err();
    let freed = fleet.release("on-a").unwrap();
    assert!(!could_help(&why, &freed));
    let too_little = fleet.release("on-b").unwrap();
    assert!(!could_help(&why, &too_little));
    let enough = fleet.release("on-b-too").unwrap();
    assert!(could_help(&why, &enough));
    tainted.reachable = false;
    let gone = fleet.upsert_host(&tainted).unwrap();
    assert!(!could_help(&why, &gone));
    tainted.taints.clear();
    let untainted = fleet.upsert_host(&tainted).unwrap();
    assert!(could_help(&why, &untainted));
    assert_eq!(fleet.upsert_host(&tainted), None);
    let other = fleet.upsert_host(&host("c", 1)).unwrap();
    assert!(could_help(&why, &other));
    assert!(!could_help(&why, &Event::bound(&asks("x", 1).machine)));
}

#[test]
fn one_that_may_stop_others_hears_of_less_room_too() {
    let mut fleet = Fleet::of(&[host("a", 8)]);
    let mut low = asks("low", 3).machine;
    low.preemption = true;
    fleet.bind(&low, &["a"], Counts::All);
    fleet.bind(&asks("never", 3).machine, &["a"], Counts::All);
    let mut wants = asks("wants", 8);
    wants.machine.priority = 1;
    let plain = schedule(&wants, &mut fleet).unwrap_err();
    wants.machine.preemption = true;
    let stops = schedule(&wants, &mut fleet).unwrap_err();
    assert_eq!(preempt(&wants, &mut fleet), None);
    let freed = fleet.release("never").unwrap();
    assert!(preempt(&wants, &mut fleet).is_some());
    assert!(could_help(&stops, &freed));
    assert!(!could_help(&plain, &freed), "there is still too little");
}

#[test]
fn who_may_be_stopped_is_news_to_those_that_may_stop_it() {
    let mut fleet = Fleet::of(&[host("a", 8), host("b", 1)]);
    let low = asks("low", 8).machine;
    fleet.bind(&low, &["a"], Counts::All);
    let mut wants = asks("wants", 8);
    let plain = schedule(&wants, &mut fleet).unwrap_err();
    wants.machine.preemption = true;
    let equal = schedule(&wants, &mut fleet).unwrap_err();
    wants.machine.priority = 1;
    let stops = schedule(&wants, &mut fleet).unwrap_err();
    assert_eq!(preempt(&wants, &mut fleet), None);
    let may = fleet.let_stop("low", true).unwrap();
    assert!(preempt(&wants, &mut fleet).is_some());
    assert!(could_help(&stops, &may));
    assert!(!could_help(&equal, &may), "of no lower priority");
    assert!(!could_help(&plain, &may), "it stops nobody");
    assert_eq!(fleet.let_stop("low", true), None);
    assert_eq!(fleet.let_stop("low", false), None);
    assert_eq!(fleet.let_stop("nobody", true), None);
}
