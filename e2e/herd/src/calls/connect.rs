//! What is asked of a connection and its host.

use drover_rpc_proto::remote::procedures::{
    AuthList, ConnectClose, ConnectDomainEventCallbackDeregisterAny,
    ConnectDomainEventCallbackRegisterAny, ConnectGetCapabilities, ConnectGetHostname,
    ConnectGetLibVersion, ConnectGetType, ConnectGetUri, ConnectGetVersion,
    ConnectListAllNodeDevices, ConnectNetworkEventDeregisterAny, ConnectNetworkEventRegisterAny,
    ConnectNodeDeviceEventDeregisterAny, ConnectNodeDeviceEventRegisterAny, ConnectOpen,
    ConnectStoragePoolEventDeregisterAny, ConnectStoragePoolEventRegisterAny,
    ConnectSupportsFeature, NodeGetInfo,
};
use drover_rpc_proto::remote::{
    AuthListRet, AuthType, ConnectDomainEventCallbackRegisterAnyRet, ConnectGetCapabilitiesRet,
    ConnectGetHostnameRet, ConnectGetLibVersionRet, ConnectGetTypeRet, ConnectGetUriRet,
    ConnectGetVersionRet, ConnectListAllNodeDevicesRet, ConnectNetworkEventRegisterAnyRet,
    ConnectNodeDeviceEventRegisterAnyRet, ConnectStoragePoolEventRegisterAnyRet,
    ConnectSupportsFeatureRet,
};
use uuid::Uuid;

use super::{Call, one_of};
use crate::connection::Session;
use crate::driver::LIBVIRT;
use crate::host::{Failure, Of};
use crate::options::Options;

// The one feature that may be asked for before the connection is opened.
const KEEPALIVE: i32 = 10;
// VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV, _USB_DEV and _MDEV: there are none.
const GIVEN: u32 = 2 | 4 | 1 << 14;

pub(super) fn answer(call: &mut Call<'_>) -> bool {
    before(call) || about(call) || events(call)
}

// What needs no open connection. The end of this is that everything else does.
fn before(call: &mut Call<'_>) -> bool {
    let known = one_of_before(call);
    if !known && !call.session.opened {
        call.refuse(&Failure::internal(
            "internal error: hypervisor connection not open",
        ));
        return true;
    }
    known
}

fn one_of_before(call: &mut Call<'_>) -> bool {
    one_of!(call,
        AuthList => |_, ()| Ok(AuthListRet { types: vec![AuthType::NONE] }),
        ConnectSupportsFeature => |session, args| {
            if !session.opened && args.feature != KEEPALIVE {
                return Err(Failure::internal("internal error: hypervisor connection not open"));
            }
            let supported = i32::from(session.host.driver.has_feature(args.feature));
            Ok(ConnectSupportsFeatureRet { supported })
        },
        ConnectOpen => |session, args| {
            let wanted = args.name.unwrap_or_default();
            if std::mem::take(&mut session.opened) {
                return Err(Failure::failed("connection already open"));
            }
            if args.flags != 0 {
                return Err(Failure::unsupported("connections that only look"));
            }
            if wanted.as_str() != Some(session.host.driver.uri()) {
                return Err(Failure::failed(format!("no driver for {wanted} here")));
            }
            session.opened = true;
            Ok(())
        },
    )
}

fn about(call: &mut Call<'_>) -> bool {
    one_of!(call,
        ConnectClose => |session, ()| {
            session.closing = true;
            Ok(())
        },
        ConnectGetType => |session, ()| {
            let type_ = session.host.driver.type_word().into();
            Ok(ConnectGetTypeRet { type_ })
        },
        ConnectGetVersion => |session, ()| {
            let hv_ver = session.host.driver.version();
            Ok(ConnectGetVersionRet { hv_ver })
        },
        ConnectGetLibVersion => |_, ()| Ok(ConnectGetLibVersionRet { lib_ver: LIBVIRT }),
        ConnectGetHostname => |session, ()| {
            let hostname = Options::name(session.host.number).as_str().into();
            Ok(ConnectGetHostnameRet { hostname })
        },
        ConnectGetUri => |session, ()| {
            let uri = session.host.driver.uri().into();
            Ok(ConnectGetUriRet { uri })
        },
        ConnectGetCapabilities => |session, ()| {
            let host = &session.host;
            let capabilities = host.driver.capabilities(host.uuid).as_str().into();
            Ok(ConnectGetCapabilitiesRet { capabilities })
        },
        ConnectListAllNodeDevices => |_, args| {
            if args.flags & !GIVEN != 0 || args.flags == 0 {
                return Err(Failure::unsupported("devices that no guest is given"));
            }
            Ok(ConnectListAllNodeDevicesRet { devices: Vec::new(), ret: 0 })
        },
        NodeGetInfo => |session, ()| {
            let host = &session.host;
            Ok(host.driver.node(host.cpus, host.memory_gib))
        },
    )
}

fn listen(session: &Session, of: Of, event: i32, only: Option<[u8; 16]>) -> Result<i32, Failure> {
    let who = (session.id, &session.tell);
    let only = only.map(Uuid::from_bytes);
    session.host.state().listen(who, (of, event), only)
}

fn unlisten(session: &Session, of: Of, callback: i32) -> Result<(), Failure> {
    session.host.state().unlisten(session.id, of, callback)
}

fn events(call: &mut Call<'_>) -> bool {
    one_of!(call,
        ConnectDomainEventCallbackRegisterAny => |session, args| {
            let only = args.dom.map(|it| it.uuid);
            let callback_id = listen(session, Of::Domains, args.event_id, only)?;
            Ok(ConnectDomainEventCallbackRegisterAnyRet { callback_id })
        },
        ConnectDomainEventCallbackDeregisterAny => |session, args| {
            unlisten(session, Of::Domains, args.callback_id)
        },
        ConnectNetworkEventRegisterAny => |session, args| {
            let only = args.net.map(|it| it.uuid);
            let callback_id = listen(session, Of::Networks, args.event_id, only)?;
            Ok(ConnectNetworkEventRegisterAnyRet { callback_id })
        },
        ConnectNetworkEventDeregisterAny => |session, args| {
            unlisten(session, Of::Networks, args.callback_id)
        },
        ConnectNodeDeviceEventRegisterAny => |session, args| {
            if args.dev.is_some() {
                return Err(Failure::unsupported("events of one device"));
            }
            let callback_id = listen(session, Of::Devices, args.event_id, None)?;
            Ok(ConnectNodeDeviceEventRegisterAnyRet { callback_id })
        },
        ConnectNodeDeviceEventDeregisterAny => |session, args| {
            unlisten(session, Of::Devices, args.callback_id)
        },
        ConnectStoragePoolEventRegisterAny => |session, args| {
            let only = args.pool.map(|it| it.uuid);
            let callback_id = listen(session, Of::Pools, args.event_id, only)?;
            Ok(ConnectStoragePoolEventRegisterAnyRet { callback_id })
        },
        ConnectStoragePoolEventDeregisterAny => |session, args| {
            unlisten(session, Of::Pools, args.callback_id)
        },
    )
}
