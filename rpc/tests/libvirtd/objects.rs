//! Typed objects.

use drover_rpc::enums::{
    DomainJobType, DomainRunningReason, DomainShutoffReason, DomainState, StoragePoolState,
};
use drover_rpc::flags::{
    ConnectGetAllDomainStatsFlags, ConnectListAllDomainsFlags, ConnectListAllInterfacesFlags,
    ConnectListAllNetworksFlags, ConnectListAllNodeDeviceFlags, ConnectListAllStoragePoolsFlags,
    DomainCreateFlags, DomainDefineFlags, DomainDestroyFlags, DomainModificationImpact,
    DomainSnapshotCreateFlags, DomainSnapshotDeleteFlags, DomainSnapshotListFlags,
    DomainStatsTypes, DomainUndefineFlags, DomainVcpuFlags, DomainXMLFlags, NetworkDefineFlags,
    NetworkXMLFlags, NodeDeviceXMLFlags, StoragePoolCreateFlags, StorageVolCreateFlags,
    StorageVolDeleteFlags, StorageXMLFlags,
};
use drover_rpc::objects::{CpuSet, StateReason};
use drover_rpc::{Client, Domain, fields};

use crate::{client, define};

async fn defined(client: &Client, name: &str) -> Domain {
    Domain::from_wire(client, define(client, name).await)
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn a_domain_from_its_definition_to_its_end() {
    let client = client().await;
    let domain = defined(&client, "rpc-object").await;
    assert_eq!(domain.name(), "rpc-object");
    let status = domain.status().await.unwrap();
    assert_eq!(status.state, DomainState::SHUTOFF);
    domain.start(DomainCreateFlags::empty()).await.unwrap();
    domain.suspend().await.unwrap();
    assert_eq!(domain.info().await.unwrap().state, DomainState::PAUSED);
    domain.resume().await.unwrap();
    let status = domain.status().await.unwrap();
    let unpaused = StateReason::Running(DomainRunningReason::UNPAUSED);
    assert_eq!(
        (status.state, status.reason),
        (DomainState::RUNNING, unpaused)
    );
    assert!(domain.is_active().await.unwrap() && domain.is_persistent().await.unwrap());

    let info = domain.info().await.unwrap();
    assert_eq!(
        (info.max_memory, info.memory, info.vcpus),
        (16384, 16384, 1)
    );
    let again = client.domain_by_uuid(domain.uuid()).await.unwrap();
    assert!(again.id().is_some());
    let by_id = client.domain_by_id(again.id().unwrap()).await.unwrap();
    assert_eq!(by_id.uuid(), domain.uuid());
    let running = client
        .domains(ConnectListAllDomainsFlags::RUNNING)
        .await
        .unwrap();
    assert!(running.iter().any(|other| other.uuid() == domain.uuid()));
    let xml = domain.xml(DomainXMLFlags::INACTIVE).await.unwrap();
    assert!(xml.contains("<name>rpc-object</name>"), "{xml}");

    let job = domain.job_info().await;
    assert!(
        job.as_ref().is_err_and(drover_rpc::Error::not_supported)
            || job.is_ok_and(|job| job.kind == DomainJobType::NONE)
    );
    domain.destroy(DomainDestroyFlags::empty()).await.unwrap();
    let off = StateReason::Shutoff(DomainShutoffReason::DESTROYED);
    assert_eq!(domain.status().await.unwrap().reason, off);
    domain.set_autostart(true).await.unwrap();
    assert!(domain.autostart().await.unwrap());
    domain.undefine(DomainUndefineFlags::empty()).await.unwrap();
    assert!(domain.info().await.unwrap_err().not_found());
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn parameters_and_cpus() {
    let client = client().await;
    let domain = defined(&client, "rpc-parameters").await;
    domain.start(DomainCreateFlags::empty()).await.unwrap();
    let params = domain
        .scheduler_parameters(DomainModificationImpact::empty())
        .await
        .unwrap();
    assert!(params.u64("weight").is_some(), "{params}");
    let vcpus = domain.vcpus().await.unwrap();
    assert_eq!((vcpus.len(), vcpus[0].number), (1, 0));
    let host = client.node_cpu_map().await.unwrap();
    let all = domain
        .vcpu_pins(DomainModificationImpact::LIVE)
        .await
        .unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(
        all[0].iter().count(),
        usize::try_from(host.present).unwrap()
    );
    let one: CpuSet = [3].into_iter().collect();
    domain
        .pin_vcpu(0, &one, DomainModificationImpact::empty())
        .await
        .unwrap();
    let pinned = domain
        .vcpu_pins(DomainModificationImpact::LIVE)
        .await
        .unwrap();
    assert_eq!(pinned[0].to_string(), "3");
    assert_eq!(domain.vcpu_count(DomainVcpuFlags::LIVE).await.unwrap(), 1);
    let stats = client.node_cpu_stats(None).await.unwrap();
    assert!(stats.contains_key("user"), "{stats:?}");
    domain.destroy(DomainDestroyFlags::empty()).await.unwrap();
    domain.undefine(DomainUndefineFlags::empty()).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn limits_of_a_disk() {
    let client = client().await;
    let disk =
        "<disk type='file' device='disk'><source file='/rpc.img'/><target dev='vda'/></disk>";
    let xml = format!(
        "<domain type='test'><name>rpc-disk</name><memory unit='MiB'>16</memory>\
         <os><type>hvm</type></os><devices>{disk}</devices></domain>"
    );
    if let Ok(old) = client.domain("rpc-disk").await {
        old.destroy(DomainDestroyFlags::empty()).await.ok();
        old.undefine(DomainUndefineFlags::empty()).await.unwrap();
    }
    let domain = client
        .define_domain(&xml, DomainDefineFlags::empty())
        .await
        .unwrap();
    let limits = drover_rpc::TypedParams::new()
        .with_u64(fields::DOMAIN_BLOCK_IOTUNE_TOTAL_IOPS_SEC, 500)
        .with_u64(fields::DOMAIN_BLOCK_IOTUNE_TOTAL_IOPS_SEC_MAX, 1000)
        .with_str(fields::DOMAIN_BLOCK_IOTUNE_GROUP_NAME, "slow");
    domain
        .set_block_io_tune("vda", limits, DomainModificationImpact::CONFIG)
        .await
        .unwrap();
    let limits = domain
        .block_io_tune("vda", DomainModificationImpact::CONFIG)
        .await
        .unwrap();
    // The string is there because it was said to be welcome.
    assert_eq!(limits.u64("total_iops_sec"), Some(500), "{limits}");
    assert_eq!(
        limits.str("group_name").as_deref(),
        Some("slow"),
        "{limits}"
    );
    domain.undefine(DomainUndefineFlags::empty()).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn snapshots() {
    let client = client().await;
    let domain = defined(&client, "rpc-snapshots").await;
    let make = |name: &str| format!("<domainsnapshot><name>{name}</name></domainsnapshot>");
    let flags = DomainSnapshotCreateFlags::empty();
    let first = domain.create_snapshot(&make("a"), flags).await.unwrap();
    let second = domain.create_snapshot(&make("b"), flags).await.unwrap();
    assert_eq!(second.parent().await.unwrap().name(), "a");
    assert_eq!(
        first
            .children(DomainSnapshotListFlags::empty())
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(domain.current_snapshot().await.unwrap().name(), "b");
    let roots = domain
        .snapshots(DomainSnapshotListFlags::ROOTS)
        .await
        .unwrap();
    assert_eq!(roots.len(), 1);
    assert!(first.parent().await.unwrap_err().not_found());
    assert_eq!(first.domain().uuid(), domain.uuid());
    first
        .delete(DomainSnapshotDeleteFlags::CHILDREN)
        .await
        .unwrap();
    assert!(!domain.has_current_snapshot().await.unwrap());
    domain.undefine(DomainUndefineFlags::empty()).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn networks_devices_and_the_host() {
    let client = client().await;
    let xml = "<network><name>rpc-object-net</name><bridge name='virbr77'/>\
               <ip address='192.168.77.1' netmask='255.255.255.0'/></network>";
    if let Ok(old) = client.network("rpc-object-net").await {
        old.destroy().await.ok();
        old.undefine().await.unwrap();
    }
    let network = client
        .define_network(xml, NetworkDefineFlags::empty())
        .await
        .unwrap();
    network.start().await.unwrap();
    assert!(network.is_active().await.unwrap());
    assert_eq!(network.bridge().await.unwrap(), "virbr77");
    assert!(
        network
            .xml(NetworkXMLFlags::empty())
            .await
            .unwrap()
            .contains("192.168.77.1")
    );
    let all = client
        .networks(ConnectListAllNetworksFlags::empty())
        .await
        .unwrap();
    assert!(all.iter().any(|other| other.uuid() == network.uuid()));
    network.destroy().await.unwrap();
    network.undefine().await.unwrap();

    let devices = client
        .node_devices(ConnectListAllNodeDeviceFlags::empty())
        .await
        .unwrap();
    let computer = client.node_device("computer").await.unwrap();
    assert!(devices.iter().any(|device| device.name() == "computer"));
    assert_eq!(computer.parent().await.unwrap(), None);
    assert_eq!(computer.capabilities().await.unwrap(), ["system"]);
    assert!(
        computer
            .xml(NodeDeviceXMLFlags::empty())
            .await
            .unwrap()
            .contains("<device>")
    );
    let interfaces = client
        .interfaces(ConnectListAllInterfacesFlags::ACTIVE)
        .await
        .unwrap();
    assert_eq!(interfaces[0].name(), "eth1");
    let node = client.node_info().await.unwrap();
    assert_eq!(
        (node.model.as_str(), node.cpus, node.nodes),
        ("i686", 16, 2)
    );
    // The test driver of libvirt 9.0 fails without a word.
    if client.library_version().await.unwrap() >= 11_000_000 {
        let pages = client.free_pages(&[4, 2048], 0, 2).await.unwrap();
        assert_eq!((pages.len(), pages[3].cell, pages[3].size), (4, 1, 2048));
    }
    assert_eq!(client.hypervisor().await.unwrap(), "TEST");
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn pools_and_volumes() {
    let client = client().await;
    let xml = "<pool type='dir'><name>rpc-object-pool</name><target><path>/rpc-pool</path></target></pool>";
    if let Ok(old) = client.storage_pool("rpc-object-pool").await {
        old.destroy().await.unwrap();
    }
    let pool = client
        .create_storage_pool(xml, StoragePoolCreateFlags::empty())
        .await
        .unwrap();
    let info = pool.info().await.unwrap();
    assert_eq!(info.state, StoragePoolState::RUNNING);
    let volume = "<volume><name>v</name><capacity unit='MiB'>8</capacity></volume>";
    let volume = pool
        .create_volume(volume, StorageVolCreateFlags::empty())
        .await
        .unwrap();
    let size = volume.info().await.unwrap();
    assert_eq!(size.capacity, 8 << 20);
    assert_eq!(volume.path().await.unwrap(), "/rpc-pool/v");
    assert_eq!(volume.pool().await.unwrap().uuid(), pool.uuid());
    assert_eq!(pool.volumes().await.unwrap().len(), 1);
    assert_eq!(
        client.volume_by_path("/rpc-pool/v").await.unwrap().name(),
        "v"
    );
    volume.delete(StorageVolDeleteFlags::empty()).await.unwrap();
    assert!(pool.volume("v").await.unwrap_err().not_found());
    assert!(
        pool.xml(StorageXMLFlags::empty())
            .await
            .unwrap()
            .contains("/rpc-pool")
    );
    let active = client
        .storage_pools(ConnectListAllStoragePoolsFlags::ACTIVE)
        .await
        .unwrap();
    assert!(active.iter().any(|other| other.name() == "rpc-object-pool"));
    pool.destroy().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a libvirtd: run by cargo lab test"]
async fn statistics_are_a_tree() {
    let client = client().await;
    let domain = defined(&client, "rpc-stats").await;
    domain.start(DomainCreateFlags::empty()).await.unwrap();
    let all = client
        .domain_stats(
            DomainStatsTypes::STATE,
            ConnectGetAllDomainStatsFlags::ACTIVE,
        )
        .await
        .unwrap();
    let mine = all
        .iter()
        .find(|stats| stats.domain.uuid() == domain.uuid())
        .unwrap();
    let status = mine.values.state.unwrap();
    assert_eq!(status.state, DomainState::RUNNING);
    assert!(mine.values.other.is_empty(), "{}", mine.values.other);
    // No domains are none, though on the wire they are all.
    let none = client
        .domain_stats_of(
            &[],
            DomainStatsTypes::STATE,
            ConnectGetAllDomainStatsFlags::empty(),
        )
        .await
        .unwrap();
    assert!(none.is_empty());
    let alone = domain.stats(DomainStatsTypes::STATE).await.unwrap();
    assert_eq!(alone.state.unwrap().state, DomainState::RUNNING);
    domain.destroy(DomainDestroyFlags::empty()).await.unwrap();
    domain.undefine(DomainUndefineFlags::empty()).await.unwrap();
}
