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
        "[has(self.blank), has(self.http), has(self.image), has(self.clusterImage)].exists_one(x, x)",
        "exactly one of blank, http, image and clusterImage is needed",
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
    json!([rule("has(self.http)", "http is needed")])
}

/// The spec of an Image or a ClusterImage.
#[must_use]
pub fn image_spec() -> Value {
    let mut needed = checksum_needed("self.source.http.url");
    let text = needed["rule"].as_str().unwrap_or_default();
    needed["rule"] = format!("!has(self.source.http) || {text}").into();
    json!([
        needed,
        immutable("source"),
        immutable("checksum"),
        immutable("format"),
    ])
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

/// A Volume that is made with a machine.
#[must_use]
pub fn template() -> Value {
    Value::Array(clone_strategy().to_vec())
}

/// A Volume's spec.
#[must_use]
pub fn volume_spec() -> Value {
    let [of_image, overlay] = clone_strategy();
    json!([
        of_image,
        overlay,
        immutable("cloneStrategy"),
        immutable("pool"),
        immutable("format"),
        immutable("source"),
        immutable("existing"),
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

/// A StoragePool's spec.
#[must_use]
pub fn pool_spec() -> Value {
    json!([
        at(
            ".target",
            rule(
                "(has(self.managementPolicy) && self.managementPolicy == 'Observe') || has(self.target)",
                "target is needed with managementPolicy: Full",
            )
        ),
        at(
            ".type",
            rule(
                "self.type == 'dir' || (has(self.managementPolicy) && \
                 self.managementPolicy == 'Observe')",
                "only a dir is made by Drover: other types need managementPolicy: Observe",
            )
        ),
        immutable("type"),
        immutable("scope"),
        immutable("target"),
        immutable("managementPolicy"),
    ])
}

/// The folder of a pool.
#[must_use]
pub fn target_path() -> Value {
    json!([rule(
        "self.startsWith('/') && self != '/' && !self.contains('/../') && !self.endsWith('/..')",
        "an absolute path without .. is needed, such as /var/lib/libvirt/drover",
    )])
}
