//! Every event of the tables: encoded from its type, sent by a server, and heard as the same.

use drover_rpc_proto::procedure::Kind;
use drover_rpc_proto::remote::*;
use drover_rpc_proto::{qemu, remote};
use drover_xdr::to_bytes;

use super::pair;
use super::server::Server;
use crate::client::Client;
use crate::error::Error;
use crate::subscription::{Notice, Subscription};
use crate::typed::TypedParams;

/// The number that the server gives the registration.
const CALLBACK: i32 = 7;

/// What is registered for.
#[derive(Debug, Clone, Copy)]
enum Of {
    Domain(i32),
    Network(i32),
    Pool(i32),
    Device(i32),
    Secret(i32),
    /// It comes without a registration.
    Nobody,
}

struct Case {
    procedure: i32,
    of: Of,
    body: Vec<u8>,
    event: Event,
}

/// A number, what is registered for it, its variant and its value.
macro_rules! events {
    ($($procedure:literal $of:expr => $variant:ident($value:expr);)*) => {
        vec![$({
            let value = $value;
            Case {
                procedure: $procedure,
                of: $of,
                body: to_bytes(&value).unwrap(),
                event: Event::$variant(value),
            }
        }),*]
    };
}

/// Events of before 2014, and the same with the number of a registration in front.
macro_rules! both {
    ($($old:literal $plain:ident $id:literal $new:literal $variant:ident $type:ident: $value:expr;)*) => {
        vec![$({
            let msg = $value;
            let numbered = $type { callback_id: CALLBACK, msg: msg.clone() };
            [
                Case {
                    procedure: $old,
                    of: Of::Nobody,
                    body: to_bytes(&msg).unwrap(),
                    event: Event::$plain(msg),
                },
                Case {
                    procedure: $new,
                    of: Of::Domain($id),
                    body: to_bytes(&numbered).unwrap(),
                    event: Event::$variant(numbered),
                },
            ]
        }),*].into_iter().flatten().collect::<Vec<Case>>()
    };
}

fn all() -> Vec<Case> {
    [old_and_new(), asleep(), of_domains(), of_others()]
        .into_iter()
        .flatten()
        .collect()
}

fn dom() -> Domain {
    Domain {
        name: "a".into(),
        uuid: [7; 16],
        id: 3,
    }
}

fn params() -> Vec<TypedParam> {
    let params = TypedParams::new().with_u64("cputune.vcpupin0", 3);
    params.with_str("blkdeviotune.disk", "vda").into_wire()
}

fn address(node: &str) -> DomainEventGraphicsAddress {
    DomainEventGraphicsAddress {
        family: 1,
        node: node.into(),
        service: "5900".into(),
    }
}

fn graphics() -> DomainEventGraphicsMsg {
    DomainEventGraphicsMsg {
        dom: dom(),
        phase: 1,
        local: address("::1"),
        remote: address("::2"),
        auth_scheme: "vnc".into(),
        subject: vec![DomainEventGraphicsIdentity {
            type_: "x509dname".into(),
            name: "CN=joe".into(),
        }],
    }
}

