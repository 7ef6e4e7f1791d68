//! A host's devices that guests can be given whole.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use drover_core::host_devices::{Given, NoDevice};
use drover_core::observed::domain::ObservedDomain;
use drover_core::observed::node_device::{Address, NodeDevice};
use drover_rpc::proto::remote;
use drover_rpc::{Client, code};
use futures::{StreamExt, TryStreamExt, stream};

use super::HostError;
use super::inventory::HostHandle;
use super::observe::ReadError;
use crate::reconcile::Key;

// VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV, _USB_DEV and _MDEV.
const KINDS: u32 = 2 | 4 | 1 << 14;
// What libvirt's names of them begin with.
const NAMES: [&str; 3] = ["pci_", "usb_", "mdev_"];
const AT_ONCE: usize = 4;

/// What machines were last given: their definitions may not say so yet.
#[derive(Debug, Default)]
pub struct Chosen(Mutex<HashMap<Key, Vec<Address>>>);

impl Chosen {
    /// Lets a machine choose, which is told what others were given. `is_there`: whether a machine still is
    /// on this host.
    ///
    /// # Errors
    /// What the choice ends with.
    pub fn choose(
        &self,
        key: &Key,
        is_there: impl Fn(&Key) -> bool,
        choose: impl FnOnce(HashSet<Address>) -> Result<Given, NoDevice>,
    ) -> Result<Given, NoDevice> {
        let mut chosen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        chosen.retain(|other, _| other != key && is_there(other));
        let given = choose(chosen.values().flatten().cloned().collect())?;
        let addresses = given.iter().map(|(_, address)| address.clone());
        chosen.insert(key.clone(), addresses.collect());
        Ok(given)
    }
}

impl HostHandle {
    /// The devices that guests can be given.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn devices(&self) -> Result<Arc<Vec<NodeDevice>>, HostError> {
        let client = self.client()?;
        if let Some(known) = self.begin(|inventory| inventory.devices.begin_look()) {
            return Ok(known);
        }
        let seen = read(&client).await.map_err(|error| {
            self.write(|inventory| inventory.devices.stale = true);
            error.into_host(self, "reading its devices")
        })?;
        let seen = Arc::new(seen);
        self.write(|inventory| inventory.devices.end_look(Arc::clone(&seen)));
        Ok(seen)
    }

    /// The devices of its guests, of each with which it is; without those of the domains that are left out.
    pub fn devices_of_guests(&self, leave: impl Fn(&ObservedDomain) -> bool) -> HashSet<Address> {
        self.read(|inventory| {
            let seen = inventory.domains.values();
            let seen = seen.filter_map(|(_, slot)| slot.value.as_deref());
            let seen = seen.filter(|domain| !leave(domain));
            let all = seen.flat_map(ObservedDomain::definitions);
            let all = all.flat_map(|it| &it.host_devices);
            all.map(|it| it.address.clone()).collect()
        })
    }

    /// Notes that one came or went; whether anybody has asked for them.
    pub(super) fn mark_device(&self, name: &str) -> bool {
        if !NAMES.iter().any(|begin| name.starts_with(begin)) {
            return false;
        }
        self.write(|inventory| {
            inventory.devices.stale = true;
            inventory.devices.value.is_some()
        })
    }
}

// A driver that does not tell of devices has none.
async fn read(client: &Client) -> Result<Vec<NodeDevice>, ReadError> {
    let names = match client.connect_list_all_node_devices(1, KINDS).await {
        Err(error) if error.not_supported() => return Ok(Vec::new()),
        names => names?.devices,
    };
    let reads = stream::iter(names).map(|device| read_one(client, device));
    let found: Vec<_> = reads.buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn read_one(
    client: &Client,
    device: remote::NodeDevice,
) -> Result<Option<NodeDevice>, ReadError> {
    match client.node_device_get_xml_desc(device.name, 0).await {
        Ok(xml) => Ok(NodeDevice::parse(&xml.to_string_lossy())?),
        // It went meanwhile.
        Err(error) if error.code() == Some(code::NO_NODE_DEVICE) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
