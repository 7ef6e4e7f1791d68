//! The definition of a pool of each type, beside its object. What both versions of libvirt make of
//! them the end-to-end tests say.

use std::path::PathBuf;

use drover_core::desired::pool::{DesiredPool, Login};
use drover_core::xml::{pool_xml, secret_xml};
use drover_crds::StoragePool;

use super::snapshots::{lines, read, write};

const TYPES: usize = 12;

#[allow(clippy::disallowed_methods)]
fn objects() -> Vec<PathBuf> {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pools"));
    let files = files.unwrap().map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
        .collect()
}

#[test]
fn each_type_is_written_as_it_was() {
    let objects = objects();
    assert_eq!(objects.len(), TYPES);
    for path in objects {
        let text = read(&path).unwrap();
        let object: StoragePool = serde_saphyr::from_str(&text).unwrap();
        let mut desired = DesiredPool::parse(&object, "lab");
        let named = desired.source.auth_secret_ref.as_ref();
        desired.login = named.map(|_| Login {
            username: "drover".to_owned(),
        });
        if desired.login.is_some() {
            secret_is_shown_to_nobody(&desired);
        }
        let xml = lines(&pool_xml(&desired).unwrap());
        let path = path.with_extension("xml");
        let as_it_was = read(&path).as_ref() == Some(&xml) || write(&path, &xml);
        assert!(as_it_was, "{}:\n{xml}", path.display());
    }
}

fn secret_is_shown_to_nobody(desired: &DesiredPool) {
    let xml = secret_xml(desired, "lab").unwrap();
    assert!(xml.contains("private=\"yes\""), "{xml}");
    let uuid = desired.secret_uuid.to_string();
    assert!(xml.contains(&uuid) && pool_xml(desired).unwrap().contains(&uuid));
}
