//! CEL rules: what one field's bounds cannot say. All are within the API server's cost budget,
//! which is why strings and lists around them have a largest size.

use serde_json::{Value, json};

/// Largest number of disks of a machine.
pub const MAX_DISKS: usize = 32;
/// Largest number of interfaces of a machine.
pub const MAX_INTERFACES: usize = 32;

// Drivers and transports of a Host's URI.
const DRIVERS: [&str; 5] = ["qemu", "test", "lxc", "xen", "ch"];
const TRANSPORTS: [&str; 4] = ["unix", "tcp", "tls", "ssh"];

fn rule(rule: impl Into<String>, message: &str) -> Value {
    json!({"rule": rule.into(), "message": message})
}

fn at(field: &str, mut rule: Value) -> Value {
    rule["fieldPath"] = field.into();
    rule
}

// `name` may be neither set, changed nor taken away once the object exists.
fn immutable(name: &str) -> Value {
    let text = format!(
        "has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})"
    );
    let message = format!("{name} cannot be changed: make a new object and delete this one");
    at(&format!(".{name}"), rule(text, &message))
}

/// The name of an object that becomes a name of libvirt's.
#[must_use]
pub fn name_at_most(length: usize) -> String {
    format!("size(self.metadata.name) <= {length}")
}

/// `namespaces`.
#[must_use]
pub fn namespaces() -> Value {
    json!([at(
        ".selector",
        rule(
            "(has(self.from) && self.from == 'Selector') == has(self.selector)",
            "selector is needed with from: Selector, and only then",
        )
    )])
}

/// A name of an object of the API server's. Without this a path would pass for one.
#[must_use]
pub fn reference(kind: &str) -> Value {
    let message = format!("paths are not accepted: give the name of {kind}");
    json!([rule(
        "self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$')",
        &message,
    )])
}

/// A Host's `uri`.
#[must_use]
pub fn host_uri() -> Value {
    let schemes: Vec<String> = DRIVERS
        .iter()
        .flat_map(|driver| {
            let with = TRANSPORTS
                .iter()
                .map(move |transport| format!("'{driver}+{transport}'"));
            std::iter::once(format!("'{driver}'")).chain(with)
        })
        .collect();
    let scheme = format!(
        "!isURL(self) || url(self).getScheme() in [{}]",
        schemes.join(", ")
    );
    let allowed = format!(
        "the scheme must be one of {} with one of +{} or none",
        DRIVERS.join(", "),
        TRANSPORTS.join(", +")
    );
    json!([
        rule(
            "isURL(self)",
            "not a libvirt URI, such as qemu+tls://kvm-07.example.org/system"
        ),
        rule(scheme, &allowed),
        rule(
            "!self.matches('^[^/]*//[^/@]*:[^/@]*@')",
            "no password here: credentialsSecretRef names a Secret",
        ),
        rule(
            "self.matches('^[^?#]*([?]((socket|mode)=[^&=]*)(&(socket|mode)=[^&=]*)*)?$')",
            "parameter not allowed: only socket and mode are",
        ),
    ])
}

/// A Host's spec.
#[must_use]
pub fn host_spec() -> Value {
    json!([at(
        ".uri",
        rule(
            "self.insecure || !self.uri.lowerAscii().matches('^[a-z]+[+]tcp:')",
            "refused: tcp is not authenticated; use tls or ssh, or say insecure: true",
        )
    )])
}

/// An amount above zero.
#[must_use]
pub fn positive() -> Value {
    json!([rule(POSITIVE, "must be > 0")])
}

/// An amount of zero or more.
#[must_use]
pub fn not_negative() -> Value {
    json!([rule(
        "!isQuantity(string(self)) || quantity(string(self)).compareTo(quantity('0')) >= 0",
        "must be 0 or more",
    )])
}

const POSITIVE: &str =
    "!isQuantity(string(self)) || quantity(string(self)).isGreaterThan(quantity('0'))";

/// A machine's memory: above zero, whole MiB, at most 64Ti.
#[must_use]
pub fn memory() -> Value {
    let amount = "quantity(string(self)).asApproximateFloat()";
    let whole = format!(
        "!isQuantity(string(self)) || quantity(string(self)).compareTo(quantity('64Ti')) > 0 || \
         {amount} / 1048576.0 == double(int({amount} / 1048576.0))"
    );
    json!([
        rule(POSITIVE, "must be > 0"),
        rule(whole, "not a whole MiB: use for example 512Mi or 2Gi"),
        rule(
            "!isQuantity(string(self)) || quantity(string(self)).compareTo(quantity('64Ti')) <= 0",
            "at most 64Ti",
        ),
    ])
}

const SIZES: &str = "quantity(string(self.maxGuest)).compareTo(quantity(string(self.guest)))";

