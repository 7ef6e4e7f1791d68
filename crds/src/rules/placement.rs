//! CEL rules of where machines may be placed.

use serde_json::{Value, json};

use super::{at, rule};

/// What one label of a Host has to be.
#[must_use]
pub fn host_requirement() -> Value {
    let values = "(has(self.values) ? size(self.values) : 0)";
    json!([
        at(
            ".values",
            rule(
                format!("!(self.operator in ['In', 'NotIn']) || {values} > 0"),
                "needed with the operators In and NotIn",
            )
        ),
        at(
            ".values",
            rule(
                format!("!(self.operator in ['Exists', 'DoesNotExist']) || {values} == 0"),
                "not allowed with the operators Exists and DoesNotExist",
            )
        ),
        at(
            ".values",
            rule(
                format!(
                    "!(self.operator in ['Gt', 'Lt']) || ({values} == 1 && \
                     self.values[0].matches('^-?[0-9]{{1,18}}$'))"
                ),
                "must be one whole number with the operators Gt and Lt",
            )
        ),
    ])
}

/// What a machine tolerates.
#[must_use]
pub fn toleration() -> Value {
    let exists = "has(self.operator) && self.operator == 'Exists'";
    json!([
        at(
            ".value",
            rule(
                format!("!({exists}) || !has(self.value)"),
                "not allowed with the operator Exists",
            )
        ),
        at(
            ".key",
            rule(
                format!("({exists}) || (has(self.key) && self.key != '')"),
                "needed, unless the operator is Exists",
            )
        ),
    ])
}

/// How evenly machines are spread.
#[must_use]
pub fn spread_constraint() -> Value {
    json!([at(
        ".minDomains",
        rule(
            "!has(self.minDomains) || self.whenUnsatisfiable == 'DoNotSchedule'",
            "only allowed with whenUnsatisfiable: DoNotSchedule",
        )
    )])
}
