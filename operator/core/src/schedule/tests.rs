use proptest::prelude::*;

use super::{Candidate, Request, schedule};

const GIB: u64 = 1 << 30;

fn host(name: &str, memory: u64) -> Candidate {
    Candidate {
        name: name.into(),
        reachable: true,
        schedulable: true,
        architectures: vec!["x86_64".into()],
        cpus: 8,
        memory,
        pools: vec!["fast".into()],
        networks: vec!["lan".into()],
        ..Candidate::default()
    }
}

fn asks(memory: u64) -> Request {
    Request {
        vcpus: 1,
        memory,
        ..Request::default()
    }
}

#[test]
fn most_free_wins_and_the_name_decides() {
    let mut fleet = [host("a", 8 * GIB), host("b", 8 * GIB)];
    assert_eq!(schedule(&asks(GIB), &fleet).unwrap(), "a");
    fleet[0].used_memory = GIB;
    assert_eq!(schedule(&asks(GIB), &fleet).unwrap(), "b");
    fleet[1].used_cpus = 7;
    assert_eq!(schedule(&asks(GIB), &fleet).unwrap(), "a");
}

#[test]
fn every_refusal_is_counted_and_explained() {
    let mut cordoned = host("host1", 64 * GIB);
    cordoned.schedulable = false;
    let fleet = [cordoned, host("host2", 11 * GIB)];
    let message = schedule(&asks(64 * GIB), &fleet).unwrap_err().message;
    assert_eq!(
        message,
        "0 of 2 hosts fit: 1 insufficient memory (asked 64Gi, largest free 11Gi on host2), 1 cordoned"
    );
}

#[test]
fn a_pool_without_room_is_none() {
    let mut fleet = [host("host1", 8 * GIB), host("host2", 8 * GIB)];
    fleet[0].full = vec!["fast".into()];
    let request = Request {
        pools: vec!["fast".into()],
        ..asks(GIB)
    };
    assert_eq!(schedule(&request, &fleet).unwrap(), "host2");
    fleet[1].full = vec!["fast".into()];
    let message = schedule(&request, &fleet).unwrap_err().message;
    assert_eq!(message, "0 of 2 hosts fit: 2 without room in pool fast");
    assert_eq!(schedule(&asks(GIB), &fleet).unwrap(), "host1");
}

#[test]
fn each_filter_has_its_words() {
    let fleet = [host("host1", 8 * GIB)];
    type Change = fn(&mut Request);
    let table: [(Change, &str); 6] = [
        (|r| r.host = Some("x".into()), "1 not x"),
        (|r| r.pools = vec!["slow".into()], "1 without pool slow"),
        (|r| r.networks = vec!["wan".into()], "1 without network wan"),
        (
            |r| r.architecture = Some("s390x".into()),
            "1 cannot run s390x",
        ),
        (
            |r| r.vcpus = 9,
            "1 insufficient cpu (asked 9, largest free 8 on host1)",
        ),
        (
            |r| r.data_on = vec!["host7".into()],
            "1 without its volumes (on host7)",
        ),
    ];
    for (change, words) in table {
        let mut request = asks(GIB);
        change(&mut request);
        let message = schedule(&request, &fleet).unwrap_err().message;
        assert_eq!(message, format!("0 of 1 hosts fit: {words}"));
    }
    let mut gone = host("host1", 8 * GIB);
    gone.reachable = false;
    assert!(
        schedule(&asks(GIB), &[gone])
            .unwrap_err()
            .message
            .ends_with("1 unreachable")
    );
    assert_eq!(
        schedule(&asks(1), &[]).unwrap_err().message,
        "0 of 0 hosts fit: there is no Host"
    );
}

proptest! {
    #[test]
    fn nothing_is_promised_twice(sizes in proptest::collection::vec(1_u64..9, 1..40)) {
        let mut fleet = [host("a", 16 * GIB), host("b", 12 * GIB), host("c", 4 * GIB)];
        for size in sizes {
            if let Ok(name) = schedule(&asks(size * GIB), &fleet) {
                let chosen = fleet.iter_mut().find(|host| host.name == name);
                let chosen = chosen.ok_or_else(|| TestCaseError::fail("not in the fleet"))?;
                chosen.used_memory += size * GIB;
                chosen.used_cpus += 1;
                prop_assert!(chosen.used_memory <= chosen.memory && chosen.used_cpus <= chosen.cpus);
            } else {
                let fits = |host: &Candidate| {
                    host.memory - host.used_memory >= size * GIB && host.used_cpus < host.cpus
                };
                prop_assert!(!fleet.iter().any(fits));
            }
        }
    }
}
