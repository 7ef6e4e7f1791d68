//! Who wrote what to the API server, from its audit log.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use drover_e2e::Lab;
use jiff::Timestamp;
use serde_json::Value;

/// A write.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) verb: String,
    pub(crate) resource: String,
    pub(crate) uri: String,
    pub(crate) name: String,
    /// How long the API server took for it.
    pub(crate) took: Duration,
    by_operator: bool,
}

/// A place in the log, and the time. What was asked for before may be written there later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since(u64, Timestamp);

/// Now.
pub(crate) fn now(lab: &Lab) -> Since {
    let end = std::fs::metadata(lab.audit_log()).unwrap().len();
    Since(end, Timestamp::now())
}

/// What the operator wrote since then.
pub(crate) fn by_operator(lab: &Lab, since: Since) -> Vec<Write> {
    let mut writes = by_anyone(lab, since);
    writes.retain(|write| write.by_operator);
    writes
}

/// What was written since then.
pub(crate) fn by_anyone(lab: &Lab, since: Since) -> Vec<Write> {
    let text = text_since(lab, since);
    let entries = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let writes = entries.map(|entry| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let time = |name: &str| text(&entry[name]).parse::<Timestamp>().unwrap();
        let (received, answered) = (time("requestReceivedTimestamp"), time("stageTimestamp"));
        let object = &entry["objectRef"];
        let write = Write {
            verb: text(&entry["verb"]),
            resource: text(&object["resource"]),
            uri: text(&entry["requestURI"]),
            name: text(&object["name"]),
            took: answered.duration_since(received).unsigned_abs(),
            by_operator: text(&entry["userAgent"]).starts_with("drover/"),
        };
        (received, write)
    });
    let since = writes.filter(|(received, _)| *received >= since.1);
    since.map(|(_, write)| write).collect()
}

// The API server begins a new log when one is full: the place is in the one that was written then.
fn text_since(lab: &Lab, since: Since) -> String {
    let log = lab.audit_log();
    let folder = std::fs::read_dir(lab.logs()).unwrap();
    let full = folder.map(|entry| entry.unwrap().path()).filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let ended = std::fs::metadata(path).unwrap().modified().unwrap();
        name.starts_with("audit-") && Timestamp::try_from(ended).unwrap() >= since.1
    });
    let mut logs: Vec<_> = full.collect();
    logs.sort();
    logs.push(log);
    let mut text = String::new();
    for (number, path) in logs.iter().enumerate() {
        let mut file = File::open(path).unwrap();
        let start = if number == 0 { since.0 } else { 0 };
        file.seek(SeekFrom::Start(start)).unwrap();
        file.read_to_string(&mut text).unwrap();
    }
    text
}
