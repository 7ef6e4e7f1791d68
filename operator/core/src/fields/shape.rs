//! All fields of a machine: as they are declared, or as a definition shows them.

use roxmltree::Node;
use uuid::Uuid;

use super::{DISK_ROWS, Field, INTERFACE_ROWS, ROWS, Row, Site, Value};
use crate::desired::machine::DesiredMachine;
use crate::xml::DomainType;

/// All fields of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shape {
    /// What it has once, in the order of [`ROWS`].
    pub values: Vec<Value>,
    /// Its disks.
    pub disks: Vec<Item>,
    /// Its interfaces.
    pub interfaces: Vec<Item>,
    // Disks of which nobody knows yet where they are.
    unplaced: Vec<String>,
}

/// All fields of a disk or an interface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Item {
    /// Its name in the spec.
    pub name: String,
    /// What it has, in the order of its rows.
    pub values: Vec<Value>,
}

impl Shape {
    /// What is declared. A disk of which nobody knows where it is has no place in it.
    #[must_use]
    pub fn of(machine: &DesiredMachine, site: &Site) -> Self {
        let known = |disk: &&crate::desired::machine::DesiredDisk| {
            !disk.has_content() || site.disks.iter().any(|place| place.name == disk.name)
        };
        let unplaced = machine.disks.iter().filter(|disk| !known(disk));
        Self {
            unplaced: unplaced.map(|disk| disk.name.clone()).collect(),
            values: wanted_once(machine, site),
            disks: machine
                .disks
                .iter()
                .filter(known)
                .map(|disk| Item {
                    name: disk.name.clone(),
                    values: wanted(&DISK_ROWS, disk, site),
                })
                .collect(),
            interfaces: machine
                .interfaces
                .iter()
                .map(|nic| Item {
                    name: nic.name.clone(),
                    values: wanted(&INTERFACE_ROWS, nic, site),
                })
                .collect(),
        }
    }

    /// Stands for what is declared: two that say the same have the same.
    #[must_use]
    pub fn hash(&self) -> String {
        use std::fmt::Write as _;

        let mut text = String::with_capacity(1_024);
        let items = self.disks.iter().chain(&self.interfaces);
        for (name, values) in std::iter::once(("", &self.values))
            .chain(items.map(|item| (item.name.as_str(), &item.values)))
        {
            text.push_str(name);
            for value in values {
                // What is called none is not nothing. Writing to a string does not fail.
                let _ = match value {
                    Value::Sealed(place) => write!(text, "|={place}"),
                    _ if matches!(value.as_text(), Some("none" | "any")) => {
                        write!(text, "|={value}")
                    }
                    _ => write!(text, "|{value}"),
                };
            }
            text.push('\n');
        }
        short_hash(&text)
    }

    /// Whether a disk of this name is declared.
    #[must_use]
    pub(crate) fn declares_disk(&self, name: &str) -> bool {
        let placed = self.disks.iter().any(|item| item.name == name);
        placed || self.unplaced.iter().any(|unplaced| unplaced == name)
    }

    /// The value of a field.
    #[must_use]
    pub(crate) fn get(&self, field: Field) -> &Value {
        self.values.get(field as usize).unwrap_or(&Value::Any)
    }
}

/// Sixteen digits that stand for a text, the same in every version.
#[must_use]
pub fn short_hash(text: &str) -> String {
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes())
        .simple()
        .to_string();
    hash[..16].to_owned()
}

fn wanted<W>(rows: &[Row<W>], declared: &W, site: &Site) -> Vec<Value> {
    let elsewhere = !matches!(site.domain_type, DomainType::Qemu | DomainType::Kvm);
    rows.iter()
        .map(|row| match row.qemu_only && elsewhere {
            true => Value::Any,
            false => (row.want)(declared, site),
        })
        .collect()
}

// What is left to be as it is found may be anything.
fn wanted_once(machine: &DesiredMachine, site: &Site) -> Vec<Value> {
    let mut values = wanted(&ROWS, machine, site);
    for (row, value) in ROWS.iter().zip(&mut values) {
        if machine.as_found.iter().any(|it| row.path.starts_with(it)) {
            *value = Value::Any;
        }
    }
    values
}

/// What an element shows of each row.
#[must_use]
pub(crate) fn shown<W>(rows: &[Row<W>], node: Node<'_, '_>) -> Vec<Value> {
    rows.iter().map(|row| (row.read)(node)).collect()
}
