//! The API server's write rate is what bounds a fleet: how often a machine is written.

use drover_e2e::objects;

use crate::support::{World, audit};

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn few_writes_from_create_to_running() {
    let world = World::new();
    world.kubectl(&["delete", "-n", "demo", "vm/first", "--timeout=120s"]);
    // It goes after its machine; what is written for that does not count.
    world.wait_for("its volume is gone", || {
        world.get("volumes", "demo", "first-root").is_none()
    });
    let since = audit::now(&world.lab);
    objects::first_machine(&world.lab).unwrap();
    // An event may come a moment later; the machine's addresses come when the guest has them.
    objects::first_line(&world.lab).unwrap();
    let writes = audit::by_operator(&world.lab, since);
    let of = |resource: &str| {
        let all = writes.iter().filter(|write| write.resource == resource);
        all.map(|it| format!("{} {} by {} in {:?}", it.verb, it.name, it.uri, it.took))
            .collect::<Vec<_>>()
    };
    let machine: Vec<_> = of("virtualmachines");
    let (volume, events) = (of("volumes"), of("events"));
    println!("machine: {machine:#?}\nvolume: {volume:#?}\nevents: {events:#?}");
    for write in &writes {
        let others = ["virtualmachines", "volumes", "events", "leases"];
        assert!(others.contains(&write.resource.as_str()), "{write:?}");
    }
    assert!(!machine.is_empty() && machine.len() <= 3, "{machine:#?}");
    assert!(!volume.is_empty() && volume.len() <= 2, "{volume:#?}");
    assert!(events.len() <= 6, "one for each transition: {events:#?}");
}
