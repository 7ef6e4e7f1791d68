//! What there is: counts, names, and whole lists.

use crate::case::{Case, same};

pub(crate) const ALL_OF_A_KIND: &[Case] = &[
    same!(
        CONNECT_LIST_ALL_DOMAINS,
        "c.listAllDomains()",
        |h| h.client.connect_list_all_domains(1, 0),
        |r| r.domains
    ),
    same!(
        CONNECT_LIST_ALL_DOMAINS,
        "c.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_INACTIVE)",
        |h| h.client.connect_list_all_domains(1, 2),
        |r| r.domains
    ),
    same!(
        CONNECT_LIST_ALL_NETWORKS,
        "c.listAllNetworks()",
        |h| h.client.connect_list_all_networks(1, 0),
        |r| r.nets
    ),
    same!(
        CONNECT_LIST_ALL_STORAGE_POOLS,
        "c.listAllStoragePools()",
        |h| h.client.connect_list_all_storage_pools(1, 0),
        |r| r.pools
    ),
    same!(
        CONNECT_LIST_ALL_INTERFACES,
        "c.listAllInterfaces()",
        |h| h.client.connect_list_all_interfaces(1, 0),
        |r| r.ifaces
    ),
    same!(
        CONNECT_LIST_ALL_NODE_DEVICES,
        "c.listAllDevices()",
        |h| h.client.connect_list_all_node_devices(1, 0),
        |r| r.devices
    ),
    same!(
        CONNECT_LIST_ALL_NODE_DEVICES,
        "c.listAllDevices(libvirt.VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET)",
        |h| h.client.connect_list_all_node_devices(1, 16),
        |r| r.devices
    ),
    same!(
        CONNECT_LIST_ALL_NWFILTERS,
        "c.listAllNWFilters()",
        |h| h.client.connect_list_all_nwfilters(1, 0),
        |r| r.filters
    ),
    same!(
        CONNECT_LIST_ALL_NWFILTER_BINDINGS,
        "c.listAllNWFilterBindings()",
        |h| h.client.connect_list_all_nwfilter_bindings(1, 0),
        |r| r.bindings
    ),
    same!(
        CONNECT_LIST_ALL_SECRETS,
        "c.listAllSecrets()",
        |h| h.client.connect_list_all_secrets(1, 0),
        |r| r.secrets
    ),
];

pub(crate) const NAMES: &[Case] = &[
    same!(CONNECT_NUM_OF_DOMAINS, "c.numOfDomains()", |h| h
        .client
        .connect_num_of_domains()),
    same!(CONNECT_LIST_DOMAINS, "c.listDomainsID()", |h| h
        .client
        .connect_list_domains(1024)),
    same!(
        CONNECT_NUM_OF_DEFINED_DOMAINS,
        "c.numOfDefinedDomains()",
        |h| h.client.connect_num_of_defined_domains()
    ),
    same!(
        CONNECT_LIST_DEFINED_DOMAINS,
        "c.listDefinedDomains()",
        |h| h.client.connect_list_defined_domains(1024)
    ),
    same!(CONNECT_NUM_OF_NETWORKS, "c.numOfNetworks()", |h| h
        .client
        .connect_num_of_networks()),
    same!(CONNECT_LIST_NETWORKS, "c.listNetworks()", |h| h
        .client
        .connect_list_networks(1024)),
    same!(
        CONNECT_NUM_OF_DEFINED_NETWORKS,
        "c.numOfDefinedNetworks()",
        |h| h.client.connect_num_of_defined_networks()
    ),
    same!(
        CONNECT_LIST_DEFINED_NETWORKS,
        "c.listDefinedNetworks()",
        |h| h.client.connect_list_defined_networks(1024)
    ),
    same!(CONNECT_NUM_OF_STORAGE_POOLS, "c.numOfStoragePools()", |h| h
        .client
        .connect_num_of_storage_pools()),
    same!(CONNECT_LIST_STORAGE_POOLS, "c.listStoragePools()", |h| h
        .client
        .connect_list_storage_pools(1024)),
    same!(
        CONNECT_NUM_OF_DEFINED_STORAGE_POOLS,
        "c.numOfDefinedStoragePools()",
        |h| h.client.connect_num_of_defined_storage_pools()
    ),
    same!(
        CONNECT_LIST_DEFINED_STORAGE_POOLS,
        "c.listDefinedStoragePools()",
        |h| h.client.connect_list_defined_storage_pools(1024)
    ),
    same!(CONNECT_NUM_OF_INTERFACES, "c.numOfInterfaces()", |h| h
        .client
        .connect_num_of_interfaces()),
    same!(CONNECT_LIST_INTERFACES, "c.listInterfaces()", |h| h
        .client
        .connect_list_interfaces(1024))
    .code(),
    same!(
        CONNECT_NUM_OF_DEFINED_INTERFACES,
        "c.numOfDefinedInterfaces()",
        |h| h.client.connect_num_of_defined_interfaces()
    ),
    same!(
        CONNECT_LIST_DEFINED_INTERFACES,
        "c.listDefinedInterfaces()",
        |h| h.client.connect_list_defined_interfaces(1024)
    )
    .code(),
    same!(CONNECT_NUM_OF_NWFILTERS, "c.numOfNWFilters()", |h| h
        .client
        .connect_num_of_nwfilters()),
    same!(CONNECT_LIST_NWFILTERS, "c.listNWFilters()", |h| h
        .client
        .connect_list_nwfilters(1024))
    .code(),
    same!(CONNECT_NUM_OF_SECRETS, "c.numOfSecrets()", |h| h
        .client
        .connect_num_of_secrets()),
    same!(CONNECT_LIST_SECRETS, "c.listSecrets()", |h| h
        .client
        .connect_list_secrets(1024))
    .code(),
];

