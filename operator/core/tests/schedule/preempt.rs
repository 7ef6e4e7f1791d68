//! Whether those that have to go may go, and are no more than have to.

use drover_core::schedule::{Counts, explain, preempt, schedule};
use proptest::prelude::*;

use crate::oracle::Plain;
use crate::world;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn only_those_go_that_have_to_and_may(seed in any::<u64>(), hosts in 1_usize..12) {
        let mut world = world(seed, hosts, 300);
        for _ in 0..30 {
            let mut request = world.request();
            request.machine.priority = 3;
            let before = explain(&request, &mut world.fleet);
            let plan = preempt(&request, &mut world.fleet);
            prop_assert_eq!(explain(&request, &mut world.fleet), before);
            let Some(plan) = plan else {
                continue;
            };
            prop_assert!(request.machine.preemption && !plan.victims.is_empty());
            prop_assert!(world.plain.choose(&request).is_err());
            for uid in &plan.victims {
                let victim = &world.plain.machines[uid];
                prop_assert!(victim.machine.preemption && victim.machine.priority < 3);
                prop_assert_eq!(&victim.hosts, std::slice::from_ref(&plan.host));
            }
            let mut without = world.plain.clone();
            without.machines.retain(|uid, _| !plan.victims.contains(uid));
            let fits = |plain: &Plain| plain.choose_of(&request, |it| it == plan.host).is_ok();
            prop_assert!(fits(&without));
            for uid in &plan.victims {
                let mut one_less = without.clone();
                one_less.machines.insert(uid.clone(), world.plain.machines[uid].clone());
                prop_assert!(!fits(&one_less), "{uid} need not go");
            }
        }
    }
}

#[test]
fn the_least_important_go() {
    let mut world = world(1, 1, 0);
    let mut host = world.plain.hosts["kvm-0"].clone();
    (host.cpus, host.memory) = (8, 1 << 40);
    (host.reachable, host.schedulable, host.max_machines) = (true, true, None);
    (host.taints, host.consent) = (Vec::new(), drover_core::desired::Consent::All);
    host.foreign = drover_core::schedule::Foreign::default();
    for (name, priorities) in [("a", [1, 4]), ("b", [2, 2]), ("c", [1, 1])] {
        host.name = name.into();
        world.fleet.upsert_host(&host);
        for (at, priority) in priorities.into_iter().enumerate() {
            let mut machine = world.request().machine;
            machine.anti_affinity.clear();
            (machine.priority, machine.preemption) = (priority, name != "c");
            machine.uid = format!("{name}-{at}");
            machine.usage = drover_core::schedule::Usage {
                vcpus: 4,
                ..Default::default()
            };
            world.fleet.bind(&machine, &[name], Counts::All);
        }
    }
    world.fleet.remove_host("kvm-0");
    let mut request = drover_core::schedule::Request::default();
    request.machine.usage.vcpus = 4;
    (request.machine.priority, request.machine.preemption) = (9, true);
    let plan = preempt(&request, &mut world.fleet).unwrap();
    assert_eq!(
        (plan.host.as_str(), plan.victims),
        ("a", vec!["a-0".to_owned()])
    );
    request.machine.usage.vcpus = 8;
    let plan = preempt(&request, &mut world.fleet).unwrap();
    assert_eq!((plan.host.as_str(), plan.victims.len()), ("b", 2));
    request.machine.priority = 2;
    assert_eq!(preempt(&request, &mut world.fleet), None);
    (request.machine.priority, request.machine.preemption) = (9, false);
    assert_eq!(preempt(&request, &mut world.fleet), None);
    assert!(schedule(&request, &mut world.fleet).is_err());
}
