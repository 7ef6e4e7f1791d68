//! Whether a group is placed together or not at all.

use drover_core::schedule::{
    Candidate, Fleet, GroupRefused, Operator, Request, Requirement, Selector, Term, schedule_group,
};

fn hosts(count: usize) -> Vec<Candidate> {
    let host = |at: usize| Candidate {
        name: format!("kvm-{at}"),
        labels: [("host".to_owned(), at.to_string())].into(),
        reachable: true,
        schedulable: true,
        cpus: 8,
        memory: 8,
        ..Candidate::default()
    };
    (0..count).map(host).collect()
}

// Machines of so many CPUs, of which no two are on one host if they are `apart`.
fn members(sizes: &[u64], apart: bool) -> Vec<Request> {
    let members = sizes.iter().enumerate().map(|(at, size)| {
        let mut request = Request::default();
        request.machine.uid = format!("member-{at}");
        request.machine.labels = [("set".to_owned(), "db".to_owned())].into();
        request.machine.usage.vcpus = *size;
        if apart {
            let (key, values) = ("set".to_owned(), vec!["db".to_owned()]);
            let selector = Selector(vec![Requirement {
                key,
                operator: Operator::In,
                values,
            }]);
            let topology_key = "host".to_owned();
            request.machine.anti_affinity = vec![Term {
                topology_key,
                selector,
                namespaces: vec![],
            }];
        }
        request
    });
    members.collect()
}

#[test]
fn all_or_none() {
    let mut fleet = Fleet::of(&hosts(3));
    let placed = schedule_group(&members(&[2, 2, 2], true), 3, &mut fleet).unwrap();
    let mut placed: Vec<_> = placed.into_iter().flatten().collect();
    placed.sort();
    assert_eq!(placed, ["kvm-0", "kvm-1", "kvm-2"]);
    assert_eq!(fleet.machines(), 0);
    let refused = schedule_group(&members(&[2, 2, 2, 2], true), 4, &mut fleet).unwrap_err();
    assert!(
        matches!(
            &refused,
            GroupRefused::NoRoom {
                placed: 3,
                min_member: 4,
                ..
            }
        ),
        "{refused}"
    );
    assert_eq!(
        refused.to_string(),
        "group.minMember: 3 of 4 machines fit together; for member-3: 0 of 3 hosts fit: 3 too near \
         what it may not be near (host)"
    );
    assert_eq!(fleet.machines(), 0);
}

#[test]
fn more_than_are_needed_may_wait() {
    let mut fleet = Fleet::of(&hosts(1));
    let placed = schedule_group(&members(&[4, 4, 4], false), 2, &mut fleet).unwrap();
    assert_eq!(placed.iter().flatten().count(), 2);
    let refused = schedule_group(&members(&[1], false), 2, &mut fleet).unwrap_err();
    assert_eq!(
        refused,
        GroupRefused::TooFew {
            there: 1,
            min_member: 2
        }
    );
}

#[test]
fn the_large_are_tried_first_if_it_fails_otherwise() {
    let mut fleet = Fleet::of(&hosts(2));
    let placed = schedule_group(&members(&[3, 3, 5, 5], false), 4, &mut fleet).unwrap();
    assert_eq!(placed.iter().flatten().count(), 4);
}
