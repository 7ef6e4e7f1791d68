//! Drover's mark in the `<metadata>` of a domain or a network: whose it is, and what has been done
//! about it. It outlives the cluster.

use uuid::Uuid;

use super::XML_NAMESPACE;
use crate::xml::Element;

/// Drover's mark.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// The fleet.
    pub fleet: String,
    /// The object's namespace; empty for one of the cluster.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The object's UID. One that differs proves nothing: the cluster may have been made anew.
    pub uid: String,
    /// The placement that wrote the definition.
    pub epoch: i64,
    /// Who keeps it: a cluster's UID, or `cli`; empty for what was marked before there were two.
    pub manager: String,
    /// Stands for the spec that the definition was written from.
    pub spec: String,
    /// What has been done about it.
    pub recorded: Recorded,
}

/// What has been done about a machine, as its metadata tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    /// The values of the annotations that were acted on.
    pub acted: Acted,
    /// What was begun and has to be ended, whoever comes.
    pub pending: Option<Pending>,
    /// Whether a machine that runs once has been started.
    pub ran: bool,
    /// How it stopped, for a strategy by which it then stays off.
    pub ended: Option<Stop>,
    /// The spec towards which every change is approved, until all are made.
    pub approved: Option<String>,
    /// Fields of the spec that are not written though the spec has them.
    pub held: Vec<String>,
    /// Values that the definition does not show as they were declared, by their paths.
    pub declared: Vec<(String, String)>,
    /// Devices of the spec that Drover did not write, by what they are found by (a disk's device, an
    /// interface's MAC address), each with its name in the spec.
    pub adopted: Vec<(String, String)>,
    /// What the spec's InstanceType said, as JSON.
    pub instance_type: Option<String>,
    /// What the names of its seed volumes are made with.
    pub seed_key: Option<Uuid>,
}

/// The values of the annotations that were acted on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acted {
    /// `drover.dev/restartedAt`.
    pub restarted: Option<String>,
    /// `drover.dev/resetAt`.
    pub reset: Option<String>,
    /// `drover.dev/startedAt`.
    pub started: Option<String>,
    /// `drover.dev/stoppedAt`.
    pub stopped: Option<String>,
}

/// What was begun and has to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// It is to be shut down, and started again.
    Restart,
    /// It is to be started.
    Start,
    /// It is to be shut down.
    Stop,
}

/// How a machine came to be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stop {
    /// The guest shut itself down.
    GuestShutdown,
    /// The guest or its QEMU failed.
    Crash,
    /// Somebody stopped it who was not Drover.
    Outside,
    /// Its host went down, or nobody knows.
    HostLost,
}

impl Pending {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Restart, "Restart"),
        (Self::Start, "Start"),
        (Self::Stop, "Stop"),
    ];
}

impl Stop {
    /// Each with its word.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::GuestShutdown, "GuestShutdown"),
        (Self::Crash, "Crash"),
        (Self::Outside, "Outside"),
        (Self::HostLost, "HostLost"),
    ];
}

