//! Every procedure is behind a method of an object, or there is a reason why not.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

/// Procedures that have a better one since libvirt 1.2.1 at the latest, which is behind a method.
const SUPERSEDED: &[&str] = &[
    "connect_list_defined_domains",
    "connect_list_defined_interfaces",
    "connect_list_defined_networks",
    "connect_list_defined_storage_pools",
    "connect_list_domains",
    "connect_list_interfaces",
    "connect_list_networks",
    "connect_list_nwfilters",
    "connect_list_secrets",
    "connect_list_storage_pools",
    "connect_num_of_defined_domains",
    "connect_num_of_defined_interfaces",
    "connect_num_of_defined_networks",
    "connect_num_of_defined_storage_pools",
    "connect_num_of_domains",
    "connect_num_of_interfaces",
    "connect_num_of_networks",
    "connect_num_of_nwfilters",
    "connect_num_of_secrets",
    "connect_num_of_storage_pools",
    "domain_attach_device",
    "domain_core_dump",
    "domain_create",
    "domain_define_xml",
    "domain_destroy",
    "domain_detach_device",
    "domain_get_security_label",
    "domain_pin_vcpu",
    "domain_restore",
    "domain_save",
    "domain_set_max_memory",
    "domain_set_memory",
    "domain_set_scheduler_parameters",
    "domain_set_vcpus",
    "domain_shutdown",
    "domain_snapshot_list_children_names",
    "domain_snapshot_list_names",
    "domain_snapshot_num",
    "domain_snapshot_num_children",
    "domain_undefine",
    "node_device_dettach",
    "node_list_devices",
    "node_num_of_devices",
    "storage_pool_list_volumes",
    "storage_vol_wipe",
];

/// Registrations belong to subscriptions, authentication to connecting.
const INTERNAL: &[&str] = &[
    "_register",
    "_deregister",
    "_unregister",
    "auth_",
    "close_callback",
];

/// The migrations of before libvirt 1.1, and taking over a QEMU that libvirt has not started, which
/// no libvirt since 5.5 does.
const GONE: &[&str] = &["domain_migrate_", "domain_attach"];

fn words() -> BTreeSet<String> {
    let mut handwritten = String::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut handwritten,
    );
    handwritten
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .map(str::to_owned)
        .collect()
}

fn sources(folder: &Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("generated") || path.ends_with("tests") || path.ends_with("coverage.rs") {
            continue;
        }
        if path.is_dir() {
            sources(&path, all);
        } else {
            all.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn camel(method: &str) -> String {
    let parts = method
        .split('_')
        .filter_map(|part| part.split_at_checked(1));
    parts
        .map(|(first, rest)| first.to_uppercase() + rest)
        .collect()
}

#[test]
fn every_procedure_is_behind_a_method() {
    let words = words();
    let generated = [
        include_str!("../generated/remote.rs"),
        include_str!("../generated/qemu.rs"),
    ];
    let methods = generated
        .iter()
        .flat_map(|source| source.split("pub async fn ").skip(1))
        .map(|rest| rest.split(['(', '<']).next().unwrap());
    let mut seen = 0;
    for method in methods {
        seen += 1;
        // By its method, or by its type where the answer is read in another way.
        let used = words.contains(method) || words.contains(&camel(method));
        let excused = SUPERSEDED.contains(&method)
            || INTERNAL.iter().any(|part| method.contains(part))
            || GONE.iter().any(|part| method.starts_with(part));
        assert!(used || excused, "{method}");
    }
    assert!(seen > 380, "{seen}");
}

#[test]
fn every_procedure_that_passes_file_descriptors_is_behind_a_method() {
    use drover_rpc_proto::procedure::Fds;
    use drover_rpc_proto::{lxc, qemu, remote};

    let words = words();
    let tables = [remote::TABLE, qemu::TABLE, lxc::TABLE];
    let passing = tables
        .into_iter()
        .flatten()
        .filter(|row| row.fds != Fds::None);
    let methods: Vec<String> = passing.map(|row| row.name.to_lowercase()).collect();
    assert_eq!(methods.len(), 7);
    for method in methods {
        assert!(words.contains(&method), "{method}");
    }
}
