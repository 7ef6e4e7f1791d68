//! Rules of pools, volumes and images.

use serde_json::{Value, json};

use super::{POSITIVE, at, immutable, rule};

/// A Volume's capacity: above zero, at most 8Pi, never smaller than before.
#[must_use]
pub fn capacity() -> Value {
    json!([
        rule(POSITIVE, "must be > 0"),
        rule(
            "!isQuantity(string(self)) || quantity(string(self)).compareTo(quantity('8Pi')) <= 0",
            "at most 8Pi",
        ),
        {
            "rule": "!isQuantity(string(self)) || !isQuantity(string(oldSelf)) || \
                     quantity(string(self)).compareTo(quantity(string(oldSelf))) >= 0",
            "message": "a volume cannot shrink",
            "messageExpression": "string(oldSelf) + ' -> ' + string(self) + ' would lose data'",
        },
    ])
}

/// Where a Volume's content comes from.
#[must_use]
pub fn source() -> Value {
    json!([rule(
        "[has(self.blank), has(self.http), has(self.image), has(self.clusterImage), \
         has(self.volume)].exists_one(x, x)",
        "exactly one of blank, http, image, clusterImage and volume is needed",
    )])
}

/// A source at an http(s) URL, with its checksum.
#[must_use]
pub fn http_source() -> Value {
    let mut rules = url_rules();
    rules.push(checksum_needed("self.url"));
    Value::Array(rules)
}

/// An http(s) URL.
#[must_use]
pub fn url() -> Value {
    Value::Array(url_rules())
}

fn url_rules() -> Vec<Value> {
    vec![
        at(
            ".url",
            rule(
                "isURL(self.url) && url(self.url).getScheme() in ['http', 'https'] && \
                 url(self.url).getHostname() != ''",
                "not an http or https URL",
            ),
        ),
        at(
            ".url",
            rule(
                "!self.url.matches('^[^/]*//[^/@]*@')",
                "no user or password in the URL",
            ),
        ),
    ]
}

fn checksum_needed(url: &str) -> Value {
    at(
        ".checksum",
        rule(
            format!("!{url}.lowerAscii().startsWith('http:') || has(self.checksum)"),
            "a checksum is needed: plain http proves nothing",
        ),
    )
}

/// Where an image comes from.
#[must_use]
pub fn image_source() -> Value {
    json!([rule(
        "[has(self.http), has(self.upload), has(self.volume)].exists_one(x, x)",
        "exactly one of http, upload and volume is needed",
    )])
}

/// The spec of a ClusterImage.
#[must_use]
pub fn cluster_image_spec() -> Value {
    let mut rules = image_rules();
    rules.push(at(
        ".source.volume",
        rule(
            "!has(self.source.volume)",
            "a Volume has a namespace: an Image of the same one can be its copy",
        ),
    ));
    Value::Array(rules)
}

/// The spec of an Image.
#[must_use]
pub fn image_spec() -> Value {
    Value::Array(image_rules())
}

fn image_rules() -> Vec<Value> {
    let mut needed = checksum_needed("self.source.http.url");
    let text = needed["rule"].as_str().unwrap_or_default();
    needed["rule"] = format!("!has(self.source.http) || {text}").into();
    vec![
        needed,
        immutable_source(),
        at(
            ".checksum",
            rule(
                "!has(self.source.volume) || !has(self.checksum)",
                "checksum is for a source of http: a Volume is what it is",
            ),
        ),
        immutable("checksum"),
        immutable("format"),
    ]
}

// What the content is stays. Who is trusted to send it is no part of that.
fn immutable_source() -> Value {
    let mut source = immutable("source");
    source["rule"] = "has(self.source.http) ? has(oldSelf.source.http) && \
                      self.source.http.url == oldSelf.source.http.url : self.source == oldSelf.source"
        .into();
    source
}

fn clone_strategy() -> [Value; 2] {
    [
        at(
            ".cloneStrategy",
            rule(
                "!has(self.cloneStrategy) || (has(self.source) && \
                 (has(self.source.image) || has(self.source.clusterImage)))",
                "cloneStrategy is for a source of image or clusterImage",
            ),
        ),
        at(
            ".cloneStrategy",
            rule(
                "!has(self.cloneStrategy) || self.cloneStrategy != 'Overlay' || \
                 !has(self.format) || self.format == 'qcow2'",
                "an Overlay is qcow2: raw holds no more than its bytes",
            ),
        ),
    ]
}