fn old_and_new() -> Vec<Case> {
    both! {
        107 DomainEventLifecycle 0 318 DomainEventCallbackLifecycle DomainEventCallbackLifecycleMsg:
            DomainEventLifecycleMsg { dom: dom(), event: 5, detail: 1 };
        169 DomainEventReboot 1 319 DomainEventCallbackReboot DomainEventCallbackRebootMsg:
            DomainEventRebootMsg { dom: dom() };
        170 DomainEventRtcChange 2 320 DomainEventCallbackRtcChange DomainEventCallbackRtcChangeMsg:
            DomainEventRtcChangeMsg { dom: dom(), offset: -3600 };
        171 DomainEventWatchdog 3 321 DomainEventCallbackWatchdog DomainEventCallbackWatchdogMsg:
            DomainEventWatchdogMsg { dom: dom(), action: 2 };
        172 DomainEventIoError 4 322 DomainEventCallbackIoError DomainEventCallbackIoErrorMsg:
            DomainEventIoErrorMsg { dom: dom(), src_path: "/a".into(), dev_alias: "vda".into(), action: 1 };
        173 DomainEventGraphics 5 323 DomainEventCallbackGraphics DomainEventCallbackGraphicsMsg:
            graphics();
        195 DomainEventIoErrorReason 6 324 DomainEventCallbackIoErrorReason DomainEventCallbackIoErrorReasonMsg:
            DomainEventIoErrorReasonMsg {
                dom: dom(), src_path: "/a".into(), dev_alias: "vda".into(), action: 1, reason: "enospc".into(),
            };
        224 DomainEventControlError 7 325 DomainEventCallbackControlError DomainEventCallbackControlErrorMsg:
            DomainEventControlErrorMsg { dom: dom() };
        241 DomainEventBlockJob 8 326 DomainEventCallbackBlockJob DomainEventCallbackBlockJobMsg:
            DomainEventBlockJobMsg { dom: dom(), path: "/a".into(), type_: 2, status: 3 };
        248 DomainEventDiskChange 9 327 DomainEventCallbackDiskChange DomainEventCallbackDiskChangeMsg:
            DomainEventDiskChangeMsg {
                dom: dom(), old_src_path: Some("/a".into()), new_src_path: None, dev_alias: "sda".into(), reason: 0,
            };
        268 DomainEventTrayChange 10 328 DomainEventCallbackTrayChange DomainEventCallbackTrayChangeMsg:
            DomainEventTrayChangeMsg { dom: dom(), dev_alias: "sda".into(), reason: 1 };
        276 DomainEventBalloonChange 13 331 DomainEventCallbackBalloonChange DomainEventCallbackBalloonChangeMsg:
            DomainEventBalloonChangeMsg { dom: dom(), actual: u64::MAX };
        311 DomainEventDeviceRemoved 15 333 DomainEventCallbackDeviceRemoved DomainEventCallbackDeviceRemovedMsg:
            DomainEventDeviceRemovedMsg { dom: dom(), dev_alias: "net0".into() };
    }
}

/// These have a reason between the number and the rest.
fn asleep() -> Vec<Case> {
    events! {
        269 Of::Nobody => DomainEventPmwakeup(DomainEventPmwakeupMsg { dom: dom() });
        270 Of::Nobody => DomainEventPmsuspend(DomainEventPmsuspendMsg { dom: dom() });
        292 Of::Nobody => DomainEventPmsuspendDisk(DomainEventPmsuspendDiskMsg { dom: dom() });
        329 Of::Domain(11) => DomainEventCallbackPmwakeup(DomainEventCallbackPmwakeupMsg {
            callback_id: CALLBACK, reason: 4, msg: DomainEventPmwakeupMsg { dom: dom() },
        });
        330 Of::Domain(12) => DomainEventCallbackPmsuspend(DomainEventCallbackPmsuspendMsg {
            callback_id: CALLBACK, reason: 4, msg: DomainEventPmsuspendMsg { dom: dom() },
        });
        332 Of::Domain(14) => DomainEventCallbackPmsuspendDisk(DomainEventCallbackPmsuspendDiskMsg {
            callback_id: CALLBACK, reason: 4, msg: DomainEventPmsuspendDiskMsg { dom: dom() },
        });
    }
}

