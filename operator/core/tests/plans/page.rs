//! The tables that people read are the tables that the plans go by.

use std::fmt::Write as _;

use drover_core::fields::{Class, DISK_ROWS, INTERFACE_ROWS, ROWS, Row};
use drover_core::plan::strategy::{Next, TABLE};

fn rows<W>(prefix: &str, rows: &[Row<W>], text: &mut String) {
    for row in rows {
        let (class, words) = (row.class.as_str(), row.words);
        writeln!(text, "| `{prefix}{}` | {class} | {words} |", row.path).unwrap();
    }
}

fn classes() -> String {
    let mut text = "| field | class | |\n|---|---|---|\n".to_owned();
    rows("", &ROWS, &mut text);
    text.push_str(
        "| `spec.disks[]` | Live | virtio, scsi and usb disks are plugged in and out; drives, sata and \
         ide disks at the next start |\n",
    );
    rows("spec.disks[].", &DISK_ROWS, &mut text);
    text.push_str("| `spec.interfaces[]` | Live | they are plugged in and out |\n");
    rows("spec.interfaces[].", &INTERFACE_ROWS, &mut text);
    text.push_str(
        "| `spec.interfaces[].ipAddress` | Live | the network keeps another one; the guest has it when \
         it asks anew |\n",
    );
    text.push_str(
        "| `spec.placement` | Migrate | refused until machines can be moved; where it fits, nothing \
         changes |\n",
    );
    text.push_str("| `spec.uuid` | Forbidden | the API server refuses it: make a new object |\n");
    text
}

fn strategies() -> String {
    let mut text =
        "| | guest shuts down | guest reboots | crash | stopped from outside | host lost |\n\
                    |---|---|---|---|---|---|\n"
            .to_owned();
    for (strategy, cells) in TABLE {
        let word = |index: usize| match cells[index].1 {
            Next::Start => "starts again",
            Next::Stay => "stays off",
        };
        let words = [word(0), "goes on", word(1), word(2), word(3)];
        writeln!(text, "| `{strategy:?}` | {} |", words.join(" | ")).unwrap();
    }
    text
}

#[test]
fn the_page_has_the_tables() {
    let page = include_str!("../../../../docs/src/changes.md");
    for table in [classes(), strategies()] {
        assert!(
            page.contains(&table),
            "docs/src/changes.md is to have:\n{table}"
        );
    }
    for class in Class::ALL {
        assert!(
            page.contains(&format!("| `{}` |", class.as_str())),
            "{class:?}"
        );
    }
}
