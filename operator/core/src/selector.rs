//! Label selectors, as Kubernetes reads them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::schedule::Selector;

/// Whether the labels are what the selector wants; an empty one wants nothing.
#[must_use]
pub fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    Selector::from(selector).matches(labels)
}

/// Whether there is no selector, or it matches.
#[must_use]
pub fn matches_optional(
    selector: Option<&LabelSelector>,
    labels: &BTreeMap<String, String>,
) -> bool {
    selector.is_none_or(|selector| matches(selector, labels))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

    use super::matches;

    fn selects(operator: &str, values: &[&str], label: Option<&str>) -> bool {
        let requirement = LabelSelectorRequirement {
            key: "disk".into(),
            operator: operator.into(),
            values: Some(values.iter().map(|value| (*value).into()).collect()),
        };
        let selector = LabelSelector {
            match_expressions: Some(vec![requirement]),
            match_labels: None,
        };
        let labels = label
            .map(|value| ("disk".to_owned(), value.to_owned()))
            .into_iter()
            .collect();
        matches(&selector, &labels)
    }

    #[test]
    fn operators() {
        for (operator, on_nvme, on_ssd, on_none) in [
            ("In", true, false, false),
            ("NotIn", false, true, true),
            ("Exists", true, true, false),
            ("DoesNotExist", false, false, true),
            ("Gt", false, false, false),
            ("Near", false, false, false),
        ] {
            assert_eq!(
                selects(operator, &["nvme"], Some("nvme")),
                on_nvme,
                "{operator}"
            );
            assert_eq!(
                selects(operator, &["nvme"], Some("ssd")),
                on_ssd,
                "{operator}"
            );
            assert_eq!(selects(operator, &["nvme"], None), on_none, "{operator}");
        }
        assert!(matches(&LabelSelector::default(), &BTreeMap::new()));
    }
}
