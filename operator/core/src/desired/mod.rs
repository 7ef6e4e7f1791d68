//! Specs, parsed: what comes after cannot meet an invalid one.

pub mod host;
pub mod image;
pub mod machine;
pub mod network;
pub mod pool;
pub mod volume;

use drover_crds::Quantity;
use drover_crds::common::{Adoption, AdoptionFrom, Namespaces, NamespacesFrom};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// A spec that says what cannot be, though the API server let it pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {allowed}, got {value:?}")]
pub struct Invalid {
    /// The field.
    pub field: String,
    /// What it says.
    pub value: String,
    /// What it may say.
    pub allowed: String,
}

impl Invalid {
    /// An error with these words.
    pub fn new(
        field: impl Into<String>,
        value: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            value: value.into(),
            allowed: allowed.into(),
        }
    }
}

/// Whose objects may use a cluster object, or take over what it has.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Consent {
    /// Everybody's.
    #[default]
    All,
    /// Nobody's.
    None,
    /// Those of the namespaces that it matches.
    Selected(LabelSelector),
}

impl Consent {
    pub(crate) fn parse(namespaces: Option<&Namespaces>) -> Self {
        match namespaces {
            Some(named) if named.from == NamespacesFrom::Selector => {
                Self::Selected(named.selector.clone().unwrap_or_default())
            }
            _ => Self::All,
        }
    }

    /// Whose objects may take over what carries no mark.
    #[must_use]
    pub fn to_adopt(adoption: Option<&Adoption>) -> Self {
        match adoption {
            Some(named) if named.from == AdoptionFrom::All => Self::All,
            Some(named) if named.from == AdoptionFrom::Selector => {
                named.selector.clone().map_or(Self::None, Self::Selected)
            }
            _ => Self::None,
        }
    }

    /// Whether objects of a namespace with these labels may.
    #[must_use]
    pub fn allows(&self, labels: &std::collections::BTreeMap<String, String>) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Selected(selector) => crate::selector::matches(selector, labels),
        }
    }
}

pub(crate) fn bytes(field: &str, quantity: &Quantity) -> Result<u64, Invalid> {
    let wrong = |allowed: String| Invalid::new(field, quantity.0.clone(), allowed);
    let value = quantity.value().map_err(|error| wrong(error.to_string()))?;
    u64::try_from(value).map_err(|_| wrong("must be 0 or more and fit in 64 bits".to_owned()))
}

pub(crate) fn millis(field: &str, quantity: &Quantity) -> Result<u64, Invalid> {
    let wrong = |allowed: String| Invalid::new(field, quantity.0.clone(), allowed);
    let value = quantity
        .millis()
        .map_err(|error| wrong(error.to_string()))?;
    u64::try_from(value).map_err(|_| wrong("must be 0 or more and fit in 64 bits".to_owned()))
}
