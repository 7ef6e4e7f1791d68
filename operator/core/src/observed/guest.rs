//! What a guest says of itself, by its agent. A guest can say anything.

use drover_crds::virtual_machine::{GuestFilesystem, GuestStatus};

// What a guest says is cut to what fits in a status.
const LONGEST: usize = 128;
const MOST_FILESYSTEMS: u64 = 16;

/// What a guest says of itself: texts and numbers by libvirt's names.
#[must_use]
pub fn guest(
    text: impl Fn(&str) -> Option<String>,
    number: impl Fn(&str) -> Option<u64>,
) -> GuestStatus {
    let text = |name: &str| {
        text(name)
            .map(|text| cut(&text))
            .filter(|text| !text.is_empty())
    };
    let count = number("fs.count").unwrap_or(0).min(MOST_FILESYSTEMS);
    let filesystem = |index: u64| {
        let of = |name: &str| format!("fs.{index}.{name}");
        Some(GuestFilesystem {
            mount_point: text(&of("mountpoint"))?,
            type_: text(&of("fstype")),
            size: number(&of("total-bytes")).map(drover_crds::quantity::bytes),
        })
    };
    let mut filesystems: Vec<_> = (0..count).filter_map(filesystem).collect();
    // The agent names them in no order.
    filesystems.sort_by(|a, b| a.mount_point.cmp(&b.mount_point));
    filesystems.dedup_by(|a, b| a.mount_point == b.mount_point);
    GuestStatus {
        hostname: text("hostname"),
        os: text("os.pretty-name").or_else(|| text("os.name")),
        os_id: text("os.id"),
        os_version: text("os.version-id"),
        kernel: text("os.kernel-release"),
        filesystems,
    }
}

fn cut(text: &str) -> String {
    let clean = text.chars().filter(|letter| !letter.is_control());
    clean.take(LONGEST).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::guest;

    #[test]
    fn what_it_says_is_cut_and_in_order() {
        let long = "x".repeat(300);
        let texts = BTreeMap::from([
            ("hostname", "web\n\u{1b}[2J"),
            ("os.pretty-name", long.as_str()),
            ("os.id", ""),
            ("fs.0.mountpoint", "/var"),
            ("fs.1.mountpoint", "/"),
            ("fs.2.mountpoint", "/var"),
            ("fs.1.fstype", "ext4"),
        ]);
        let numbers = BTreeMap::from([("fs.count", 1 << 60), ("fs.1.total-bytes", 5 << 30)]);
        let said = guest(
            |name| texts.get(name).map(|text| (*text).to_owned()),
            |name| numbers.get(name).copied(),
        );
        assert_eq!(said.hostname.as_deref(), Some("web[2J"));
        assert_eq!(said.os.map(|os| os.len()), Some(128));
        assert_eq!(said.os_id, None);
        let mounts: Vec<_> = said
            .filesystems
            .iter()
            .map(|it| it.mount_point.as_str())
            .collect();
        assert_eq!(mounts, ["/", "/var"]);
        assert_eq!(said.filesystems[0].size.as_deref(), Some("5Gi"));
    }
}
