use proptest::prelude::*;

use super::{Candidate, Counts, Fleet, Guest, GuestWanted, Request, Rules, Taint, schedule};
use super::{Effect, Usage, Weights};

const GIB: u64 = 1 << 30;

fn host(name: &str, memory: u64) -> Candidate {
    Candidate {
        name: name.into(),
        reachable: true,
        schedulable: true,
        guests: [Guest {
            architecture: "x86_64".into(),
            machine_types: vec!["pc".into()],
            ..Guest::default()
        }]
        .into(),
        cpus: 8,
        memory,
        pools: [("fast".to_owned(), 100 * GIB)].into(),
        networks: vec!["lan".into()],
        ..Candidate::default()
    }
}

fn asks(memory: u64) -> Request {
    let mut request = Request::default();
    request.machine.usage = Usage {
        vcpus: 1,
        memory,
        ..Usage::default()
    };
    request
}

fn asked(change: impl FnOnce(&mut Rules)) -> Request {
    let mut request = asks(GIB);
    change(&mut request.rules);
    request
}

fn chosen(request: &Request, hosts: &[Candidate]) -> String {
    schedule(request, &mut Fleet::of(hosts)).unwrap()
}

fn said(request: &Request, hosts: &[Candidate]) -> String {
    schedule(request, &mut Fleet::of(hosts))
        .unwrap_err()
        .to_string()
}

#[test]
fn the_fullest_wins_unless_the_weights_say_else() {
    let mut hosts = [host("a", 8 * GIB), host("b", 8 * GIB)];
    hosts[1].foreign.memory = GIB;
    assert_eq!(chosen(&asks(GIB), &hosts), "b");
    let mut fleet = Fleet::new(Weights::SPREAD);
    hosts.iter().for_each(|host| drop(fleet.upsert_host(host)));
    assert_eq!(schedule(&asks(GIB), &mut fleet).unwrap(), "a");
    hosts[0].foreign.cpus = 7;
    fleet.upsert_host(&hosts[0]);
    assert_eq!(schedule(&asks(GIB), &mut fleet).unwrap(), "b");
}

#[test]
fn every_refusal_is_counted_and_explained() {
    let mut cordoned = host("host1", 64 * GIB);
    cordoned.schedulable = false;
    assert_eq!(
        said(&asks(64 * GIB), &[cordoned, host("host2", 11 * GIB)]),
        "0 of 2 hosts fit: 1 insufficient memory (asked 64Gi, largest free 11Gi on host2), 1 cordoned"
    );
}

#[test]
fn the_most_frequent_reason_comes_first() {
    let mut hosts: Vec<_> = (1..=12)
        .map(|at| host(&format!("kvm-{at:02}"), 128 * GIB))
        .collect();
    hosts[2].memory = 256 * GIB;
    for host in &mut hosts[5..9] {
        let (key, value) = ("gpu".into(), "true".into());
        host.taints.push(Taint {
            key,
            value,
            effect: Effect::NoSchedule,
        });
    }
    hosts[9..11].iter_mut().for_each(|host| host.pools.clear());
    hosts[11].reachable = false;
    let mut request = asks(300 * GIB);
    request.rules.pools = vec!["fast".into()];
    assert_eq!(
        said(&request, &hosts),
        "0 of 12 hosts fit: 5 insufficient memory (asked 300Gi, largest free 256Gi on kvm-03), \
         4 taint gpu=true, 2 pool \"fast\" missing, 1 unreachable"
    );
}

#[test]
fn a_pool_without_room_is_none() {
    let mut hosts = [host("host1", 8 * GIB), host("host2", 8 * GIB)];
    hosts[0].pools.insert("fast".into(), GIB);
    let mut request = asks(GIB);
    request.rules.pools = vec!["fast".into()];
    request.machine.usage.pools = vec![("fast".into(), 2 * GIB)];
    assert_eq!(chosen(&request, &hosts), "host2");
    hosts[1].pools.insert("fast".into(), 0);
    assert_eq!(
        said(&request, &hosts),
        "0 of 2 hosts fit: 2 without room in pool \"fast\" (asked 2Gi, largest free 1Gi on host1)"
    );
}

#[test]
fn each_filter_has_its_words() {
    let hosts = [host("host1", 8 * GIB)];
    let guest = |change: fn(&mut GuestWanted)| asked(|rules| change(&mut rules.guest));
    let mut many = asks(GIB);
    many.machine.usage.vcpus = 9;
    for (request, words) in [
        (asked(|it| it.host = Some("x".into())), "1 not x"),
        (
            asked(|it| it.pools = vec!["slow".into()]),
            "1 pool \"slow\" missing",
        ),
        (
            asked(|it| it.networks = vec!["wan".into()]),
            "1 network \"wan\" missing",
        ),
        (
            guest(|it| it.architecture = Some("s390x".into())),
            "1 cannot run s390x",
        ),
        (
            guest(|it| it.machine_type = Some("q35".into())),
            "1 without machine type q35",
        ),
        (guest(|it| it.secure_boot = true), "1 without EFI firmware"),
        (guest(|it| it.tpm = true), "1 without a TPM emulator"),
        (
            many,
            "1 insufficient cpu (asked 9, largest free 8 on host1)",
        ),
        (
            asked(|it| it.data_on = vec!["host7".into()]),
            "1 without its volumes (on host7)",
        ),
    ] {
        assert_eq!(said(&request, &hosts), format!("0 of 1 hosts fit: {words}"));
    }
    let mut gone = host("host1", 8 * GIB);
    gone.reachable = false;
    assert!(said(&asks(GIB), &[gone]).ends_with("1 unreachable"));
    assert_eq!(said(&asks(1), &[]), "0 of 0 hosts fit: there is no Host");
}

#[test]
fn what_is_bound_to_a_host_waits_for_it() {
    let mut fleet = Fleet::default();
    let request = asks(6 * GIB);
    fleet.bind(&request.machine, &["a"], Counts::All);
    assert_eq!(fleet.hosts(), 0);
    fleet.upsert_host(&host("a", 8 * GIB));
    assert!(schedule(&request, &mut fleet).is_err());
    fleet.remove_host("a");
    fleet.upsert_host(&host("a", 8 * GIB));
    assert!(schedule(&request, &mut fleet).is_err());
    fleet.release(&request.machine.uid);
    assert_eq!(schedule(&request, &mut fleet).unwrap(), "a");
}

proptest! {
    #[test]
    fn nothing_is_promised_twice(sizes in proptest::collection::vec(1_u64..9, 1..40)) {
        let hosts = [host("a", 16 * GIB), host("b", 12 * GIB), host("c", 4 * GIB)];
        let mut fleet = Fleet::of(&hosts);
        let mut used = std::collections::BTreeMap::new();
        for (at, size) in sizes.into_iter().enumerate() {
            let mut request = asks(size * GIB);
            request.machine.uid = at.to_string();
            if let Ok(name) = schedule(&request, &mut fleet) {
                fleet.bind(&request.machine, &[&name], Counts::All);
                let (cpus, memory) = used.entry(name).or_insert((0, 0));
                (*cpus, *memory) = (*cpus + 1, *memory + size * GIB);
            }
        }
        for host in &hosts {
            let (cpus, memory) = used.get(&host.name).copied().unwrap_or_default();
            prop_assert!(cpus <= host.cpus && memory <= host.memory);
        }
    }
}