fn of_domains() -> Vec<Case> {
    let (callback_id, dom) = (CALLBACK, dom);
    events! {
        339 Of::Domain(16) => DomainEventBlockJob2(DomainEventBlockJob2Msg {
            callback_id, dom: dom(), dst: "vda".into(), type_: 1, status: 0,
        });
        346 Of::Domain(17) => DomainEventCallbackTunable(DomainEventCallbackTunableMsg {
            callback_id, dom: dom(), params: params(),
        });
        348 Of::Domain(18) => DomainEventCallbackAgentLifecycle(DomainEventCallbackAgentLifecycleMsg {
            callback_id, dom: dom(), state: 1, reason: 2,
        });
        354 Of::Domain(19) => DomainEventCallbackDeviceAdded(DomainEventCallbackDeviceAddedMsg {
            callback_id, dom: dom(), dev_alias: "net1".into(),
        });
        359 Of::Domain(20) => DomainEventCallbackMigrationIteration(DomainEventCallbackMigrationIterationMsg {
            callback_id, dom: dom(), iteration: 9,
        });
        363 Of::Domain(21) => DomainEventCallbackJobCompleted(DomainEventCallbackJobCompletedMsg {
            callback_id, dom: dom(), params: params(),
        });
        367 Of::Domain(22) => DomainEventCallbackDeviceRemovalFailed(DomainEventCallbackDeviceRemovalFailedMsg {
            callback_id, dom: dom(), dev_alias: "net1".into(),
        });
        379 Of::Domain(23) => DomainEventCallbackMetadataChange(DomainEventCallbackMetadataChangeMsg {
            callback_id, dom: dom(), type_: 2, nsuri: Some("urn:a".into()),
        });
        385 Of::Domain(24) => DomainEventBlockThreshold(DomainEventBlockThresholdMsg {
            callback_id, dom: dom(), dev: "vda".into(), path: None, threshold: 10, excess: 1,
        });
        423 Of::Domain(25) => DomainEventMemoryFailure(DomainEventMemoryFailureMsg {
            callback_id, dom: dom(), recipient: 1, action: 2, flags: 3,
        });
        438 Of::Domain(26) => DomainEventMemoryDeviceSizeChange(DomainEventMemoryDeviceSizeChangeMsg {
            callback_id, dom: dom(), alias: "virtiomem0".into(), size: 1 << 40,
        });
        453 Of::Domain(27) => DomainEventNicMacChange(DomainEventNicMacChangeMsg {
            callback_id, dom: dom(), alias: "net0".into(), old_mac: "52:54:00:00:00:01".into(),
            new_mac: "52:54:00:00:00:02".into(),
        });
    }
}

fn of_others() -> Vec<Case> {
    let callback_id = CALLBACK;
    let net = || Network {
        name: "n".into(),
        uuid: [8; 16],
    };
    let pool = || StoragePool {
        name: "p".into(),
        uuid: [9; 16],
    };
    let dev = || NodeDevice { name: "d".into() };
    let secret = || Secret {
        uuid: [6; 16],
        usage_type: 1,
        usage_id: "/s".into(),
    };
    events! {
        315 Of::Network(0) => NetworkEventLifecycle(NetworkEventLifecycleMsg {
            callback_id, net: net(), event: 2, detail: 0,
        });
        446 Of::Network(1) => NetworkEventCallbackMetadataChange(NetworkEventCallbackMetadataChangeMsg {
            callback_id, net: net(), type_: 2, nsuri: None,
        });
        362 Of::Nobody => ConnectEventConnectionClosed(ConnectEventConnectionClosedMsg { reason: 2 });
        370 Of::Pool(0) => StoragePoolEventLifecycle(StoragePoolEventLifecycleMsg {
            callback_id, pool: pool(), event: 2, detail: 0,
        });
        373 Of::Pool(1) => StoragePoolEventRefresh(StoragePoolEventRefreshMsg { callback_id, pool: pool() });
        376 Of::Device(0) => NodeDeviceEventLifecycle(NodeDeviceEventLifecycleMsg {
            callback_id, dev: dev(), event: 1, detail: 0,
        });
        377 Of::Device(1) => NodeDeviceEventUpdate(NodeDeviceEventUpdateMsg { callback_id, dev: dev() });
        382 Of::Secret(0) => SecretEventLifecycle(SecretEventLifecycleMsg {
            callback_id, secret: secret(), event: 1, detail: 0,
        });
        383 Of::Secret(1) => SecretEventValueChanged(SecretEventValueChangedMsg {
            callback_id, secret: secret(),
        });
    }
}

#[test]
fn every_event_of_the_table_is_among_them() {
    let mut tried: Vec<i32> = all().iter().map(|case| case.procedure).collect();
    tried.sort_unstable();
    let rows = remote::TABLE.iter().filter(|row| row.kind == Kind::Event);
    let there: Vec<i32> = rows.map(|row| row.number).collect();
    assert_eq!((tried, 53), (there, 53));
    assert_eq!(
        qemu::TABLE
            .iter()
            .filter(|row| row.kind == Kind::Event)
            .count(),
        1
    );
}