fn wiped() -> Value {
    at(
        ".wipeOnDelete",
        rule(
            "!has(self.wipeOnDelete) || !self.wipeOnDelete || !has(self.reclaimPolicy) || \
             self.reclaimPolicy == 'Delete'",
            "wipeOnDelete needs reclaimPolicy: Delete: what is retained is not wiped",
        ),
    )
}

/// A Volume that is made with a machine.
#[must_use]
pub fn template() -> Value {
    let mut rules = clone_strategy().to_vec();
    rules.push(wiped());
    Value::Array(rules)
}

/// A Volume's spec.
#[must_use]
pub fn volume_spec() -> Value {
    let [of_image, overlay] = clone_strategy();
    json!([
        of_image,
        overlay,
        wiped(),
        immutable("cloneStrategy"),
        immutable("pool"),
        immutable("format"),
        immutable("source"),
        immutable("existing"),
        at(
            ".shareable",
            rule(
                "!has(self.shareable) || !self.shareable || (has(self.format) && self.format == 'raw')",
                "shareable needs format: raw: what is in a qcow2 its writers would not agree on",
            )
        ),
        at(
            ".source",
            rule(
                "!has(self.existing) || !has(self.source)",
                "no source with existing: what is there is kept",
            )
        ),
        at(
            ".format",
            rule(
                "!has(self.existing) || has(self.format)",
                "format is needed with existing: nobody looks for it in what a guest could write",
            )
        ),
        at(
            ".reclaimPolicy",
            rule(
                "!has(self.existing) || !has(self.reclaimPolicy) || self.reclaimPolicy == 'Retain'",
                "only Retain with existing: what was there before is never removed",
            )
        ),
        at(
            ".host",
            rule(
                "!has(oldSelf.host) || (has(self.host) && self.host == oldSelf.host)",
                "host cannot be changed: the data is there",
            )
        ),
    ])
}

/// The name of a volume in its pool.
#[must_use]
pub fn volume_name() -> Value {
    json!([rule(
        "!self.contains('/') && !self.startsWith('.')",
        "paths are not accepted: give the volume's name in the pool",
    )])
}

// A member of a pool's source or target: the types that need it, and those that may have it.
struct Member {
    path: &'static str,
    needed: &'static [&'static str],
    may: &'static [&'static str],
}

const MEMBERS: [Member; 9] = [
    Member {
        path: "target",
        needed: &["dir", "fs", "netfs"],
        may: &["logical", "disk", "iscsi", "scsi", "mpath"],
    },
    Member {
        path: "source.hosts",
        needed: &["netfs", "iscsi", "iscsi-direct", "rbd", "gluster"],
        may: &[],
    },
    Member {
        path: "source.path",
        needed: &["netfs"],
        may: &["gluster"],
    },
    Member {
        path: "source.name",
        needed: &["logical", "rbd", "gluster", "zfs"],
        may: &[],
    },
    Member {
        path: "source.devices",
        needed: &["fs", "disk", "iscsi", "iscsi-direct"],
        may: &["logical", "zfs"],
    },
    Member {
        path: "source.format",
        needed: &[],
        may: &["fs", "netfs", "disk"],
    },
    Member {
        path: "source.initiator",
        needed: &["iscsi-direct"],
        may: &["iscsi"],
    },
    Member {
        path: "source.authSecretRef",
        needed: &[],
        may: &["iscsi", "iscsi-direct", "rbd"],
    },
    Member {
        path: "source.adapter",
        needed: &["scsi"],
        may: &[],
    },
];

// libvirt's words for what a pool is formatted with.
const FORMATS: [(&str, &[&str]); 3] = [
    (
        "fs",
        &[
            "auto", "ext2", "ext3", "ext4", "ufs", "iso9660", "udf", "gfs", "gfs2", "vfat", "hfs+",
            "xfs", "ocfs2", "vmfs",
        ],
    ),
    ("netfs", &["auto", "nfs", "glusterfs", "cifs"]),
    (
        "disk",
        &["dos", "dvh", "gpt", "mac", "bsd", "pc98", "sun", "lvm2"],
    ),
];

fn quoted(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    words.join(", ")
}

