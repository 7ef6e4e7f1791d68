//! Moving a real guest between two hosts with QEMU, which `DROVER_TEST_MIGRATE_FROM` and
//! `DROVER_TEST_MIGRATE_TO` name, such as `qemu+tcp://10.77.0.11/system`. The guest has no disk: its
//! firmware is all that runs. `DROVER_TEST_MIGRATE_ADDRESS` is the destination's address.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use drover_rpc::enums::{DomainRunningReason, DomainState};
use drover_rpc::flags::{DomainCreateFlags, DomainDestroyFlags, DomainMigrateFlags};
use drover_rpc::migrate::{MigrationError, MigrationOptions};
use drover_rpc::objects::StateReason;
use drover_rpc::{Client, ConnectOptions, Domain, TypedParams, fields};
use tokio::io::AsyncWriteExt;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} names what is to be tried"))
}

async fn hosts() -> (Client, Client) {
    let connect = async |name| {
        let uri = variable(name).parse().unwrap();
        Client::connect(&uri, ConnectOptions::default())
            .await
            .unwrap()
    };
    (
        connect("DROVER_TEST_MIGRATE_FROM").await,
        connect("DROVER_TEST_MIGRATE_TO").await,
    )
}

async fn remove(guest: &Domain) {
    guest.destroy(DomainDestroyFlags::empty()).await.unwrap();
}

async fn guest(host: &Client, other: &Client, name: &str) -> Domain {
    for host in [host, other] {
        // Left over from a run that failed.
        if let Ok(old) = host.domain(name).await {
            remove(&old).await;
        }
    }
    let xml = format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory>\
         <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><cpu mode='custom'>\
         <model>qemu64</model></cpu><devices><memballoon model='none'/></devices></domain>"
    );
    host.create_domain(&xml, DomainCreateFlags::empty())
        .await
        .unwrap()
}

fn options() -> MigrationOptions {
    let address = variable("DROVER_TEST_MIGRATE_ADDRESS");
    MigrationOptions::new(DomainMigrateFlags::LIVE).uri(&format!("tcp://{address}"))
}

#[tokio::test]
#[ignore = "needs two hosts with QEMU"]
async fn a_running_guest_moves() {
    let (from, to) = hosts().await;
    let guest = guest(&from, &to, "rpc-moves").await;
    let start = Instant::now();
    let moved = guest.migrate(&to, options()).await.unwrap();
    println!("moved in {:?}", start.elapsed());
    assert_eq!(moved.unconfirmed, None);
    assert_eq!(moved.domain.uuid(), guest.uuid());
    let status = moved.domain.status().await.unwrap();
    let migrated = StateReason::Running(DomainRunningReason::MIGRATED);
    assert_eq!(status.reason, migrated, "{status}");
    // A transient guest leaves nothing behind.
    assert!(guest.info().await.unwrap_err().not_found());
    remove(&moved.domain).await;
}

#[tokio::test]
#[ignore = "needs two hosts with QEMU"]
async fn a_paused_guest_stays_paused() {
    let (from, to) = hosts().await;
    let guest = guest(&from, &to, "rpc-paused").await;
    guest.suspend().await.unwrap();
    let moved = guest.migrate(&to, options()).await.unwrap();
    assert_eq!(
        moved.domain.status().await.unwrap().state,
        DomainState::PAUSED
    );
    remove(&moved.domain).await;
}

#[tokio::test]
#[ignore = "needs two hosts with QEMU"]
async fn a_cancelled_guest_runs_on() {
    let (from, to) = hosts().await;
    let guest = guest(&from, &to, "rpc-cancelled").await;
    // At this speed it would take minutes.
    let slow = options().bandwidth(1);
    let migration = guest.begin_migration(&to, slow).await.unwrap();
    let begun = Instant::now();
    loop {
        let sent = migration.progress().await.map(|job| job.data_processed);
        if sent.is_ok_and(|bytes| bytes > 0) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30) && !migration.is_finished());
    }
    migration.cancel();
    let error = migration.wait().await.unwrap_err();
    let unconfirmed = None;
    assert_eq!(error, MigrationError::Cancelled { unconfirmed });
    let status = guest.status().await.unwrap();
    assert_eq!(status.state, DomainState::RUNNING, "{status}");
    assert!(to.domain("rpc-cancelled").await.unwrap_err().not_found());
    remove(&guest).await;
}

#[tokio::test]
#[ignore = "needs two hosts with QEMU"]
async fn a_dropped_migration_is_undone() {
    let (from, to) = hosts().await;
    let guest = guest(&from, &to, "rpc-dropped").await;
    let sending = async {
        let begun = Instant::now();
        while guest.job_info().await.map_or(0, |job| job.data_processed) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(30));
        }
    };
    tokio::select! {
        ended = guest.migrate(&to, options().bandwidth(1)) => panic!("{ended:?}"),
        () = sending => {}
    }
    let begun = Instant::now();
    while to.domain("rpc-dropped").await.is_ok()
        || guest.status().await.unwrap().state != DomainState::RUNNING
    {
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
    remove(&guest).await;
}

