//! A network on one host.

mod edits;

use drover_crds::condition::Reason;

pub use self::edits::{Command, Edit, Sides};
use super::{Plan, Verdict};
use crate::desired::network::DesiredNetwork;
use crate::observed::network::{NetworkFacts, ObservedNetwork};
use crate::xml::{Kept, network_xml};

/// One thing to be done on the host. After it everything is looked at anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write this definition.
    Define(String),
    /// Change single elements of it, without a restart.
    Update(Vec<Edit>),
    /// Start it.
    Start,
    /// Stop it.
    Destroy,
    /// Take the definition away.
    Undefine,
}

impl Step {
    /// Its name, for logs and for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Define(_) => "define",
            Self::Update(_) => "update",
            Self::Start => "start",
            Self::Destroy => "destroy",
            Self::Undefine => "undefine",
        }
    }
}

/// The plan for a network on a host. `users` are the running machines that are in it.
#[must_use]
pub fn plan(
    desired: &DesiredNetwork,
    observed: Option<&ObservedNetwork>,
    users: &[String],
) -> Plan<Step> {
    let Some(network) = observed else {
        if desired.managed {
            let definition = network_xml(desired, &Kept::default());
            return Plan::creating(Step::Define(definition), "it is being defined");
        }
        let message = format!("there is no network {} on the host", desired.name);
        return Plan::waiting(Reason::NotRealized, message);
    };
    if !desired.managed {
        let message = "the network is not active";
        return if network.active {
            Plan::fine()
        } else {
            Plan::waiting(Reason::NotRealized, message)
        };
    }
    if network.uuid != desired.uuid {
        let message = format!(
            "a network {} that is not Drover's is on the host",
            desired.name
        );
        return Plan::waiting(Reason::NameConflict, message);
    }
    of_ours(desired, network, users)
}

// The definition first: whatever restarts the network then starts it as declared.
fn of_ours(desired: &DesiredNetwork, network: &ObservedNetwork, users: &[String]) -> Plan<Step> {
    let definition = network_xml(desired, &Kept::of(network));
    let wanted = match NetworkFacts::parse(&definition) {
        Ok(wanted) => wanted,
        Err(error) => return Plan::waiting(Reason::NotRealized, error.to_string()),
    };
    if !network.persistent || !differences(&wanted, &network.config).is_empty() {
        return Plan::creating(Step::Define(definition), "it is being defined");
    }
    let edits = edits::edits(&wanted, network);
    if !edits.is_empty() {
        return Plan::creating(Step::Update(edits), "it is being changed");
    }
    let Some(live) = &network.live else {
        return Plan::creating(Step::Start, "it is being started");
    };
    let differences = differences(&wanted, live);
    if differences.is_empty() {
        return Plan::fine();
    }
    if users.is_empty() {
        return Plan::creating(Step::Destroy, "it is being restarted");
    }
    let Verdict { reason, message } = cut_off(&differences, users);
    Plan::waiting(reason, message)
}

// What waits for a restart, and whom that would cut off.
fn cut_off(differences: &[String], users: &[String]) -> Verdict {
    const MOST: usize = 20;
    let named = users.iter().take(MOST).map(String::as_str);
    let mut named = named.collect::<Vec<_>>().join(", ");
    if users.len() > MOST {
        named.push_str(&format!(" and {} more", users.len() - MOST));
    }
    let changes = differences.join("; ");
    let message = format!("{changes}: needs a restart of the network, which would cut off {named}");
    Verdict::new(Reason::RestartRequired, message)
}

/// The plan for a network whose object is being deleted.
#[must_use]
pub fn plan_deletion(
    desired: &DesiredNetwork,
    observed: Option<&ObservedNetwork>,
    users: &[String],
) -> Plan<Step> {
    let ours = observed
        .filter(|network| desired.managed && desired.delete && network.uuid == desired.uuid);
    let Some(network) = ours else {
        return Plan::waiting(Reason::Deleting, "nothing is to be done");
    };
    match (network.active, users) {
        (true, [first, ..]) => {
            let message = format!("a running domain is in the network: {first}");
            Plan::waiting(Reason::InUse, message)
        }
        (true, []) => Plan::creating(Step::Destroy, "it is being removed"),
        (false, _) => Plan::creating(Step::Undefine, "it is being removed"),
    }
}

// What only a restart changes, each with its field. A bridge that libvirt chose is no difference.
fn differences(wanted: &NetworkFacts, found: &NetworkFacts) -> Vec<String> {
    let fields = wanted.fixed.keys().chain(found.fixed.keys());
    let mut fields: Vec<&'static str> = fields.copied().collect();
    fields.sort_unstable();
    fields.dedup();
    let differing = fields.into_iter().filter_map(|field| {
        let (to, from) = (wanted.fixed.get(field), found.fixed.get(field));
        let chosen = field == "spec.bridge.name" && to.is_none();
        let word = |value: Option<&String>| value.map_or("none", String::as_str).to_owned();
        (to != from && !chosen).then(|| format!("{field}: {} -> {}", word(from), word(to)))
    });
    differing.collect()
}
