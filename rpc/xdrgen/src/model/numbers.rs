//! Constants: each may be given by another, wherever that is in the file.

use std::collections::BTreeMap;

use super::{Model, at};
use crate::ast::{Body, Definition, Value};
use crate::error::{Fault, Position};
use crate::prelude;

// More names than this between a constant and its number lead back to itself.
const STEPS: usize = 200;

// How a name's number is given.
enum Given<'a> {
    By(&'a Value),
    // One more than that of another name; the first value of an enum is 0.
    After(Option<&'a str>),
}

type Names<'a> = BTreeMap<&'a str, Given<'a>>;

impl Model {
    /// Finds the number of every name that has one.
    pub(super) fn count(&mut self, definitions: &[Definition]) -> Vec<Fault> {
        for (name, number) in prelude::NUMBERS {
            self.numbers.entry(name.to_owned()).or_insert(number);
        }
        let (names, order) = names(definitions);
        let mut faults = Vec::new();
        // In the order of the file most names have theirs from one that is known by then.
        let mut known = BTreeMap::new();
        for name in order {
            match self.follow(name, &names, &known) {
                Ok(number) => {
                    known.insert(name, number);
                    self.numbers.insert(name.to_owned(), number);
                }
                Err(fault) => faults.push(fault),
            }
        }
        for definition in definitions {
            match &definition.body {
                Body::Constant(Value::Text(text, _)) => {
                    self.texts.push((definition.name.clone(), text.clone()));
                }
                Body::Constant(_) => {
                    let number = self.number(&definition.name).unwrap_or_default();
                    self.constants.push((definition.name.clone(), number));
                }
                _ => {}
            }
        }
        faults
    }

    pub(super) fn resolve(&self, value: &Value) -> Result<i64, Fault> {
        match value {
            Value::Number(number) => Ok(*number),
            Value::Name(name, position) => {
                self.number(name).ok_or_else(|| unknown(name, *position))
            }
            Value::Text(text, position) => Err(at(*position, format!("{text:?} is no number"))),
        }
    }

    pub(super) fn bound(&self, value: &Value, position: Position) -> Result<u32, Fault> {
        let number = self.resolve(value)?;
        u32::try_from(number)
            .map_err(|_| at(position, format!("a length of {number} is not possible")))
    }

    // A name of this file comes before one from outside that is the same.
    fn follow(
        &self,
        name: &str,
        names: &Names<'_>,
        known: &BTreeMap<&str, i64>,
    ) -> Result<i64, Fault> {
        let (mut name, mut position) = (name, Position::default());
        let (mut steps, mut more) = (0, 0_i64);
        while steps < STEPS {
            if let Some(number) = known.get(name) {
                return sum(*number, more, position);
            }
            match names.get(name) {
                Some(Given::By(Value::Name(other, place))) => {
                    (name, position) = (other, *place);
                    steps += 1;
                }
                Some(Given::By(value)) => return sum(self.resolve(value)?, more, position),
                Some(Given::After(None)) => return Ok(more),
                Some(Given::After(Some(other))) => {
                    name = other;
                    more += 1;
                }
                None => {
                    let outside = self.resolve(&Value::Name(name.to_owned(), position))?;
                    return sum(outside, more, position);
                }
            }
        }
        Err(at(position, "this constant leads back to itself"))
    }
}

fn sum(number: i64, more: i64, position: Position) -> Result<i64, Fault> {
    let message = "this number does not fit in 64 bits";
    number
        .checked_add(more)
        .ok_or_else(|| at(position, message))
}

fn unknown(name: &str, position: Position) -> Fault {
    at(position, format!("{name} is no constant"))
}

// Everything that C has as a constant: also the names of programs, versions and procedures.
fn names(definitions: &[Definition]) -> (Names<'_>, Vec<&str>) {
    let (mut names, mut order) = (Names::new(), Vec::new());
    for definition in definitions {
        match &definition.body {
            Body::Constant(Value::Text(..)) => {}
            Body::Constant(value) => {
                names.insert(&definition.name, Given::By(value));
                order.push(definition.name.as_str());
            }
            Body::Enum(values) => {
                let mut last = None;
                for value in values {
                    let given = value.value.as_ref();
                    let given = given.map_or(Given::After(last), Given::By);
                    names.insert(&value.name, given);
                    order.push(&value.name);
                    last = Some(value.name.as_str());
                }
            }
            Body::Program { versions, number } => {
                names.insert(&definition.name, Given::By(number));
                order.push(&definition.name);
                for version in versions {
                    names.insert(&version.name, Given::By(&version.number));
                    order.push(&version.name);
                    for procedure in &version.procedures {
                        // A later version may give the same name by itself.
                        let name = procedure.name.as_str();
                        names.entry(name).or_insert(Given::By(&procedure.number));
                        order.push(name);
                    }
                }
            }
            _ => {}
        }
    }
    (names, order)
}
