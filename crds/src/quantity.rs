//! Kubernetes quantities: `1.5Gi`, `500m`, `12`, `1e3`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The syntax of a quantity, for the schema.
pub const PATTERN: &str =
    r"^[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$";

/// An amount as a user wrote it. Numbers are taken as well as strings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Quantity(pub String);

/// Why something is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// It is not written as a quantity.
    #[error("{0:?} is not a quantity (for example 512Mi, 1.5Gi, 500m)")]
    Syntax(String),
    /// It is larger than can be counted.
    #[error("{0:?} is too large")]
    TooLarge(String),
}

impl Quantity {
    /// The amount in thousandths, rounded up.
    ///
    /// # Errors
    /// When the text is no quantity or does not fit.
    pub fn millis(&self) -> Result<i128, QuantityError> {
        self.scaled(1_000)
    }

    /// The amount in whole units, rounded up: bytes, for a size.
    ///
    /// # Errors
    /// When the text is no quantity or does not fit.
    pub fn value(&self) -> Result<i128, QuantityError> {
        self.scaled(1)
    }

    /// The same as an unsigned number; none of what is no quantity, is below zero or does not fit.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        u64::try_from(self.value().ok()?).ok()
    }

    // The amount times `factor`, rounded up (away from zero, as Kubernetes does).
    fn scaled(&self, factor: i128) -> Result<i128, QuantityError> {
        let syntax = || QuantityError::Syntax(self.0.clone());
        let large = || QuantityError::TooLarge(self.0.clone());
        let text = self.0.trim();
        let end = text.find(|c: char| !(c.is_ascii_digit() || "+-.".contains(c)));
        let (number, suffix) = text.split_at(end.unwrap_or(text.len()));
        let (sign, number) = match number.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, number.strip_prefix('+').unwrap_or(number)),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(syntax());
        }
        let digits: i128 = digits.parse().map_err(|_| large())?;
        let (multiplier, mut exponent) = unit(suffix).ok_or_else(syntax)?;
        exponent -= i32::try_from(fraction.len()).map_err(|_| large())?;
        let numerator = digits
            .checked_mul(multiplier)
            .and_then(|n| n.checked_mul(factor));
        let mut numerator = numerator.ok_or_else(large)?;
        let power = 10_i128
            .checked_pow(exponent.unsigned_abs())
            .ok_or_else(large)?;
        if exponent >= 0 {
            numerator = numerator.checked_mul(power).ok_or_else(large)?;
        } else {
            numerator = numerator / power + i128::from(numerator % power != 0);
        }
        Ok(sign * numerator)
    }
}

// What a suffix multiplies by: a factor and a power of ten.
fn unit(suffix: &str) -> Option<(i128, i32)> {
    Some(match suffix {
        "" => (1, 0),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?;
            (-30..=30).contains(&exponent).then_some((1, exponent))?
        }
    })
}

/// A size in bytes in the largest binary unit that says it exactly, or rounded down to one decimal
/// of a unit when no unit does: for messages and statuses.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    let (size, mut unit) = whole(bytes);
    if size < 10_000 {
        return format!("{size}{}", UNITS[unit]);
    }
    let mut size = size as f64;
    while size >= 1_024.0 && unit + 1 < UNITS.len() {
        size /= 1_024.0;
        unit += 1;
    }
    let rounded = (size * 10.0).floor() / 10.0;
    format!("{rounded}{}", UNITS[unit])
}

/// A size in bytes in the largest binary unit that says it exactly: for what is calculated with.
#[must_use]
pub fn exact(bytes: u64) -> String {
    let (size, unit) = whole(bytes);
    format!("{size}{}", UNITS[unit])
}

const UNITS: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

// How many of the largest unit that says it exactly, and which that is.
fn whole(bytes: u64) -> (u64, usize) {
    let (mut size, mut unit) = (bytes, 0);
    while size >= 1_024 && size % 1_024 == 0 && unit + 1 < UNITS.len() {
        size /= 1_024;
        unit += 1;
    }
    (size, unit)
}

impl From<&str> for Quantity {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quantity: a number or a string such as 512Mi")
            }

            fn visit_str<E>(self, text: &str) -> Result<Quantity, E> {
                Ok(Quantity(text.to_owned()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Quantity, E> {
                Ok(Quantity(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Quantity, E> {
                Ok(Quantity(number.to_string()))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "pattern": PATTERN,
            "maxLength": 32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Quantity, bytes};

    fn value(text: &str) -> Option<i128> {
        Quantity::from(text).value().ok()
    }

    #[test]
    fn amounts() {
        for (text, expected) in [
            ("0", 0),
            ("12", 12),
            ("1.5Gi", 1_610_612_736),
            ("0.5", 1),
            ("-1Gi", -1_073_741_824),
            ("500m", 1),
            ("1e3", 1_000),
            ("1E3", 1_000),
            ("12E", 12_000_000_000_000_000_000),
            ("16Ei", 1 << 64),
            (".5Ki", 512),
            ("3.", 3),
            ("64Ti", 64 << 40),
        ] {
            assert_eq!(value(text), Some(expected), "{text}");
        }
        assert_eq!(Quantity::from("0.5").millis(), Ok(500));
        assert_eq!(Quantity::from("4").millis(), Ok(4_000));
    }

    #[test]
    fn what_is_no_amount() {
        for text in [
            "",
            "Gi",
            "1Zi",
            "1.2.3",
            "1 Gi",
            "--1",
            "1e99",
            "1ki",
            "0x10",
            "9".repeat(60).as_str(),
        ] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_for_people() {
        assert_eq!(bytes(64 << 30), "64Gi");
        assert_eq!(bytes(1536 << 20), "1536Mi");
        assert_eq!(bytes(0), "0");
        assert_eq!(bytes(11 * (1 << 30) + 123_456_789), "11.1Gi");
    }
}