/// A machine's `memory`.
#[must_use]
pub fn memory_sizes() -> Value {
    let pages = "quantity(string(self.hugepages.pageSize)).asApproximateFloat()";
    let guest =
        "quantity(string(has(self.maxGuest) ? self.maxGuest : self.guest)).asApproximateFloat()";
    json!([
        at(
            ".maxGuest",
            rule(
                format!(
                    "!has(self.maxGuest) || !isQuantity(string(self.maxGuest)) || \
                     !isQuantity(string(self.guest)) || {SIZES} >= 0"
                ),
                "must be guest or more",
            )
        ),
        at(
            ".hugepages",
            rule(
                format!(
                    "!has(self.hugepages) || !isQuantity(string(self.hugepages.pageSize)) || \
                     !isQuantity(string(has(self.maxGuest) ? self.maxGuest : self.guest)) || \
                     {pages} <= 0.0 || {guest} / {pages} == double(int({guest} / {pages}))"
                ),
                "the machine's memory is not a multiple of the page size",
            )
        ),
    ])
}

/// A machine's `cpu`.
#[must_use]
pub fn cpu() -> Value {
    let most = "(has(self.maxSockets) ? self.maxSockets : has(self.sockets) ? self.sockets : 1)";
    json!([
        rule(
            format!(
                "{most} * (has(self.cores) ? self.cores : 1) * \
                 (has(self.threads) ? self.threads : 1) <= 4096"
            ),
            "sockets x cores x threads must be at most 4096",
        ),
        at(
            ".maxSockets",
            rule(
                "!has(self.maxSockets) || self.maxSockets >= (has(self.sockets) ? self.sockets : 1)",
                "must be sockets or more",
            )
        ),
    ])
}

/// A machine's `firmware`.
#[must_use]
pub fn firmware() -> Value {
    json!([at(
        ".secureBoot",
        rule(
            "!has(self.secureBoot) || !self.secureBoot || \
             (has(self.bootloader) && self.bootloader == 'EFI')",
            "needs bootloader: EFI",
        )
    )])
}

/// A machine's `clock`.
#[must_use]
pub fn clock() -> Value {
    json!([rule(
        "[has(self.timezone), has(self.utc)].exists_one(x, x)",
        "exactly one of timezone and utc is needed",
    )])
}

/// A VirtualMachine's spec.
#[must_use]
pub fn machine_spec() -> Value {
    json!([
        rule(
            "has(self.instanceType) != has(self.memory)",
            "exactly one of instanceType and memory is needed",
        ),
        at(
            ".cpu",
            rule(
                "!has(self.instanceType) || !has(self.cpu)",
                "the instanceType says the CPU",
            )
        ),
        immutable("uuid"),
    ])
}

/// A disk's `qos`.
#[must_use]
pub fn disk_qos() -> Value {
    json!([
        rule(
            "!has(self.totalIops) || !(has(self.readIops) || has(self.writeIops))",
            "totalIops excludes readIops and writeIops",
        ),
        rule(
            "!has(self.totalBytesPerSecond) || \
             !(has(self.readBytesPerSecond) || has(self.writeBytesPerSecond))",
            "totalBytesPerSecond excludes readBytesPerSecond and writeBytesPerSecond",
        ),
    ])
}

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

/// A MAC address.
#[must_use]
pub fn mac_address() -> Value {
    json!([
        rule(
            "self.matches('^.[02468aceACE]')",
            "a multicast address: the second digit must be one of 0 2 4 6 8 a c e",
        ),
        rule("!self.matches('^[0:]*$')", "not an address: it is all zero"),
    ])
}

/// A machine's `interfaces`.
#[must_use]
pub fn interfaces() -> Value {
    json!([rule(
        "self.all(a, !has(a.macAddress) || self.exists_one(b, has(b.macAddress) && \
         b.macAddress.lowerAscii() == a.macAddress.lowerAscii()))",
        "two interfaces have the same macAddress",
    )])
}

/// A machine's `disks`.
#[must_use]
pub fn disks() -> Value {
    json!([
        rule(
            "self.all(a, !has(a.volume) || self.exists_one(b, has(b.volume) && \
             b.volume.name == a.volume.name))",
            "two disks use the same volume",
        ),
        rule(
            "self.all(a, !has(a.bootOrder) || self.exists_one(b, has(b.bootOrder) && \
             b.bootOrder == a.bootOrder))",
            "two disks have the same bootOrder",
        ),
    ])
}

/// One disk.
#[must_use]
pub fn disk() -> Value {
    let drive = "(has(self.type) && self.type == 'cdrom')";
    json!([
        rule(
            format!("{drive} || [has(self.volume), has(self.volumeTemplate)].exists_one(x, x)"),
            "exactly one of volume and volumeTemplate is needed",
        ),
        at(
            ".volumeTemplate",
            rule(
                format!("!{drive} || !has(self.volumeTemplate)"),
                "a drive's medium is a Volume that is there",
            )
        ),
        at(
            ".bus",
            rule(
                format!("!{drive} || !has(self.bus) || self.bus != 'virtio'"),
                "a drive is one of sata, scsi, usb, ide",
            )
        ),
        at(
            ".io",
            rule(
                "!has(self.io) || self.io != 'native' || \
                 (has(self.cache) && self.cache in ['none', 'directsync'])",
                "native needs cache: none or directsync",
            )
        ),
    ])
}

