//! Declarations to start from, parsed from what a user would write.

use drover_core::desired::machine::DesiredMachine;
use drover_core::desired::network::DesiredNetwork;
use drover_core::desired::pool::DesiredPool;
use drover_core::desired::volume::DesiredVolume;
use drover_core::fields::Site;
use drover_core::observed::node_device::Address;
use drover_core::xml::{DomainType, ResolvedDisk, ResolvedSeed};
use drover_crds::{Network, StoragePool, VirtualMachine, Volume};
use serde::de::DeserializeOwned;

pub(crate) const FLEET: &str = "lab";

pub(crate) fn object<T: DeserializeOwned>(text: &str) -> T {
    serde_saphyr::from_str(text).unwrap()
}

pub(crate) const MACHINE: &str = "
apiVersion: drover.dev/v1alpha1
kind: VirtualMachine
metadata: {name: web, namespace: shop, uid: u-1}
spec:
  cpu: {cores: 2}
  memory: {guest: 256Mi}
  machine: {type: q35}
  terminationGracePeriodSeconds: 30
  disks:
  - {name: root, volume: {name: web-root}, bootOrder: 1}
  - {name: data, volume: {name: web-data}, bus: sata}
  interfaces:
  - {name: eth0, network: lan}
  - {name: eth1, network: wan, model: e1000e, macAddress: '52:54:00:AA:BB:0C'}
";

pub(crate) fn machine() -> DesiredMachine {
    machine_from(MACHINE)
}

pub(crate) fn machine_from(text: &str) -> DesiredMachine {
    DesiredMachine::parse(&object::<VirtualMachine>(text), FLEET, None).unwrap()
}

pub(crate) fn disks() -> Vec<ResolvedDisk> {
    ["root", "data"].map(place).to_vec()
}

pub(crate) fn place(disk: &str) -> ResolvedDisk {
    ResolvedDisk {
        name: disk.to_owned(),
        pool: "fast".to_owned(),
        volume: format!("shop_web-{disk}"),
        format: "qcow2".to_owned(),
        shareable: false,
        backing: Some(Vec::new()),
        path: None,
    }
}

/// Where what a guest is given is kept, when its content is this.
pub(crate) fn seed(content: &str) -> ResolvedSeed {
    ResolvedSeed {
        pool: "fast".to_owned(),
        volume: format!("shop_web_seed-{content}"),
        path: format!("/srv/fast/shop_web_seed-{content}"),
        key: uuid::Uuid::from_u128(7),
    }
}

/// The device that a resource such as `a/3` stands for.
pub(crate) fn device(resource: &str) -> String {
    let bus = resource.rsplit('/').next().and_then(|it| it.parse().ok());
    Address::Pci([0, bus.unwrap_or(1), 0, 0]).to_string()
}

pub(crate) fn site() -> Site {
    site_of(DomainType::Qemu)
}

pub(crate) fn site_of(domain_type: DomainType) -> Site {
    Site {
        domain_type,
        architecture: "x86_64".to_owned(),
        disks: disks(),
        kernel: None,
        initrd: None,
        host_devices: None,
        seed: None,
    }
}

pub(crate) fn pool(managed: bool, delete: bool) -> DesiredPool {
    let text = "
apiVersion: drover.dev/v1alpha1
kind: StoragePool
metadata: {name: fast, uid: u-2}
spec: {type: dir, target: {path: /srv/fast}}
";
    DesiredPool {
        managed,
        delete,
        ..DesiredPool::parse(&object::<StoragePool>(text), FLEET)
    }
}

pub(crate) fn network(managed: bool) -> DesiredNetwork {
    let text = "
apiVersion: drover.dev/v1alpha1
kind: Network
metadata: {name: lan, uid: u-3}
spec:
  mode: NAT
  subnets:
  - {cidr: 192.168.150.0/24, dhcp: {ranges: [{start: 192.168.150.10, end: 192.168.150.99}]}}
  - {cidr: 'fd00:150::/64'}
";
    DesiredNetwork {
        managed,
        delete: true,
        ..DesiredNetwork::parse(&object::<Network>(text), FLEET).unwrap()
    }
}

/// What a volume begins with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content {
    Blank,
    Fetched,
    Overlay,
    Copied,
    Cloned,
}

impl Content {
    pub(crate) const ALL: [Self; 5] = [
        Self::Blank,
        Self::Fetched,
        Self::Overlay,
        Self::Copied,
        Self::Cloned,
    ];
}

pub(crate) fn volume(content: Content) -> DesiredVolume {
    let source = match content {
        Content::Blank => "",
        Content::Fetched => "source: {http: {url: 'https://example.org/i.qcow2'}}",
        Content::Overlay => "source: {image: {name: debian}}",
        Content::Copied => "source: {clusterImage: {name: debian}}\n  cloneStrategy: Copy",
        Content::Cloned => "source: {volume: {name: db-root, consistency: Frozen}}",
    };
    let text = format!(
        "
apiVersion: drover.dev/v1alpha1
kind: Volume
metadata: {{name: web-root, namespace: shop, uid: u-4}}
spec:
  pool: fast
  capacity: 1Gi
  reclaimPolicy: Delete
  {source}
"
    );
    DesiredVolume::parse(&object::<Volume>(&text), FLEET, None).unwrap()
}
