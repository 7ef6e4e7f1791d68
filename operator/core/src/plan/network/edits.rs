//! Changes of single elements of a network, which libvirt makes while it runs.

use crate::observed::network::{Item, NetworkFacts, ObservedNetwork, Section};

/// What is done with an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// It is put at the end of its list.
    Add,
    /// The one of the same key becomes it.
    Modify,
    /// It is taken out.
    Delete,
}

/// Which definitions are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// That of the running network.
    Live,
    /// That of its next start.
    Config,
    /// Both.
    Both,
}

/// A change of one element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is done.
    pub command: Command,
    /// The list.
    pub section: Section,
    /// The place of its subnet among the network's addresses, if it is in one.
    pub parent: Option<usize>,
    /// The element.
    pub xml: String,
    /// The definitions.
    pub sides: Sides,
}

/// The changes that make a network's lists as wanted. What cannot be changed at once, because
/// something else is in the way, is left for the next look.
pub(super) fn edits(wanted: &NetworkFacts, network: &ObservedNetwork) -> Vec<Edit> {
    let config = of_side(wanted, &network.config, Sides::Config);
    let Some(live) = &network.live else {
        return config;
    };
    let mut edits = of_side(wanted, live, Sides::Live);
    for edit in config {
        let same = |known: &&mut Edit| {
            (known.command, known.section, known.parent, &known.xml)
                == (edit.command, edit.section, edit.parent, &edit.xml)
        };
        match edits.iter_mut().find(same) {
            Some(known) => known.sides = Sides::Both,
            None => edits.push(edit),
        }
    }
    // What is taken out makes room.
    edits.sort_by_key(|edit| edit.command != Command::Delete);
    edits
}

fn of_side(wanted: &NetworkFacts, found: &NetworkFacts, sides: Sides) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut say = |command, item: &Item| {
        // A subnet that is not there is one that a restart brings.
        let parent = match &item.subnet {
            None => None,
            Some(subnet) => match found.place_of(subnet) {
                None => return,
                place => place,
            },
        };
        edits.push(Edit {
            command,
            section: item.section,
            parent,
            xml: item.element.to_string(),
            sides,
        });
    };
    let goes = |subnet: &Option<String>| {
        let subnet = subnet.as_ref();
        subnet.is_some_and(|subnet| wanted.place_of(subnet).is_none())
    };
    for item in &found.items {
        match counterpart(item, &wanted.items) {
            // The subnet goes with all that is in it.
            None if goes(&item.subnet) => {}
            None => say(Command::Delete, item),
            Some(to) if to == item => {}
            Some(to) if is_free(to, item, found) => say(Command::Modify, to),
            Some(_) => say(Command::Delete, item),
        }
    }
    for item in &wanted.items {
        let others = || found.items.iter().filter(|other| other.clashes(item));
        if counterpart(item, &found.items).is_none() {
            // What is in the way is on its way out, or to something else: then it is put in later.
            let stays = others().any(|other| counterpart(other, &wanted.items).is_some());
            if !(item.section == Section::DhcpHost && stays) {
                say(Command::Add, item);
            }
        }
    }
    edits.sort_by_key(|edit| edit.command != Command::Delete);
    edits
}

fn counterpart<'a>(item: &Item, among: &'a [Item]) -> Option<&'a Item> {
    let mut same = among.iter().filter(|other| {
        (other.section, &other.subnet, other.key()) == (item.section, &item.subnet, item.key())
    });
    same.next()
}

// Whether nothing else stands where an element is to go.
fn is_free(to: &Item, from: &Item, found: &NetworkFacts) -> bool {
    let mut others = found.items.iter();
    to.section.is_modified()
        && !others.any(|other| {
            other.key() != from.key() && other.subnet == to.subnet && other.clashes(to)
        })
}
