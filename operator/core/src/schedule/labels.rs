//! Labels, taints, and what selects by them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// It is one of the values.
    In,
    /// It is none of the values, or there is none.
    NotIn,
    /// There is one.
    Exists,
    /// There is none.
    DoesNotExist,
    /// It is a whole number above the one value.
    Gt,
    /// It is a whole number below the one value.
    Lt,
    /// An operator that nobody knows: it selects nothing, rather than everything.
    Unknown,
}

impl Operator {
    /// The operator of this name in Kubernetes' API.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name {
            "In" => Self::In,
            "NotIn" => Self::NotIn,
            "Exists" => Self::Exists,
            "DoesNotExist" => Self::DoesNotExist,
            "Gt" => Self::Gt,
            "Lt" => Self::Lt,
            _ => Self::Unknown,
        }
    }
}

/// What one label has to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub values: Vec<String>,
}

impl Requirement {
    fn met(&self, found: Option<&str>) -> bool {
        let listed = |value: &str| self.values.iter().any(|it| it == value);
        let beyond = |above: bool| {
            let number = |text: &str| text.parse::<i64>().ok();
            let found = found.and_then(number);
            let [limit] = self.values.as_slice() else {
                return false;
            };
            found
                .zip(number(limit))
                .is_some_and(|(found, limit)| if above { found > limit } else { found < limit })
        };
        match self.operator {
            Operator::In => found.is_some_and(listed),
            Operator::NotIn => !found.is_some_and(listed),
            Operator::Exists => found.is_some(),
            Operator::DoesNotExist => found.is_none(),
            Operator::Gt => beyond(true),
            Operator::Lt => beyond(false),
            Operator::Unknown => false,
        }
    }
}

/// Requirements that all have to be met; without any, everything is selected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector(pub Vec<Requirement>);

impl Selector {
    /// Whether labels are selected, given how one is looked up.
    pub(super) fn selects<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0
            .iter()
            .all(|requirement| requirement.met(label(&requirement.key)))
    }

    /// Whether these labels are selected.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.selects(|key| labels.get(key).map(String::as_str))
    }
}

impl From<&LabelSelector> for Selector {
    fn from(selector: &LabelSelector) -> Self {
        let equal = selector.match_labels.iter().flatten();
        let equal = equal.map(|(key, value)| Requirement {
            key: key.clone(),
            operator: Operator::In,
            values: vec![value.clone()],
        });
        let expressions = selector.match_expressions.iter().flatten();
        let expressions = expressions.map(|it| Requirement {
            key: it.key.clone(),
            // A label selector knows no numbers.
            operator: match Operator::parse(&it.operator) {
                Operator::Gt | Operator::Lt => Operator::Unknown,
                operator => operator,
            },
            values: it.values.clone().unwrap_or_default(),
        });
        Self(equal.chain(expressions).collect())
    }
}

/// What a taint does to machines that do not tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// They are not placed there.
    NoSchedule,
    /// They are placed there when nothing better is left.
    PreferNoSchedule,
}

/// A taint of a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value; may be empty.
    pub value: String,
    /// What it does.
    pub effect: Effect,
}

/// What a machine tolerates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Toleration {
    /// The taints of this key; of all keys, if not set.
    pub key: Option<String>,
    /// Those of this value; of all values, if not set (the operator `Exists`).
    pub value: Option<String>,
    /// Those of this effect; of all effects, if not set.
    pub effect: Option<Effect>,
}

impl Toleration {
    /// Whether it covers a taint.
    #[must_use]
    pub fn covers(&self, taint: &Taint) -> bool {
        self.key.as_ref().is_none_or(|key| *key == taint.key)
            && self.value.as_ref().is_none_or(|it| *it == taint.value)
            && self.effect.is_none_or(|effect| effect == taint.effect)
    }
}

#[cfg(test)]
mod tests {
    use super::{Effect, Operator, Requirement, Selector, Taint, Toleration};

    fn selects(operator: &str, values: &[&str], label: Option<&str>) -> bool {
        let requirement = Requirement {
            key: "generation".into(),
            operator: Operator::parse(operator),
            values: values.iter().map(|it| (*it).to_owned()).collect(),
        };
        let labels = label.map(|it| ("generation".to_owned(), it.to_owned()));
        Selector(vec![requirement]).matches(&labels.into_iter().collect())
    }

    #[test]
    fn operators() {
        for (operator, values, on_3, on_text, on_none) in [
            ("In", &["3", "4"][..], true, false, false),
            ("NotIn", &["3", "4"], false, true, true),
            ("Exists", &[], true, true, false),
            ("DoesNotExist", &[], false, false, true),
            ("Gt", &["2"], true, false, false),
            ("Gt", &["3"], false, false, false),
            ("Gt", &["two"], false, false, false),
            ("Gt", &["1", "2"], false, false, false),
            ("Lt", &["4"], true, false, false),
            ("Lt", &["3"], false, false, false),
            ("Near", &["3"], false, false, false),
        ] {
            let label = format!("{operator} {values:?}");
            assert_eq!(selects(operator, values, Some("3")), on_3, "{label}");
            assert_eq!(selects(operator, values, Some("old")), on_text, "{label}");
            assert_eq!(selects(operator, values, None), on_none, "{label}");
        }
    }

    #[test]
    fn tolerations() {
        let taint = Taint {
            key: "gpu".into(),
            value: "true".into(),
            effect: Effect::NoSchedule,
        };
        let covers = |key: Option<&str>, value: Option<&str>, effect| {
            let toleration = Toleration {
                key: key.map(str::to_owned),
                value: value.map(str::to_owned),
                effect,
            };
            toleration.covers(&taint)
        };
        assert!(covers(None, None, None));
        assert!(covers(Some("gpu"), Some("true"), Some(Effect::NoSchedule)));
        assert!(covers(Some("gpu"), None, None));
        assert!(!covers(Some("gpu"), Some("false"), None));
        assert!(!covers(Some("cpu"), None, None));
        assert!(!covers(None, None, Some(Effect::PreferNoSchedule)));
    }
}
