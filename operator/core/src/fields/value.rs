//! What a field has.

use std::borrow::Cow;
use std::fmt;

/// What a field has: as it is declared, or as a definition shows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Value {
    /// Anything: it is not declared, or cannot be seen.
    #[default]
    Any,
    /// Nothing.
    None,
    /// Whether it is there.
    Flag(bool),
    /// How many.
    Number(u64),
    /// How much, in KiB.
    Kib(u64),
    /// In words.
    Text(Cow<'static, str>),
    /// Where something is kept whose content is nobody's business. Equal ones have the same content.
    Sealed(String),
}

impl Value {
    /// Text, or nothing.
    pub fn text(text: Option<impl Into<Cow<'static, str>>>) -> Self {
        text.map_or(Self::None, |text| Self::Text(text.into()))
    }

    /// Things in words, in one order, whoever names them: `avx2=` comes before `avx=`.
    pub(super) fn list(all: impl Iterator<Item = String>) -> Self {
        let mut all: Vec<_> = all.collect();
        all.sort_unstable();
        Self::text((!all.is_empty()).then(|| all.join(",")))
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number or the amount, if it is one.
    #[must_use]
    pub fn as_number(&self) -> Option<u64> {
        match self {
            Self::Number(number) | Self::Kib(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether it is there.
    #[must_use]
    pub fn is_on(&self) -> bool {
        *self == Self::Flag(true)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::None => f.write_str("none"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Kib(kib) => f.write_str(&drover_crds::quantity::bytes(kib << 10)),
            Self::Text(text) => f.write_str(text),
            Self::Sealed(_) => f.write_str("set"),
        }
    }
}
