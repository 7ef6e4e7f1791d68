//! Typed parameters: lists of named values, which many calls take or answer.

use std::collections::BTreeMap;
use std::fmt;

use drover_rpc_proto::remote::{TypedParam, TypedParamValue};
use drover_xdr::Text;

use crate::objects::handle::string;

/// Typed parameters, in the order in which they came. Names are those of [`crate::fields`].
///
/// ```
/// use drover_rpc::{TypedParams, fields};
///
/// let params = TypedParams::new()
///     .with_u64(fields::DOMAIN_BLOCK_IOTUNE_TOTAL_IOPS_SEC, 500)
///     .with_str(fields::DOMAIN_BLOCK_IOTUNE_GROUP_NAME, "slow");
/// assert_eq!(params.u64("total_iops_sec"), Some(500));
/// assert_eq!(params.str("group_name").as_deref(), Some("slow"));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TypedParams(Vec<TypedParam>);

impl TypedParams {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value with this name; the first one, if there are several.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&TypedParamValue> {
        let param = self.0.iter().find(|param| param.field == *name)?;
        Some(&param.value)
    }

    /// All values with this name, such as the disks of `migrate_disks`.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a TypedParamValue> {
        self.0
            .iter()
            .filter(move |param| param.field == *name)
            .map(|param| &param.value)
    }

    /// A number that is not negative, whichever integer type it was sent as.
    #[must_use]
    pub fn u64(&self, name: &str) -> Option<u64> {
        as_u64(self.get(name)?)
    }

    /// A number, whichever integer type it was sent as.
    #[must_use]
    pub fn i64(&self, name: &str) -> Option<i64> {
        as_i64(self.get(name)?)
    }

    /// A number, as a floating-point one; integers are converted.
    #[must_use]
    pub fn f64(&self, name: &str) -> Option<f64> {
        as_f64(self.get(name)?)
    }

    /// A truth value; of a number, whether it is not zero.
    #[must_use]
    pub fn bool(&self, name: &str) -> Option<bool> {
        as_bool(self.get(name)?)
    }

    /// A string, with replacement characters for what is not UTF-8.
    #[must_use]
    pub fn str(&self, name: &str) -> Option<std::borrow::Cow<'_, str>> {
        match self.get(name)? {
            TypedParamValue::String(text) => Some(text.to_string_lossy()),
            _ => None,
        }
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (std::borrow::Cow<'_, str>, &TypedParamValue)> {
        self.0
            .iter()
            .map(|param| (param.field.to_string_lossy(), &param.value))
    }

    /// By name; of several with one name, the first.
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<String, TypedParamValue> {
        let mut map = BTreeMap::new();
        for param in &self.0 {
            map.entry(string(&param.field))
                .or_insert_with(|| param.value.clone());
        }
        map
    }

    /// Adds one more, behind the others.
    #[must_use]
    pub fn with(mut self, name: &str, value: TypedParamValue) -> Self {
        self.push(name, value);
        self
    }

    /// Adds an `unsigned long long`, the type of most numbers; see the parameter's own description.
    #[must_use]
    pub fn with_u64(self, name: &str, value: u64) -> Self {
        self.with(name, TypedParamValue::Ullong(value))
    }

    /// Adds an `unsigned int`.
    #[must_use]
    pub fn with_u32(self, name: &str, value: u32) -> Self {
        self.with(name, TypedParamValue::Uint(value))
    }

    /// Adds an `int`.
    #[must_use]
    pub fn with_i32(self, name: &str, value: i32) -> Self {
        self.with(name, TypedParamValue::Int(value))
    }

    /// Adds a `long long`.
    #[must_use]
    pub fn with_i64(self, name: &str, value: i64) -> Self {
        self.with(name, TypedParamValue::Llong(value))
    }

    /// Adds a `boolean`.
    #[must_use]
    pub fn with_bool(self, name: &str, value: bool) -> Self {
        self.with(name, TypedParamValue::Boolean(value.into()))
    }

    /// Adds a string.
    #[must_use]
    pub fn with_str(self, name: &str, value: &str) -> Self {
        self.with(name, TypedParamValue::String(value.into()))
    }

    /// Adds one more, behind the others.
    pub fn push(&mut self, name: &str, value: TypedParamValue) {
        self.0.push(TypedParam {
            field: Text::from(name),
            value,
        });
    }

    /// Takes away all with this name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|param| param.field != *name);
    }

    /// As plain calls take them.
    #[must_use]
    pub fn into_wire(self) -> Vec<TypedParam> {
        self.0
    }
}

