//! What a host says of itself, and whom it tells of events.

use drover_core::observed::capabilities::Capabilities;
use drover_core::observed::node_device::NodeDevice;
use drover_rpc::proto::remote::procedures::{
    ConnectDomainEventCallbackDeregisterAny, ConnectDomainEventCallbackRegisterAny,
    ConnectNodeDeviceEventDeregisterAny, ConnectNodeDeviceEventRegisterAny,
};
use drover_rpc::proto::remote::{
    ConnectDomainEventCallbackRegisterAnyArgs, ConnectNodeDeviceEventDeregisterAnyArgs,
    ConnectNodeDeviceEventRegisterAnyArgs,
};
use drover_rpc::{Client, Error};

use super::talk::Talk;

// Those of the remote driver itself: events, and that a connection tells its end.
const FEATURES: [i32; 5] = [9, 10, 14, 15, 16];
// Devices of PCI, of USB, and mediated ones.
const GIVEN: u32 = 2 | 4 | 1 << 14;

pub(super) async fn live(talk: &mut Talk) {
    let client = talk.client.clone();
    let type_ = client.connect_get_type().await;
    talk.answer("type", type_.map(|it| it.to_string()));
    let version = client.connect_get_lib_version().await;
    talk.answer("version", version);
    let uri = client.connect_get_uri().await;
    talk.answer("URI", uri.map(|it| it.to_string()));
    for feature in FEATURES {
        let supported = client.connect_supports_feature(feature).await;
        talk.answer(&format!("feature {feature}"), supported);
    }
    let xml = client.connect_get_capabilities().await;
    let flavor = xml.map(|xml| {
        let capabilities = Capabilities::parse(&xml.to_string_lossy()).unwrap();
        (capabilities.flavor(None), capabilities.flavor(Some("vax")))
    });
    talk.answer("capabilities", flavor);
    if talk.driver == "test" {
        let node = client.node_get_info().await;
        talk.answer("node", node);
    }
    let devices = devices(&client).await;
    talk.answer("devices", devices);
    registrations(talk).await;
    of_devices(talk).await;
}

// Those that guests can be given.
async fn devices(client: &Client) -> Result<Vec<NodeDevice>, Error> {
    let list = client.connect_list_all_node_devices(1, GIVEN).await?;
    let mut found = Vec::new();
    for device in list.devices {
        let xml = client.node_device_get_xml_desc(device.name, 0).await?;
        found.extend(NodeDevice::parse(&xml.to_string_lossy()).unwrap());
    }
    Ok(found)
}

async fn of_devices(talk: &mut Talk) {
    let client = talk.client.clone();
    for event_id in [0, 1, 2, -1] {
        let args = ConnectNodeDeviceEventRegisterAnyArgs {
            event_id,
            dev: None,
        };
        let call = client.call::<ConnectNodeDeviceEventRegisterAny>(args);
        let step = format!("events of devices {event_id}");
        if let Some(made) = talk.went(&step, call.await) {
            let args = ConnectNodeDeviceEventDeregisterAnyArgs {
                callback_id: made.callback_id,
            };
            let call = client.call::<ConnectNodeDeviceEventDeregisterAny>(args);
            talk.went("no more events of devices", call.await);
        }
    }
}

// Each once, and only those that there are.
async fn registrations(talk: &mut Talk) {
    let client = talk.client.clone();
    for event_id in [0, 22, 26, 27, 99, -1] {
        let args = ConnectDomainEventCallbackRegisterAnyArgs {
            event_id,
            dom: None,
        };
        let step = format!("events {event_id}");
        let call = client.call::<ConnectDomainEventCallbackRegisterAny>(args);
        if let Some(made) = talk.went(&step, call.await) {
            let args = drover_rpc::proto::remote::ConnectDomainEventCallbackDeregisterAnyArgs {
                callback_id: made.callback_id,
            };
            for step in ["no more events", "no more events again"] {
                let call = client.call::<ConnectDomainEventCallbackDeregisterAny>(args.clone());
                talk.went(step, call.await);
            }
        }
    }
}
