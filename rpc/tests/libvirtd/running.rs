//! Events of a guest that runs, on the QEMU driver of the same server.

use std::time::Duration;

use drover_rpc::flags::{DomainCreateFlags, DomainDestroyFlags, DomainDeviceModifyFlags};
use drover_rpc::proto::qemu::{self, ConnectDomainMonitorEventRegisterArgs};
use drover_rpc::proto::remote::Event;
use drover_rpc::{Domain, Notice};

use crate::events::next;
use crate::qemu;

const REBOOT: i32 = 1;
const DEVICE_REMOVED: i32 = 15;
const DEVICE_ADDED: i32 = 19;

/// A guest that is only firmware, with a controller whose devices it does not have to let go of.
const GUEST: &str = "<domain type='qemu'><name>NAME</name><memory unit='MiB'>64</memory>\
    <os><type arch='x86_64' machine='q35'>hvm</type></os><devices>\
    <controller type='usb' model='qemu-xhci'/><memballoon model='none'/></devices></domain>";

const TABLET: &str = "<input type='tablet' bus='usb'><alias name='ua-tablet'/></input>";

async fn guest(name: &str) -> Domain {
    let client = qemu().await;
    // Left over from a run that failed.
    if let Ok(old) = client.domain(name).await {
        old.destroy(DomainDestroyFlags::empty()).await.unwrap();
    }
    let flags = DomainCreateFlags::empty();
    client
        .create_domain(&GUEST.replace("NAME", name), flags)
        .await
        .unwrap()
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn devices_come_and_go() {
    let guest = guest("rpc-devices").await;
    let client = guest.client();
    let mine = || Some(guest.wire().clone());
    let mut added = client.subscribe_domain(DEVICE_ADDED, mine()).await.unwrap();
    let removed = client.subscribe_domain(DEVICE_REMOVED, mine());
    let mut removed = removed.await.unwrap();
    let live = DomainDeviceModifyFlags::LIVE;
    guest.attach_device(TABLET, live).await.unwrap();
    let alias = next(&mut added, |event| match event {
        Event::DomainEventCallbackDeviceAdded(m) => Some(m.dev_alias.to_string()),
        _ => None,
    });
    assert_eq!(alias.await, "ua-tablet");
    guest.detach_device(TABLET, live).await.unwrap();
    let alias = next(&mut removed, |event| match event {
        Event::DomainEventCallbackDeviceRemoved(m) => Some(m.msg.dev_alias.to_string()),
        _ => None,
    });
    assert_eq!(alias.await, "ua-tablet");
    guest.destroy(DomainDestroyFlags::empty()).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn a_reset_is_told_by_libvirt_and_by_qemu() {
    let guest = guest("rpc-reset").await;
    let client = guest.client();
    let mut reboots = client
        .subscribe_domain(REBOOT, Some(guest.wire().clone()))
        .await
        .unwrap();
    let of_qemu = client.subscribe_qemu_monitor(ConnectDomainMonitorEventRegisterArgs {
        dom: Some(guest.wire().clone()),
        event: Some("RESET".into()),
        flags: 0,
    });
    let mut of_qemu = of_qemu.await.unwrap();
    client.domain_reset(guest.wire().clone(), 0).await.unwrap();
    let rebooted = next(&mut reboots, |event| match event {
        Event::DomainEventCallbackReboot(m) => Some(m.msg.dom.name.to_string()),
        _ => None,
    });
    assert_eq!(rebooted.await, "rpc-reset");
    let heard = tokio::time::timeout(Duration::from_secs(10), of_qemu.next()).await;
    let Ok(Some(Notice::Qemu(event))) = heard else {
        panic!("{heard:?}");
    };
    let qemu::Event::DomainMonitorEvent(message) = &*event;
    assert_eq!(message.event, "RESET");
    println!("{message:?}");
    guest.destroy(DomainDestroyFlags::empty()).await.unwrap();
}
