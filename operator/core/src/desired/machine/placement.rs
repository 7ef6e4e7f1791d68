//! Where a machine may be, in the scheduler's words.

use drover_crds::host::{Taint as HostTaint, TaintEffect};
use drover_crds::virtual_machine::{
    HostOperator, HostSelectorTerm, MachineAffinityTerm, Placement, Preemption,
    Toleration as Tolerated, TolerationOperator, TopologySpreadConstraint,
    WeightedMachineAffinityTerm, WhenHalted, WhenUnsatisfiable,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::schedule::{
    Effect, Operator, Preferred, Requirement, Selector, Spread, Taint, Term, Toleration,
};

/// Where a machine may be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DesiredPlacement {
    /// The one Host that it may be on.
    pub host: Option<String>,
    /// The labels of the Hosts that it may be on.
    pub host_selector: Option<LabelSelector>,
    /// Of these, one has to select the Host; none: every Host will do.
    pub host_affinity: Vec<Selector>,
    /// The Hosts that it is better on.
    pub preferred_hosts: Vec<Preferred<Selector>>,
    /// Machines that have to be near.
    pub affinity: Vec<Term>,
    /// Machines that are better near.
    pub preferred_affinity: Vec<Preferred<Term>>,
    /// Machines that may not be near.
    pub anti_affinity: Vec<Term>,
    /// Machines that are better elsewhere.
    pub preferred_anti_affinity: Vec<Preferred<Term>>,
    /// The taints that it tolerates.
    pub tolerations: Vec<Toleration>,
    /// How it is spread.
    pub spread: Vec<Spread>,
    /// The higher, the earlier it is placed.
    pub priority: i32,
    /// Whether it may stop others so that it finds room, and be stopped for others.
    pub preemption: bool,
    /// The machines that it is placed together with, or not at all.
    pub group: Option<DesiredGroup>,
    /// What becomes of its place while it is off.
    pub when_halted: WhenHalted,
}

/// Machines of one namespace that are placed together, or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DesiredGroup {
    /// Its name.
    pub name: String,
    /// How many have to be placed at least.
    pub min_member: usize,
}

impl DesiredPlacement {
    /// Reads what a spec says.
    #[must_use]
    pub fn parse(spec: Placement) -> Self {
        let affinity = spec.affinity.unwrap_or_default();
        let hosts = affinity.host_affinity.unwrap_or_default();
        let near = affinity.machine_affinity.unwrap_or_default();
        let apart = affinity.machine_anti_affinity.unwrap_or_default();
        let required = hosts.required_during_scheduling_ignored_during_execution;
        let required = required.unwrap_or_default().host_selector_terms;
        let preferred = hosts.preferred_during_scheduling_ignored_during_execution;
        let terms = |terms: &[MachineAffinityTerm]| terms.iter().map(term).collect();
        let weighted =
            |terms: &[WeightedMachineAffinityTerm]| terms.iter().map(preferred_term).collect();
        Self {
            host: spec.host,
            host_selector: spec.host_selector,
            host_affinity: required.iter().map(selector_of).collect(),
            preferred_hosts: preferred
                .iter()
                .map(|it| Preferred {
                    weight: weight(it.weight),
                    term: selector_of(&it.preference),
                })
                .collect(),
            affinity: terms(&near.required_during_scheduling_ignored_during_execution),
            preferred_affinity: weighted(
                &near.preferred_during_scheduling_ignored_during_execution,
            ),
            anti_affinity: terms(&apart.required_during_scheduling_ignored_during_execution),
            preferred_anti_affinity: weighted(
                &apart.preferred_during_scheduling_ignored_during_execution,
            ),
            tolerations: spec.tolerations.iter().map(toleration).collect(),
            spread: spec
                .topology_spread_constraints
                .iter()
                .map(spread)
                .collect(),
            priority: spec.priority,
            preemption: spec.preemption == Preemption::Allowed,
            group: spec.group.map(|group| DesiredGroup {
                name: group.name,
                min_member: usize::try_from(group.min_member).unwrap_or(1),
            }),
            when_halted: spec.when_halted,
        }
    }
}

/// A Host's taint.
#[must_use]
pub fn taint(taint: &HostTaint) -> Taint {
    Taint {
        key: taint.key.clone(),
        value: taint.value.clone(),
        effect: effect(taint.effect),
    }
}

fn effect(effect: TaintEffect) -> Effect {
    match effect {
        TaintEffect::NoSchedule => Effect::NoSchedule,
        TaintEffect::PreferNoSchedule => Effect::PreferNoSchedule,
    }
}

fn toleration(it: &Tolerated) -> Toleration {
    let value = it.value.clone().unwrap_or_default();
    Toleration {
        key: it.key.clone().filter(|key| !key.is_empty()),
        value: (it.operator == TolerationOperator::Equal).then_some(value),
        effect: it.effect.map(effect),
    }
}

fn selector_of(term: &HostSelectorTerm) -> Selector {
    let all = term.match_expressions.iter();
    let all = all.map(|it| Requirement {
        key: it.key.clone(),
        operator: operator(it.operator),
        values: it.values.clone(),
    });
    Selector(all.collect())
}