/// Each thing by each of its names, and by one that it does not have.
const NONE: [u8; 16] = [0xab; 16];

pub(crate) const LOOKUPS: &[Case] = &[
    same!(DOMAIN_LOOKUP_BY_NAME, "d", |h| h
        .client
        .domain_lookup_by_name(h.d()?.name)),
    same!(DOMAIN_LOOKUP_BY_NAME, "c.lookupByName('nothing')", |h| h
        .client
        .domain_lookup_by_name("nothing")),
    same!(DOMAIN_LOOKUP_BY_UUID, "c.lookupByUUID(d.UUID())", |h| h
        .client
        .domain_lookup_by_uuid(h.d()?.uuid)),
    same!(
        DOMAIN_LOOKUP_BY_UUID,
        "c.lookupByUUID(b'\\xab' * 16)",
        |h| h.client.domain_lookup_by_uuid(NONE)
    ),
    same!(DOMAIN_LOOKUP_BY_ID, "c.lookupByID(d.ID())", |h| h
        .client
        .domain_lookup_by_id(h.d()?.id)),
    same!(DOMAIN_LOOKUP_BY_ID, "c.lookupByID(99999)", |h| h
        .client
        .domain_lookup_by_id(99_999)),
    same!(NETWORK_LOOKUP_BY_NAME, "n", |h| h
        .client
        .network_lookup_by_name(h.n()?.name)),
    same!(
        NETWORK_LOOKUP_BY_NAME,
        "c.networkLookupByName('nothing')",
        |h| h.client.network_lookup_by_name("nothing")
    ),
    same!(
        NETWORK_LOOKUP_BY_UUID,
        "c.networkLookupByUUID(n.UUID())",
        |h| h.client.network_lookup_by_uuid(h.n()?.uuid)
    ),
    same!(
        NETWORK_LOOKUP_BY_UUID,
        "c.networkLookupByUUID(b'\\xab' * 16)",
        |h| h.client.network_lookup_by_uuid(NONE)
    ),
    same!(STORAGE_POOL_LOOKUP_BY_NAME, "p", |h| h
        .client
        .storage_pool_lookup_by_name(h.p()?.name)),
    same!(
        STORAGE_POOL_LOOKUP_BY_NAME,
        "c.storagePoolLookupByName('nothing')",
        |h| h.client.storage_pool_lookup_by_name("nothing")
    ),
    same!(
        STORAGE_POOL_LOOKUP_BY_UUID,
        "c.storagePoolLookupByUUID(p.UUID())",
        |h| h.client.storage_pool_lookup_by_uuid(h.p()?.uuid)
    ),
    same!(
        STORAGE_POOL_LOOKUP_BY_UUID,
        "c.storagePoolLookupByUUID(b'\\xab' * 16)",
        |h| h.client.storage_pool_lookup_by_uuid(NONE)
    ),
    same!(
        STORAGE_POOL_LOOKUP_BY_TARGET_PATH,
        "c.storagePoolLookupByTargetPath('/tmp/drover-diff')",
        |h| h
            .client
            .storage_pool_lookup_by_target_path("/tmp/drover-diff")
    ),
    same!(
        STORAGE_POOL_LOOKUP_BY_TARGET_PATH,
        "c.storagePoolLookupByTargetPath('/nothing')",
        |h| h.client.storage_pool_lookup_by_target_path("/nothing")
    ),
    same!(
        STORAGE_POOL_LOOKUP_BY_VOLUME,
        "v.storagePoolLookupByVolume()",
        |h| h.client.storage_pool_lookup_by_volume(h.v()?)
    ),
    same!(STORAGE_VOL_LOOKUP_BY_NAME, "v", |h| h
        .client
        .storage_vol_lookup_by_name(h.p()?, "drover-diff.img")),
    same!(
        STORAGE_VOL_LOOKUP_BY_NAME,
        "p.storageVolLookupByName('nothing')",
        |h| h.client.storage_vol_lookup_by_name(h.p()?, "nothing")
    ),
    same!(
        STORAGE_VOL_LOOKUP_BY_KEY,
        "c.storageVolLookupByKey(v.key())",
        |h| h.client.storage_vol_lookup_by_key(h.v()?.key)
    ),
    same!(
        STORAGE_VOL_LOOKUP_BY_KEY,
        "c.storageVolLookupByKey('nothing')",
        |h| h.client.storage_vol_lookup_by_key("nothing")
    ),
    same!(
        STORAGE_VOL_LOOKUP_BY_PATH,
        "c.storageVolLookupByPath(v.path())",
        |h| h.client.storage_vol_lookup_by_path(h.v()?.key)
    ),
    same!(
        STORAGE_VOL_LOOKUP_BY_PATH,
        "c.storageVolLookupByPath('/nothing')",
        |h| h.client.storage_vol_lookup_by_path("/nothing")
    ),
    same!(
        INTERFACE_LOOKUP_BY_NAME,
        "c.interfaceLookupByName('eth1')",
        |h| h.client.interface_lookup_by_name("eth1")
    ),
    same!(
        INTERFACE_LOOKUP_BY_NAME,
        "c.interfaceLookupByName('nothing')",
        |h| h.client.interface_lookup_by_name("nothing")
    ),
    same!(
        INTERFACE_LOOKUP_BY_MAC_STRING,
        "c.interfaceLookupByMACString('aa:bb:cc:dd:ee:ff')",
        |h| h.client.interface_lookup_by_mac_string("aa:bb:cc:dd:ee:ff")
    ),
    same!(
        INTERFACE_LOOKUP_BY_MAC_STRING,
        "c.interfaceLookupByMACString('00:00:00:00:00:01')",
        |h| h.client.interface_lookup_by_mac_string("00:00:00:00:00:01")
    ),
    same!(NODE_DEVICE_LOOKUP_BY_NAME, "dev", |h| h
        .client
        .node_device_lookup_by_name("computer")),
    same!(
        NODE_DEVICE_LOOKUP_BY_NAME,
        "c.nodeDeviceLookupByName('nothing')",
        |h| h.client.node_device_lookup_by_name("nothing")
    ),
    same!(
        NODE_DEVICE_LOOKUP_SCSI_HOST_BY_WWN,
        "c.nodeDeviceLookupSCSIHostByWWN('1', '2')",
        |h| h.client.node_device_lookup_scsi_host_by_wwn("1", "2", 0)
    ),
    same!(NWFILTER_LOOKUP_BY_NAME, "f", |h| h
        .client
        .nwfilter_lookup_by_name(h.f()?.name)),
    same!(
        NWFILTER_LOOKUP_BY_NAME,
        "c.nwfilterLookupByName('nothing')",
        |h| h.client.nwfilter_lookup_by_name("nothing")
    ),
    same!(
        NWFILTER_LOOKUP_BY_UUID,
        "c.nwfilterLookupByUUID(f.UUID())",
        |h| h.client.nwfilter_lookup_by_uuid(h.f()?.uuid)
    ),
    same!(
        NWFILTER_LOOKUP_BY_UUID,
        "c.nwfilterLookupByUUID(b'\\xab' * 16)",
        |h| h.client.nwfilter_lookup_by_uuid(NONE)
    ),
    same!(
        NWFILTER_BINDING_LOOKUP_BY_PORT_DEV,
        "c.nwfilterBindingLookupByPortDev('nothing')",
        |h| h.client.nwfilter_binding_lookup_by_port_dev("nothing")
    ),
    same!(
        SECRET_LOOKUP_BY_UUID,
        "c.secretLookupByUUID(sec.UUID())",
        |h| h.client.secret_lookup_by_uuid(h.sec()?.uuid)
    ),
    same!(
        SECRET_LOOKUP_BY_UUID,
        "c.secretLookupByUUID(b'\\xab' * 16)",
        |h| h.client.secret_lookup_by_uuid(NONE)
    ),
    same!(
        SECRET_LOOKUP_BY_USAGE,
        "c.secretLookupByUsage(1, '/drover-diff')",
        |h| h.client.secret_lookup_by_usage(1, "/drover-diff")
    ),
    same!(
        SECRET_LOOKUP_BY_USAGE,
        "c.secretLookupByUsage(1, '/nothing')",
        |h| h.client.secret_lookup_by_usage(1, "/nothing")
    ),
];