#[test]
fn every_event_is_read_as_its_type() {
    for case in all() {
        let read = Event::decode(case.procedure, &case.body);
        assert_eq!(read, Ok(Some(case.event)));
        // And nothing else is.
        for length in 0..case.body.len() {
            let cut = Event::decode(case.procedure, &case.body[..length]);
            assert!(cut.is_err(), "{} at {length}", case.procedure);
        }
    }
}

async fn subscribe(client: &Client, of: Of) -> Result<Subscription, Error> {
    match of {
        Of::Domain(id) => client.subscribe_domain(id, None).await,
        Of::Network(id) => client.subscribe_network(id, None).await,
        Of::Pool(id) => client.subscribe_storage_pool(id, None).await,
        Of::Device(id) => client.subscribe_node_device(id, None).await,
        Of::Secret(id) => client.subscribe_secret(id, None).await,
        Of::Nobody => unreachable!(),
    }
}

async fn accept(server: &mut Server) -> Vec<u8> {
    let request = server.next().await.unwrap();
    server.reply(&request, &CALLBACK.to_be_bytes()).await;
    request.body
}

#[tokio::test(start_paused = true)]
async fn every_event_is_heard_by_whoever_registered_for_it() {
    let mut heard = 0;
    for case in all() {
        if matches!(case.of, Of::Nobody) {
            continue;
        }
        let (client, mut server) = pair();
        let (listening, _) = tokio::join!(subscribe(&client, case.of), accept(&mut server));
        let mut listening = listening.unwrap();
        // The second listener shares the registration.
        let mut other = subscribe(&client, case.of).await.unwrap();
        server.event(case.procedure, &case.body).await;
        for listener in [&mut listening, &mut other] {
            match listener.next().await {
                Some(Notice::Event(event)) => assert_eq!(*event, case.event),
                other => panic!("{}: {other:?}", case.procedure),
            }
        }
        assert!(server.is_quiet().await);
        heard += 1;
    }
    assert_eq!(heard, 36);
}

#[tokio::test(start_paused = true)]
async fn events_that_nobody_registered_for_are_passed_over() {
    let (client, mut server) = pair();
    for case in all() {
        server.event(case.procedure, &case.body).await;
    }
    let (version, _) = tokio::join!(
        client.connect_get_lib_version(),
        server.answer(157, &[0; 8])
    );
    assert_eq!(version, Ok(0));
}

#[tokio::test(start_paused = true)]
async fn an_event_of_qemus_monitor_is_heard_with_and_without_details() {
    let (client, mut server) = pair();
    let args = qemu::ConnectDomainMonitorEventRegisterArgs {
        dom: None,
        event: None,
        flags: 0,
    };
    let (listening, _) = tokio::join!(client.subscribe_qemu_monitor(args), accept(&mut server));
    let mut listening = listening.unwrap();
    for details in [Some("{}".into()), None] {
        let message = qemu::DomainMonitorEventMsg {
            callback_id: CALLBACK,
            dom: dom(),
            event: "RESET".into(),
            seconds: 1,
            micros: 2,
            details,
        };
        let body = to_bytes(&message).unwrap();
        server
            .event_of(drover_rpc_proto::program::QEMU, 6, &body)
            .await;
        match listening.next().await {
            Some(Notice::Qemu(event)) => {
                assert_eq!(*event, qemu::Event::DomainMonitorEvent(message));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_to_listen_to_goes_into_the_registration() {
    let (client, mut server) = pair();
    let (mine, asked) = tokio::join!(client.subscribe_domain(0, Some(dom())), accept(&mut server));
    let args = ConnectDomainEventCallbackRegisterAnyArgs {
        event_id: 0,
        dom: Some(dom()),
    };
    assert_eq!(asked, to_bytes(&args).unwrap());
    // Of all domains is another registration; the same again is not.
    let same = client.subscribe_domain(0, Some(dom())).await.unwrap();
    let (all, asked) = tokio::join!(client.subscribe_domain(0, None), accept(&mut server));
    assert_eq!(asked, [0; 8]);
    drop((mine, same, all));
}
