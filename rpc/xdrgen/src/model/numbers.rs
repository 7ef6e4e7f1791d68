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
        let names = names(definitions);
        let mut faults = Vec::new();
        for (name, given) in &names {
            match self.follow(given, &names) {
                Ok(number) => {
                    self.numbers.insert((*name).to_owned(), number);
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
    fn follow(&self, given: &Given<'_>, names: &Names<'_>) -> Result<i64, Fault> {
        let mut given = given;
        let mut position = Position::default();
        let mut more: i64 = 0;
        let mut steps = 0;
        while steps < STEPS {
            let name = match given {
                Given::By(Value::Name(name, place)) => {
                    position = *place;
                    steps += 1;
                    name.as_str()
                }
                Given::By(value) => return sum(self.resolve(value)?, more, position),
                Given::After(None) => return Ok(more),
                Given::After(Some(name)) => {
                    more += 1;
                    name
                }
            };
            given = match names.get(name) {
                Some(given) => given,
                None => {
                    let outside = self.resolve(&Value::Name(name.to_owned(), position))?;
                    return sum(outside, more, position);
                }
            };
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
fn names(definitions: &[Definition]) -> Names<'_> {
    let mut names = Names::new();
    for definition in definitions {
        match &definition.body {
            Body::Constant(Value::Text(..)) => {}
            Body::Constant(value) => {
                names.insert(&definition.name, Given::By(value));
            }
            Body::Enum(values) => {
                let mut last = None;
                for value in values {
                    let given = value.value.as_ref();
                    let given = given.map_or(Given::After(last), Given::By);
                    names.insert(&value.name, given);
                    last = Some(value.name.as_str());
                }
            }
            Body::Program { versions, number } => {
                names.insert(&definition.name, Given::By(number));
                for version in versions {
                    names.insert(&version.name, Given::By(&version.number));
                    for procedure in &version.procedures {
                        // A later version may give the same name by itself.
                        let name = procedure.name.as_str();
                        names.entry(name).or_insert(Given::By(&procedure.number));
                    }
                }
            }
            _ => {}
        }
    }
    names
}
