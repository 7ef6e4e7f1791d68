//! Who wrote what to the API server, from its audit log.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use drover_e2e::Lab;
use serde_json::Value;

/// A write.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) verb: String,
    pub(crate) resource: String,
    pub(crate) uri: String,
}

/// A place in the log: what comes later is what happened since.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since(u64);

/// Now.
pub(crate) fn now(lab: &Lab) -> Since {
    Since(std::fs::metadata(lab.audit_log()).unwrap().len())
}

/// What the operator wrote since then.
pub(crate) fn by_operator(lab: &Lab, since: Since) -> Vec<Write> {
    let mut file = File::open(lab.audit_log()).unwrap();
    file.seek(SeekFrom::Start(since.0)).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    let entries = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    entries
        .filter(|entry| {
            let agent = entry["userAgent"].as_str().unwrap_or_default();
            agent.starts_with("drover/")
        })
        .map(|entry| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let object = &entry["objectRef"];
            Write {
                verb: text(&entry["verb"]),
                resource: text(&object["resource"]),
                uri: text(&entry["requestURI"]),
            }
        })
        .collect()
}