impl From<Vec<TypedParam>> for TypedParams {
    fn from(params: Vec<TypedParam>) -> Self {
        Self(params)
    }
}

impl FromIterator<TypedParam> for TypedParams {
    fn from_iter<T: IntoIterator<Item = TypedParam>>(params: T) -> Self {
        Self(params.into_iter().collect())
    }
}

impl fmt::Display for TypedParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, param) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { " " };
            write!(f, "{gap}{}={}", param.field, Shown(&param.value))?;
        }
        Ok(())
    }
}

/// A value as people write it.
pub(crate) struct Shown<'a>(pub(crate) &'a TypedParamValue);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            TypedParamValue::Int(value) => write!(f, "{value}"),
            TypedParamValue::Uint(value) => write!(f, "{value}"),
            TypedParamValue::Llong(value) => write!(f, "{value}"),
            TypedParamValue::Ullong(value) => write!(f, "{value}"),
            TypedParamValue::Double(value) => write!(f, "{value}"),
            TypedParamValue::Boolean(value) => write!(f, "{}", *value != 0),
            TypedParamValue::String(value) => write!(f, "{value}"),
        }
    }
}

pub(crate) fn as_u64(value: &TypedParamValue) -> Option<u64> {
    match value {
        TypedParamValue::Ullong(value) => Some(*value),
        other => u64::try_from(as_i64(other)?).ok(),
    }
}

pub(crate) fn as_i64(value: &TypedParamValue) -> Option<i64> {
    match value {
        TypedParamValue::Int(value) | TypedParamValue::Boolean(value) => Some(i64::from(*value)),
        TypedParamValue::Uint(value) => Some(i64::from(*value)),
        TypedParamValue::Llong(value) => Some(*value),
        TypedParamValue::Ullong(value) => i64::try_from(*value).ok(),
        TypedParamValue::Double(_) | TypedParamValue::String(_) => None,
    }
}

// Above 2^53 an integer loses its last digits, as everywhere in floating point.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn as_f64(value: &TypedParamValue) -> Option<f64> {
    match value {
        TypedParamValue::Double(value) => Some(*value),
        TypedParamValue::Ullong(value) => Some(*value as f64),
        other => as_i64(other).map(|value| value as f64),
    }
}

pub(crate) fn as_bool(value: &TypedParamValue) -> Option<bool> {
    match value {
        TypedParamValue::Ullong(value) => Some(*value != 0),
        other => as_i64(other).map(|value| value != 0),
    }
}

#[cfg(test)]
mod tests {
    use drover_rpc_proto::remote::TypedParamValue;

    use super::TypedParams;

    #[test]
    fn numbers_are_read_whichever_type_they_have() {
        let params = TypedParams::new()
            .with_i32("i", -3)
            .with_u32("u", u32::MAX)
            .with_i64("l", i64::MIN)
            .with_u64("ul", u64::MAX)
            .with_bool("b", true)
            .with("d", TypedParamValue::Double(1.5))
            .with_str("s", "seven");
        assert_eq!((params.i64("i"), params.u64("i")), (Some(-3), None));
        assert_eq!(params.u64("u"), Some(4_294_967_295));
        assert_eq!(params.i64("l"), Some(i64::MIN));
        assert_eq!((params.u64("ul"), params.i64("ul")), (Some(u64::MAX), None));
        assert_eq!(
            (params.bool("b"), params.bool("ul")),
            (Some(true), Some(true))
        );
        assert_eq!((params.f64("d"), params.f64("i")), (Some(1.5), Some(-3.0)));
        assert_eq!(params.u64("d"), None);
        assert_eq!(params.str("s").as_deref(), Some("seven"));
        assert_eq!((params.u64("s"), params.str("i")), (None, None));
        assert_eq!(params.get("nothing"), None);
    }

    #[test]
    fn names_may_repeat() {
        let mut params = TypedParams::new()
            .with_str("migrate_disks", "vda")
            .with_str("other", "x")
            .with_str("migrate_disks", "vdb");
        assert_eq!(params.all("migrate_disks").count(), 2);
        assert_eq!(params.str("migrate_disks").as_deref(), Some("vda"));
        assert_eq!(
            params.to_string(),
            "migrate_disks=vda other=x migrate_disks=vdb"
        );
        params.remove("migrate_disks");
        assert_eq!((params.len(), params.is_empty()), (1, false));
        assert_eq!(params.into_wire()[0].field, "other");
    }
}
