//! The definitions of machines as they are written, beside what declares them. `DROVER_UPDATE_SNAPSHOTS=1`
//! writes those anew that are not as they were; what both versions of libvirt make of them the
//! end-to-end tests say.

use drover_core::definition::create;
use drover_core::fields::{DISK_ROWS, INTERFACE_ROWS, Item, ROWS, Shape, Value};
use drover_core::observed::domain::Definition;
use drover_core::plan::changes::differences;

use self::files::Snapshot;
pub(super) use self::files::read;
use super::given;

#[path = "../snapshots/read.rs"]
mod files;

/// The kinds of hosts that a snapshot may be for.
const KINDS: [&str; 5] = ["kvm", "test", "aarch64", "spice", "newer"];

fn all() -> Vec<Snapshot> {
    files::all(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"))
}

#[allow(clippy::disallowed_methods)]
pub(super) fn write(path: &std::path::Path, text: &str) -> bool {
    std::env::var("DROVER_UPDATE_SNAPSHOTS").is_ok_and(|it| it == "1")
        && std::fs::write(path, text).is_ok()
}

// One element a line, so that a change can be read.
pub(super) fn lines(xml: &str) -> String {
    let mut text = String::new();
    let mut depth = 0;
    for (at, part) in xml.split_inclusive('>').enumerate() {
        let closes = part.contains("</");
        depth -= usize::from(closes);
        if at > 0 && part.starts_with('<') {
            text.push('\n');
            text.extend(std::iter::repeat_n("  ", depth));
        }
        text.push_str(part);
        depth += usize::from(!closes && !part.ends_with("/>"));
    }
    text + "\n"
}

#[test]
fn what_is_written_is_as_it_was() {
    let all = all();
    assert!(all.len() >= 50);
    assert!(
        all.iter()
            .flat_map(|it| &it.on)
            .all(|word| KINDS.contains(&word.as_str()))
    );
    let mut wrong = Vec::new();
    for Snapshot {
        path,
        machine,
        site,
        ..
    } in all
    {
        let path = path.with_extension("xml");
        let xml = lines(&create(&machine, &site, &machine.mark(1)));
        if read(&path).as_ref() != Some(&xml) && !write(&path, &xml) {
            wrong.push(format!("{}:\n{xml}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_written_is_what_is_read() {
    for Snapshot {
        path,
        machine,
        site,
        ..
    } in all()
    {
        let xml = read(&path.with_extension("xml")).unwrap();
        let found = Definition::parse(&xml).unwrap();
        let wanted = Shape::of(&machine, &site);
        assert_eq!(
            differences(&wanted, &site, &found, false),
            [],
            "{}",
            path.display()
        );
        assert_eq!(found.mark, Some(machine.mark(1)));
    }
}

#[test]
fn each_field_is_in_some_snapshot() {
    let all = all();
    let shapes: Vec<_> = all
        .iter()
        .map(|it| Shape::of(&it.machine, &it.site))
        .collect();
    let usual = Shape::of(&given::machine(), &given::site());
    for (index, row) in ROWS.iter().enumerate() {
        let usual = &usual.values[index];
        let mut values = shapes.iter().map(|shape| &shape.values[index]);
        assert!(
            values.any(|it| it != usual && *it != Value::Any),
            "{}",
            row.path
        );
    }
    let disks: Vec<_> = shapes.iter().flat_map(|shape| &shape.disks).collect();
    let interfaces: Vec<_> = shapes.iter().flat_map(|shape| &shape.interfaces).collect();
    let said = |items: &[&Item], index: usize| {
        let mut values = items.iter().map(|item| &item.values[index]);
        values.any(|it| !matches!(it, Value::Any | Value::None))
    };
    for (index, row) in DISK_ROWS.iter().enumerate() {
        assert!(said(&disks, index), "spec.disks[].{}", row.path);
    }
    for (index, row) in INTERFACE_ROWS.iter().enumerate() {
        assert!(said(&interfaces, index), "spec.interfaces[].{}", row.path);
    }
}
