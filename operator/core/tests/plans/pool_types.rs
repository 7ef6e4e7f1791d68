//! The definition of a pool of each type, beside its object. What both versions of libvirt make of
//! them the end-to-end tests say.

use std::path::PathBuf;

use drover_core::desired::pool::DesiredPool;
use drover_core::xml::pool_xml;
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
        let xml = lines(&pool_xml(&DesiredPool::parse(&object, "lab")).unwrap());
        let path = path.with_extension("xml");
        let as_it_was = read(&path).as_ref() == Some(&xml) || write(&path, &xml);
        assert!(as_it_was, "{}:\n{xml}", path.display());
    }
}
