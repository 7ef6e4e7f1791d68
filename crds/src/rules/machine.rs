//! What a machine's parts may say.

use serde_json::{Value, json};

use super::{POSITIVE, at, immutable, rule};

const SIZES: &str = "quantity(string(self.maxGuest)).compareTo(quantity(string(self.guest)))";

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
        rule(
            "[has(self.cloudInit), has(self.ignition), has(self.sysprep)].filter(x, x).size() <= 1",
            "at most one of cloudInit, ignition and sysprep can be set",
        ),
        at(
            ".disks",
            rule(
                "!(has(self.cloudInit) || has(self.ignition) || has(self.sysprep)) || \
                 (has(self.disks) && \
                 self.disks.exists(d, has(d.volume) || has(d.volumeTemplate)))",
                "cloudInit, ignition and sysprep need a disk with volume or volumeTemplate: what \
                 the guest is given is kept in its pool",
            )
        ),
        immutable("uuid"),
    ])
}

/// A machine's `cloudInit`.
#[must_use]
pub fn cloud_init() -> Value {
    let rules = ["userData", "networkData", "vendorData"].map(|data| {
        let both = format!("!(has(self.{data}) && has(self.{data}SecretRef))");
        rule(
            both,
            &format!("at most one of {data} and {data}SecretRef can be set"),
        )
    });
    rules.to_vec().into()
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

/// An address that a Network's DHCP server keeps for an interface.
#[must_use]
pub fn ip_address() -> Value {
    json!([
        rule("isIP(self)", "not an IP address, such as 192.168.150.20"),
        rule(
            "!isIP(self) || ip(self).family() == 4",
            "only an IPv4 address: a DHCPv6 server knows guests by a DUID that only they know",
        ),
    ])
}

/// A machine's `interfaces`.
#[must_use]
pub fn interfaces() -> Value {
    json!([
        rule(
            "self.all(a, !has(a.macAddress) || self.exists_one(b, has(b.macAddress) && \
             b.macAddress.lowerAscii() == a.macAddress.lowerAscii()))",
            "two interfaces have the same macAddress",
        ),
        rule(
            "self.all(a, !has(a.ipAddress) || self.exists_one(b, has(b.ipAddress) && \
             b.network == a.network && b.ipAddress == a.ipAddress))",
            "two interfaces have the same ipAddress in the same network",
        ),
    ])
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
                "a drive's medium is a Volume that is there, or an image",
            )
        ),
        rule(
            format!("{drive} || (!has(self.image) && !has(self.clusterImage))"),
            "image and clusterImage are for type: cdrom: a disk begins as one by its volumeTemplate",
        ),
        rule(
            "[has(self.volume), has(self.image), has(self.clusterImage)].filter(x, x).size() <= 1",
            "at most one of volume, image and clusterImage is in a drive",
        ),
        at(
            ".pool",
            rule(
                "!has(self.pool) || has(self.image) || has(self.clusterImage)",
                "pool is for the copy of an image",
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