/// Where a Volume's content comes from.
#[must_use]
pub fn source() -> Value {
    json!([rule(
        "[has(self.blank), has(self.http)].exists_one(x, x)",
        "exactly one of blank and http is needed",
    )])
}

/// A source at an http(s) URL.
#[must_use]
pub fn http_source() -> Value {
    json!([
        at(
            ".url",
            rule(
                "isURL(self.url) && url(self.url).getScheme() in ['http', 'https'] && \
                 url(self.url).getHostname() != ''",
                "not an http or https URL",
            )
        ),
        at(
            ".url",
            rule(
                "!self.url.matches('^[^/]*//[^/@]*@')",
                "no user or password in the URL"
            ),
        ),
        at(
            ".checksum",
            rule(
                "!self.url.lowerAscii().startsWith('http:') || has(self.checksum)",
                "a checksum is needed: plain http proves nothing",
            )
        ),
    ])
}

/// A Volume's spec.
#[must_use]
pub fn volume_spec() -> Value {
    json!([
        immutable("pool"),
        immutable("format"),
        immutable("source"),
        at(
            ".host",
            rule(
                "!has(oldSelf.host) || (has(self.host) && self.host == oldSelf.host)",
                "host cannot be changed: the data is there",
            )
        ),
    ])
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

/// A Network's spec.
#[must_use]
pub fn network_spec() -> Value {
    json!([
        at(
            ".bridge",
            rule(
                "self.mode != 'Bridge' || (has(self.managementPolicy) && \
                 self.managementPolicy == 'Observe') || (has(self.bridge) && has(self.bridge.name))",
                "bridge.name is needed with mode: Bridge",
            )
        ),
        at(
            ".subnets",
            rule(
                "self.mode != 'Bridge' || !has(self.subnets) || size(self.subnets) == 0",
                "no subnets with mode: Bridge: libvirt manages none there",
            )
        ),
        at(
            ".subnets",
            rule(
                "self.mode != 'NAT' || (has(self.managementPolicy) && \
                 self.managementPolicy == 'Observe') || (has(self.subnets) && size(self.subnets) > 0)",
                "at least one subnet is needed with mode: NAT",
            )
        ),
        immutable("mode"),
        immutable("managementPolicy"),
    ])
}

/// A Network's subnets.
#[must_use]
pub fn subnets() -> Value {
    json!([rule(
        "self.all(a, !isCIDR(a.cidr) || self.exists_one(b, isCIDR(b.cidr) && \
         (cidr(a.cidr).containsCIDR(b.cidr) || cidr(b.cidr).containsCIDR(a.cidr))))",
        "two subnets overlap",
    )])
}

/// One subnet.
#[must_use]
pub fn subnet() -> Value {
    let ranges = "has(self.dhcp) && has(self.dhcp.ranges)";
    json!([
        at(
            ".cidr",
            rule("isCIDR(self.cidr)", "not a CIDR, such as 192.168.150.0/24")
        ),
        at(
            ".cidr",
            rule(
                "!isCIDR(self.cidr) || cidr(self.cidr) == cidr(self.cidr).masked()",
                "bits are set behind the prefix: the network's own address is needed",
            )
        ),
        at(
            ".dhcp",
            rule(
                format!(
                    "!isCIDR(self.cidr) || !({ranges}) || self.dhcp.ranges.all(r, \
                     isIP(r.start) && isIP(r.end) && cidr(self.cidr).containsIP(r.start) && \
                     cidr(self.cidr).containsIP(r.end))"
                ),
                "a DHCP range is outside of the subnet",
            )
        ),
    ])
}

/// One range of addresses. CEL orders no addresses, so IPv4's are made numbers; IPv6's are
/// compared when the network is made.
#[must_use]
pub fn dhcp_range() -> Value {
    let number = |list: &str| {
        format!("{list}[0] * 16777216 + {list}[1] * 65536 + {list}[2] * 256 + {list}[3]")
    };
    let parts = |field: &str| format!("self.{field}.split('.').map(x, int(x))");
    let text = format!(
        "!isIP(self.start) || !isIP(self.end) || ip(self.start).family() != 4 || \
         ip(self.end).family() != 4 || [{}].all(s, [{}].all(e, {} <= {}))",
        parts("start"),
        parts("end"),
        number("s"),
        number("e"),
    );
    json!([rule(text, "a DHCP range ends before it starts")])
}