fn operator(operator: HostOperator) -> Operator {
    match operator {
        HostOperator::In => Operator::In,
        HostOperator::NotIn => Operator::NotIn,
        HostOperator::Exists => Operator::Exists,
        HostOperator::DoesNotExist => Operator::DoesNotExist,
        HostOperator::Gt => Operator::Gt,
        HostOperator::Lt => Operator::Lt,
    }
}

// Without a selector nothing is selected, as in Kubernetes; an empty one selects everything.
fn selected(selector: Option<&LabelSelector>) -> Selector {
    selector.map_or_else(
        || {
            Selector(vec![Requirement {
                key: String::new(),
                operator: Operator::Unknown,
                values: Vec::new(),
            }])
        },
        Selector::from,
    )
}

fn term(it: &MachineAffinityTerm) -> Term {
    Term {
        topology_key: it.topology_key.clone(),
        selector: selected(it.label_selector.as_ref()),
        namespaces: it.namespaces.clone(),
    }
}

fn preferred_term(it: &WeightedMachineAffinityTerm) -> Preferred<Term> {
    Preferred {
        weight: weight(it.weight),
        term: term(&it.machine_affinity_term),
    }
}

fn weight(weight: i32) -> u8 {
    u8::try_from(weight.clamp(1, 100)).unwrap_or(1)
}

fn spread(it: &TopologySpreadConstraint) -> Spread {
    let positive = |number: i32| u32::try_from(number).unwrap_or(1).max(1);
    Spread {
        topology_key: it.topology_key.clone(),
        selector: selected(it.label_selector.as_ref()),
        max_skew: positive(it.max_skew),
        min_domains: it.min_domains.map_or(1, positive),
        required: it.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use drover_crds::virtual_machine::Placement;

    use super::DesiredPlacement;
    use crate::schedule::{Effect, Taint};

    fn parsed(yaml: &str) -> DesiredPlacement {
        let placement: Placement = serde_saphyr::from_str(yaml).unwrap();
        DesiredPlacement::parse(placement)
    }

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn no_selector_selects_no_machine_and_an_empty_one_each() {
        let placement = parsed(
            "affinity:
  machineAntiAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
    - {topologyKey: rack}
    - {topologyKey: rack, labelSelector: {}}
    - {topologyKey: rack, labelSelector: {matchLabels: {app: db}}, namespaces: [shop]}",
        );
        let [none, all, some] = placement.anti_affinity.as_slice() else {
            panic!("three terms: {placement:?}");
        };
        let db = labels(&[("app", "db")]);
        assert!(!none.selector.matches(&db));
        assert!(all.selector.matches(&db));
        assert!(some.selector.matches(&db));
        assert!(!some.selector.matches(&labels(&[])));
        assert_eq!(some.namespaces, ["shop"]);
    }

    #[test]
    fn tolerations_are_read_as_kubernetes_reads_them() {
        let taint = |value: &str, effect| Taint {
            key: "gpu".into(),
            value: value.into(),
            effect,
        };
        let covers = |yaml: &str, taint: &Taint| {
            let placement = parsed(&format!("tolerations: [{yaml}]"));
            placement.tolerations[0].covers(taint)
        };
        let (a10, none) = (
            taint("a10", Effect::NoSchedule),
            taint("", Effect::NoSchedule),
        );
        assert!(covers("{key: gpu, value: a10}", &a10));
        assert!(!covers("{key: gpu}", &a10), "Equal, to no value");
        assert!(covers("{key: gpu}", &none));
        assert!(covers("{key: gpu, operator: Exists}", &a10));
        assert!(covers("{operator: Exists}", &a10));
        assert!(!covers(
            "{operator: Exists, effect: PreferNoSchedule}",
            &a10
        ));
    }

    #[test]
    fn hosts_are_selected_by_one_of_the_terms() {
        let placement = parsed(
            "affinity:
  hostAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      hostSelectorTerms:
      - matchExpressions: [{key: rack, operator: In, values: [a]}]
      - matchExpressions: [{key: generation, operator: Gt, values: ['3']}]
    preferredDuringSchedulingIgnoredDuringExecution:
    - {weight: 7, preference: {matchExpressions: [{key: old, operator: DoesNotExist}]}}",
        );
        let fits = |pairs: &[(&str, &str)]| {
            let mut terms = placement.host_affinity.iter();
            terms.any(|term| term.matches(&labels(pairs)))
        };
        assert!(fits(&[("rack", "a")]));
        assert!(fits(&[("rack", "b"), ("generation", "4")]));
        assert!(!fits(&[("rack", "b"), ("generation", "3")]));
        assert_eq!(placement.preferred_hosts[0].weight, 7);
    }

    #[test]
    fn spread() {
        let placement = parsed(
            "topologySpreadConstraints:
- {maxSkew: 2, topologyKey: rack, whenUnsatisfiable: DoNotSchedule, minDomains: 3, labelSelector: {}}
- {maxSkew: 1, topologyKey: row, whenUnsatisfiable: ScheduleAnyway, labelSelector: {}}",
        );
        let told = placement.spread.iter();
        let told: Vec<_> = told
            .map(|it| (it.max_skew, it.min_domains, it.required))
            .collect();
        assert_eq!(told, [(2, 3, true), (1, 1, false)]);
    }
}
