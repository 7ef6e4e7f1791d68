//! What the objects alone say of where machines would go.

#![allow(clippy::unwrap_used, clippy::panic)]

use drover_crds::virtual_machine::PLACE_FREED;
use serde_json::{Value, json};

use super::*;
use crate::cli::ClusterArgs;

fn given(plural: &str, object: Value) -> Given {
    Given {
        file: "a test".to_owned(),
        written: object.clone(),
        plural: plural.to_owned(),
        object,
    }
}

// Of four CPUs, which are not promised more than once.
fn host(name: &str) -> Given {
    let connected = json!({"type": "Connected", "status": "True", "reason": "Connected",
        "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    given(
        "hosts",
        json!({
            "apiVersion": "drover.dev/v1alpha1", "kind": "Host",
            "metadata": {"name": name, "uid": name, "generation": 1},
            "spec": {"uri": "qemu+tls://kvm/system"},
            "status": {"conditions": [connected], "architecture": "x86_64",
                "allocatable": {"cpu": "4", "memory": "64Gi"}},
        }),
    )
}

fn machine(name: &str, cores: u32, placement: Value) -> Given {
    given(
        "virtualmachines",
        json!({
            "apiVersion": "drover.dev/v1alpha1", "kind": "VirtualMachine",
            "metadata": {"name": name, "namespace": "shop", "uid": name, "generation": 1},
            "spec": {"cpu": {"cores": cores}, "memory": {"guest": "1Gi"}, "placement": placement},
        }),
    )
}

// Bound to a host, with its place or without.
fn bound(mut machine: Given, host: &str, freed: bool) -> Given {
    let (status, reason) = match freed {
        true => ("False", PLACE_FREED),
        false => ("True", "Placed"),
    };
    machine.object["status"] = json!({"host": host, "epoch": 1, "conditions": [{
        "type": "Scheduled", "status": status, "reason": reason, "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]});
    machine
}

async fn answer(objects: &[Given], name: &str) -> Result<String, String> {
    let args = ScheduleArgs {
        explain: Some(name.to_owned()),
        what_if: None,
        host: None,
        without: Vec::new(),
        connect: Vec::new(),
        insecure: false,
        fleet: "lab".to_owned(),
        cluster: ClusterArgs {
            kubeconfig: None,
            context: None,
        },
        namespace: "shop".to_owned(),
        output: Output::Text,
    };
    let session = Session::told(&args.hosts(), objects).await.unwrap();
    let answer = Answer::of(&session, "shop", name, &args).await;
    answer.unwrap().chosen
}

#[tokio::test]
async fn a_place_that_is_given_up_is_for_others() {
    let there = || machine("batch", 4, json!({"whenHalted": "FreePlace"}));
    let new = || machine("web", 4, json!({}));
    for (freed, fits) in [(false, false), (true, true)] {
        let objects = [host("kvm-1"), bound(there(), "kvm-1", freed), new()];
        let chosen = answer(&objects, "web").await;
        assert_eq!(chosen.is_ok(), fits, "{chosen:?}");
    }
}

#[tokio::test]
async fn who_would_have_to_stop_is_told_if_both_allow_it() {
    for (theirs, own, told) in [
        ("Allowed", "Allowed", true),
        ("Never", "Allowed", false),
        ("Allowed", "Never", false),
    ] {
        let there = machine("batch", 4, json!({"preemption": theirs}));
        let new = machine("web", 4, json!({"priority": 1, "preemption": own}));
        let mut there = bound(there, "kvm-1", false);
        let uuid = drover_core::identity::machine_uuid("lab", "shop", "batch");
        there.object["status"]["uuid"] = uuid.to_string().into();
        let why = answer(&[host("kvm-1"), there, new], "web")
            .await
            .unwrap_err();
        assert_eq!(
            why.ends_with("; on kvm-1 when shop/batch has stopped"),
            told,
            "{why}"
        );
    }
}

#[tokio::test]
async fn who_makes_room_for_one_is_not_asked_by_another() {
    let there = |name: &str, host: &str| {
        let mut there = bound(
            machine(name, 4, json!({"preemption": "Allowed"})),
            host,
            false,
        );
        let uuid = drover_core::identity::machine_uuid("lab", "shop", name);
        there.object["status"]["uuid"] = uuid.to_string().into();
        there
    };
    let mut asked = there("batch-1", "kvm-1");
    let by = json!({"namespace": "shop", "name": "db", "uid": "db", "stopped": true});
    asked.object["status"]["preemptedBy"] = by;
    let new = machine("web", 4, json!({"priority": 1, "preemption": "Allowed"}));
    let mut objects = vec![host("kvm-1"), asked, new];
    let why = answer(&objects, "web").await.unwrap_err();
    assert!(!why.contains("batch-1"), "{why}");
    assert!(why.contains("insufficient cpu"), "it still counts: {why}");
    objects.extend([host("kvm-2"), there("batch-2", "kvm-2")]);
    let why = answer(&objects, "web").await.unwrap_err();
    assert!(
        why.ends_with("; on kvm-2 when shop/batch-2 has stopped"),
        "{why}"
    );
}

#[tokio::test]
async fn machines_of_one_group_are_told_as_a_group() {
    let db = |name: &str| machine(name, 2, json!({"group": {"name": "db", "minMember": 3}}));
    let mut objects = vec![host("kvm-1"), db("db-1"), db("db-2")];
    let few = answer(&objects, "db-1").await.unwrap_err();
    assert_eq!(few, "group \"db\": 2 of 3 machines are there");
    objects.push(db("db-3"));
    let full = answer(&objects, "db-1").await.unwrap_err();
    assert_eq!(
        full,
        "group \"db\": 2 of 3 machines fit together; for shop/db-3: 0 of 1 hosts fit: 1 insufficient \
         cpu (asked 2, largest free 0 on kvm-1)"
    );
    objects.push(host("kvm-2"));
    assert!(answer(&objects, "db-1").await.is_ok());
    // Of another namespace it would be another group.
    let placed = bound(db("db-0"), "kvm-1", false);
    let objects = [host("kvm-1"), placed, db("db-1"), db("db-2")];
    let left = answer(&objects, "db-1").await.unwrap_err();
    assert_eq!(
        left,
        "group \"db\": 2 of 3 machines fit together; for shop/db-2: 0 of 1 hosts fit: 1 insufficient \
         cpu (asked 2, largest free 0 on kvm-1)"
    );
}