#[tokio::test]
#[ignore = "needs two hosts with QEMU"]
async fn a_destination_that_refuses_leaves_the_guest_alone() {
    let (from, to) = hosts().await;
    let guest = guest(&from, &to, "rpc-refused").await;
    // It is there already.
    let twin = format!("<uuid>{}</uuid>", guest.uuid());
    let xml = format!(
        "<domain type='qemu'><name>rpc-refused</name>{twin}<memory unit='MiB'>16</memory>\
         <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>\
         <devices><memballoon model='none'/></devices></domain>"
    );
    let there = to
        .create_domain(&xml, DomainCreateFlags::empty())
        .await
        .unwrap();
    let error = guest.migrate(&to, options()).await.unwrap_err();
    assert!(
        matches!(
            error,
            MigrationError::Failed {
                unconfirmed: None,
                ..
            }
        ),
        "{error:?}"
    );
    let status = guest.status().await.unwrap();
    assert_eq!(status.state, DomainState::RUNNING, "{status}");
    // Its job has ended: it can be changed.
    guest.suspend().await.unwrap();
    for domain in [guest, there] {
        remove(&domain).await;
    }
}

#[tokio::test]
#[ignore = "needs two hosts with QEMU"]
async fn a_host_moves_its_guest_by_itself() {
    let (from, to) = hosts().await;
    let guest = guest(&from, &to, "rpc-peer").await;
    let uri = variable("DROVER_TEST_MIGRATE_TO");
    guest.migrate_to_uri(&uri, options()).await.unwrap();
    let there = to.domain("rpc-peer").await.unwrap();
    assert_eq!(there.status().await.unwrap().state, DomainState::RUNNING);
    assert!(guest.info().await.unwrap_err().not_found());
    remove(&there).await;
}

#[tokio::test]
#[ignore = "needs two hosts with QEMU"]
async fn a_host_moves_its_guest_through_the_daemons() {
    let (from, to) = hosts().await;
    let guest = guest(&from, &to, "rpc-tunnelled").await;
    let uri = variable("DROVER_TEST_MIGRATE_TO");
    let flags = DomainMigrateFlags::LIVE | DomainMigrateFlags::TUNNELLED;
    guest
        .migrate_to_uri(&uri, MigrationOptions::new(flags))
        .await
        .unwrap();
    let there = to.domain("rpc-tunnelled").await.unwrap();
    assert_eq!(there.status().await.unwrap().state, DomainState::RUNNING);
    assert!(guest.info().await.unwrap_err().not_found());
    remove(&there).await;
}

/// What a source's libvirtd calls at the destination, from here: it takes bytes of any kind, and what
/// they are worth is said at the end.
#[tokio::test]
#[ignore = "needs two hosts with QEMU"]
async fn a_tunnel_takes_bytes_and_is_given_up() {
    let (from, to) = hosts().await;
    let guest = guest(&from, &to, "rpc-tunnel").await;
    let flags = (DomainMigrateFlags::LIVE | DomainMigrateFlags::PEER2PEER).bits();
    let begun = from
        .domain_migrate_begin3_params(guest.wire().clone(), Vec::new(), flags)
        .await
        .unwrap();
    let params = TypedParams::new()
        .with_str(fields::MIGRATE_PARAM_DEST_XML, &begun.xml.to_string_lossy())
        .with_str(fields::MIGRATE_PARAM_DEST_NAME, "rpc-tunnel")
        .into_wire();
    let flags = flags | DomainMigrateFlags::TUNNELLED.bits();
    let (_, mut tunnel) = to
        .domain_migrate_prepare_tunnel3_params(params.clone(), begun.cookie_out, flags)
        .await
        .unwrap();
    assert!(to.domain("rpc-tunnel").await.is_ok());
    // As much as makes QEMU wait for more.
    tunnel.write_all(b"QEVM\0\0\0\x03").await.unwrap();
    let given_up = 1;
    let finish = to.domain_migrate_finish3_params(params, Vec::new(), flags, given_up);
    let error = finish.await.unwrap_err();
    // Code 93 says just that; if libvirtd sees its QEMU end first, it says this instead.
    println!("given up: {error}");
    assert!(error.libvirt().is_some(), "{error:?}");
    drop(tunnel);
    assert!(to.domain("rpc-tunnel").await.unwrap_err().not_found());
    let status = guest.status().await.unwrap();
    assert_eq!(status.state, DomainState::RUNNING, "{status}");
    remove(&guest).await;
}

#[tokio::test]
#[ignore = "needs two hosts with QEMU"]
async fn the_example_moves_a_guest() {
    let (from, to) = hosts().await;
    guest(&from, &to, "rpc-example").await;
    let address = format!("tcp://{}", variable("DROVER_TEST_MIGRATE_ADDRESS"));
    let output = tokio::process::Command::new(env!("CARGO"))
        .args([
            "run",
            "-q",
            "-p",
            "drover-rpc",
            "--example",
            "migrate",
            "--",
        ])
        .arg(variable("DROVER_TEST_MIGRATE_FROM"))
        .arg(variable("DROVER_TEST_MIGRATE_TO"))
        .args(["rpc-example", &address])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, "rpc-example: running (migrated)\n", "{output:?}");
    let there = to.domain("rpc-example").await.unwrap();
    remove(&there).await;
}