fn word<T: PartialEq>(all: &[(T, &'static str)], value: &T) -> Option<&'static str> {
    let found = all.iter().find(|(known, _)| known == value);
    found.map(|(_, word)| *word)
}

fn value<T: Copy>(all: &[(T, &'static str)], word: &str) -> Option<T> {
    let found = all.iter().find(|(_, known)| *known == word);
    found.map(|(value, _)| *value)
}

impl Mark {
    /// The element.
    #[must_use]
    pub fn element(&self) -> Element {
        self.named("drover:mark", Some(("xmlns:drover", XML_NAMESPACE)))
    }

    /// The element as libvirt's call for metadata takes it, which adds the namespace.
    #[must_use]
    pub fn plain(&self) -> Element {
        self.named("mark", None)
    }

    fn named(&self, name: &'static str, namespace: Option<(&'static str, &str)>) -> Element {
        let mut mark = Element::new(name);
        if let Some((name, uri)) = namespace {
            mark.set(name, uri);
        }
        let mut mark = mark
            .attribute("fleet", &self.fleet)
            .attribute("namespace", &self.namespace)
            .attribute("name", &self.name)
            .attribute("uid", &self.uid)
            .attribute("epoch", self.epoch.to_string());
        let Recorded {
            acted,
            pending,
            ran,
            ended,
            approved,
            held,
            declared,
            adopted,
            instance_type,
            seed_key,
        } = &self.recorded;
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let optional = [
            ("manager", text(&self.manager)),
            ("spec", text(&self.spec)),
            ("restartedAt", acted.restarted.clone()),
            ("resetAt", acted.reset.clone()),
            ("startedAt", acted.started.clone()),
            ("stoppedAt", acted.stopped.clone()),
            (
                "pending",
                pending.and_then(|it| text(word(&Pending::ALL, &it)?)),
            ),
            ("ran", ran.then(|| "yes".to_owned())),
            ("ended", ended.and_then(|it| text(word(&Stop::ALL, &it)?))),
            ("approved", approved.clone()),
            ("held", text(&held.join(" "))),
            ("seedKey", seed_key.map(|key| key.simple().to_string())),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                mark.set(name, value);
            }
        }
        let declared = declared.iter().map(|(path, value)| {
            Element::new("declared")
                .attribute("path", path)
                .attribute("value", value)
        });
        let adopted = adopted.iter().map(|(device, name)| {
            Element::new("adopted")
                .attribute("device", device)
                .attribute("name", name)
        });
        let size = instance_type
            .as_ref()
            .map(|json| Element::text("instanceType", json));
        mark.children(declared).children(adopted).children(size)
    }

    /// The mark in a definition, whose root this is.
    #[must_use]
    pub fn read(root: roxmltree::Node<'_, '_>) -> Option<Self> {
        let metadata = root.children().find(|node| node.has_tag_name("metadata"))?;
        let mark = metadata
            .children()
            .find(|node| node.has_tag_name((XML_NAMESPACE, "mark")))?;
        let attribute = |name| mark.attribute(name).map(str::to_owned);
        let children = |name| mark.children().filter(move |node| node.has_tag_name(name));
        let pairs = |element, first, second| {
            let pairs = children(element).filter_map(move |node| {
                let text = |name| node.attribute(name).map(str::to_owned);
                Some((text(first)?, text(second)?))
            });
            pairs.collect()
        };
        let held = mark.attribute("held").unwrap_or_default();
        Some(Self {
            fleet: attribute("fleet")?,
            namespace: attribute("namespace")?,
            name: attribute("name")?,
            uid: attribute("uid").unwrap_or_default(),
            epoch: mark.attribute("epoch")?.parse().ok()?,
            manager: attribute("manager").unwrap_or_default(),
            spec: attribute("spec").unwrap_or_default(),
            recorded: Recorded {
                acted: Acted {
                    restarted: attribute("restartedAt"),
                    reset: attribute("resetAt"),
                    started: attribute("startedAt"),
                    stopped: attribute("stoppedAt"),
                },
                pending: mark
                    .attribute("pending")
                    .and_then(|word| value(&Pending::ALL, word)),
                ran: mark.attribute("ran").is_some(),
                ended: mark
                    .attribute("ended")
                    .and_then(|word| value(&Stop::ALL, word)),
                approved: attribute("approved"),
                held: held.split_whitespace().map(str::to_owned).collect(),
                declared: pairs("declared", "path", "value"),
                adopted: pairs("adopted", "device", "name"),
                instance_type: children("instanceType")
                    .next()
                    .and_then(|node| node.text().map(str::to_owned)),
                seed_key: mark.attribute("seedKey").and_then(|key| key.parse().ok()),
            },
        })
    }

    /// Whether both stand for the same object, in whatever life of the cluster.
    #[must_use]
    pub fn same_object(&self, other: &Self) -> bool {
        (&self.fleet, &self.namespace, &self.name) == (&other.fleet, &other.namespace, &other.name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Acted, Mark, Pending, Recorded, Stop};

    proptest! {
        #[test]
        fn a_mark_is_read_as_it_was_written(
            fleet in "[a-z<&'\"]{1,9}", name in "[a-z]{1,9}", uid in "\\PC{0,9}", epoch in 0_i64..99,
            manager in "[a-z]{0,3}", pending in 0..4_usize, ended in 0..5_usize, ran in any::<bool>(),
            restarted in prop::option::of("[0-9TZ:-]{1,20}"),
            held in prop::collection::vec("[a-z.\\[\\]]{1,9}", 0..3),
            value in "[^\\p{C}]{0,9}",
        ) {
            let mark = Mark {
                fleet, namespace: "n".into(), name, uid, epoch, manager, spec: "s".into(),
                recorded: Recorded {
                    acted: Acted { restarted, ..Acted::default() },
                    pending: Pending::ALL.get(pending).map(|it| it.0),
                    ended: Stop::ALL.get(ended).map(|it| it.0),
                    ran,
                    approved: Some("a".into()),
                    held,
                    declared: vec![("spec.cpu.model".into(), value.clone())],
                    adopted: vec![("vda".into(), value)],
                    instance_type: Some("{\"cpu\":{}}".into()),
                    seed_key: Some(uuid::Uuid::from_u128(7)),
                },
            };
            let text = format!("<domain><metadata>{}</metadata></domain>", mark.element());
            let document = roxmltree::Document::parse(&text)?;
            prop_assert_eq!(Mark::read(document.root_element()), Some(mark));
        }
    }
}