impl Member {
    // `has` goes down one member at a time.
    fn has(&self) -> String {
        match self.path.strip_prefix("source.") {
            Some(inner) => format!("(has(self.source) && has(self.source.{inner}))"),
            None => format!("has(self.{})", self.path),
        }
    }

    fn rules(&self) -> Vec<Value> {
        let (path, has) = (self.path, self.has());
        let mut rules = Vec::new();
        if !self.needed.is_empty() {
            let types = quoted(self.needed);
            let message = format!("{path} is needed with type {}", self.needed.join(", "));
            let text = format!(
                "(has(self.managementPolicy) && self.managementPolicy == 'Observe') || \
                 !(self.type in [{types}]) || {has}"
            );
            rules.push(rule(text, &message));
        }
        let all = [self.needed, self.may].concat();
        let message = format!("{path} is only for type {}", all.join(", "));
        let text = format!("!{has} || self.type in [{}]", quoted(&all));
        rules.push(rule(text, &message));
        rules
    }
}

fn formats() -> impl Iterator<Item = Value> {
    FORMATS.iter().map(|(kind, words)| {
        let message = format!(
            "source.format of type {kind} is one of {}",
            words.join(", ")
        );
        let text = format!(
            "self.type != '{kind}' || !has(self.source) || !has(self.source.format) || \
             self.source.format in [{}]",
            quoted(words)
        );
        rule(text, &message)
    })
}

/// A StoragePool's spec: each type has just the members that it is made from.
#[must_use]
pub fn pool_spec() -> Value {
    let mut rules: Vec<Value> = MEMBERS.iter().flat_map(Member::rules).collect();
    rules.extend(formats());
    rules.push(rule(
        "!has(self.source) || !has(self.source.hosts) || self.type == 'rbd' || \
         size(self.source.hosts) <= 1",
        "source.hosts has one server, but for type rbd",
    ));
    rules.push(rule(
        "!has(self.source) || !has(self.source.devices) || self.type in ['logical', 'zfs'] || \
         size(self.source.devices) <= 1",
        "source.devices has one device, but for type logical and zfs",
    ));
    rules.push(rule(
        "!has(self.source) || !has(self.source.devices) || self.source.devices.all(device, \
         self.type in ['iscsi', 'iscsi-direct'] ? device.matches('^iqn[.][A-Za-z0-9:._-]+$') : \
         device.startsWith('/dev/'))",
        "source.devices are paths below /dev, of iscsi and iscsi-direct the target's IQN",
    ));
    rules.push(rule(
        "!has(self.initialize) || !self.initialize || self.type in ['fs', 'disk', 'logical']",
        "initialize is only for type fs, disk, logical",
    ));
    rules.push(rule(
        "!has(self.initialize) || !self.initialize || self.type != 'logical' || \
         (has(self.source) && has(self.source.devices))",
        "source.devices is needed with initialize: the volume group is made of them",
    ));
    rules.push(rule(
        "!has(self.initialize) || !self.initialize || !(self.type in ['fs', 'disk']) || \
         (has(self.source) && has(self.source.format))",
        "source.format is needed with initialize: it says what is made",
    ));
    rules.push(rule(
        "self.scope != 'Shared' || self.type in ['dir', 'netfs', 'iscsi', 'iscsi-direct', 'scsi', \
         'mpath', 'rbd', 'gluster']",
        "scope: Shared is for type dir, netfs, iscsi, iscsi-direct, scsi, mpath, rbd, gluster: \
         nothing keeps the hosts of the others from overwriting each other",
    ));
    for member in ["type", "scope", "source", "target", "managementPolicy"] {
        rules.push(immutable(member));
    }
    Value::Array(rules)
}

/// The folder that a server exports.
#[must_use]
pub fn source_path() -> Value {
    json!([rule(
        "self.startsWith('/') && !self.contains('/../') && !self.endsWith('/..')",
        "an absolute path without .. is needed",
    )])
}

/// The devices of a pool.
#[must_use]
pub fn source_devices() -> Value {
    json!([rule(
        "self.all(device, !device.contains('/../') && !device.endsWith('/..'))",
        "devices are named without ..",
    )])
}

/// The folder of a pool.
#[must_use]
pub fn target_path() -> Value {
    json!([rule(
        "self.startsWith('/') && self != '/' && !self.contains('/../') && !self.endsWith('/..')",
        "an absolute path without .. is needed, such as /var/lib/libvirt/drover",
    )])
}
