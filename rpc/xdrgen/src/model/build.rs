//! Definitions to types: names looked up, typedefs replaced.

use std::collections::{BTreeMap, BTreeSet};

use super::{Alias, EnumValue, Field, Model, Named, Type, UnionArm, at};
use crate::ast::{self, Arm, Body, Declaration, Definition, Shape, TypeName, Value};
use crate::error::{Fault, Position};
use crate::prelude;

// Typedefs of typedefs; more than this lead back to themselves.
const STEPS: usize = 32;

// Arrays of arrays, by way of typedefs.
const NESTING: usize = 32;

// A fixed array is part of what it is in, and often on the stack.
const MOST_SLOTS: u64 = 1 << 24;

/// Definitions by name, and those of the prelude that were used.
pub(super) struct Bodies<'a> {
    own: BTreeMap<&'a str, &'a Definition>,
    prelude: BTreeMap<&'a str, &'a Definition>,
    used: BTreeSet<&'a str>,
}

impl<'a> Bodies<'a> {
    fn new(own: &'a [Definition], prelude: &'a [Definition]) -> Self {
        let by_name = |definitions: &'a [Definition]| {
            let definitions = definitions.iter();
            definitions
                .map(|definition| (definition.name.as_str(), definition))
                .collect()
        };
        Self {
            own: by_name(own),
            prelude: by_name(prelude),
            used: BTreeSet::new(),
        }
    }

    // What a name stands for, before that of an imported file is asked.
    fn get(&self, name: &str) -> Option<&'a Definition> {
        self.own.get(name).copied()
    }

    fn get_prelude(&mut self, name: &str) -> Option<&'a Definition> {
        let (name, definition) = self.prelude.get_key_value(name)?;
        self.used.insert(name);
        Some(definition)
    }
}

impl Model {
    /// Makes types and programs of definitions.
    pub(super) fn build(&mut self, definitions: &[Definition]) -> Vec<Fault> {
        let prelude = prelude::definitions();
        let mut bodies = Bodies::new(definitions, &prelude);
        let mut faults = Vec::new();
        // A name of this file comes before an imported one that is the same.
        for definition in definitions {
            self.typedefs.remove(&definition.name);
        }
        for definition in definitions {
            self.define(definition, &mut bodies, &mut faults);
            if let Some(doc) = &definition.doc {
                self.docs.insert(definition.name.clone(), doc.clone());
            }
        }
        for definition in &prelude {
            if bodies.used.contains(definition.name.as_str())
                && !matches!(definition.body, Body::Typedef(_))
            {
                self.define(definition, &mut bodies, &mut faults);
            }
        }
        faults
    }

    fn define(
        &mut self,
        definition: &Definition,
        bodies: &mut Bodies<'_>,
        faults: &mut Vec<Fault>,
    ) {
        let name = &definition.name;
        let named = match &definition.body {
            Body::Constant(_) => return,
            Body::Typedef(declaration) => {
                match self.declared(declaration, bodies, 0) {
                    Ok(ty) => self.aliases.push(Alias {
                        name: name.clone(),
                        ty,
                        doc: definition.doc.clone(),
                    }),
                    Err(fault) => faults.push(fault),
                }
                return;
            }
            Body::Program { versions, number } => {
                let doc = definition.doc.clone();
                let place = (name.as_str(), definition.position);
                return self.program(place, versions, number, doc, bodies, faults);
            }
            Body::Enum(values) => Named::Enum(self.enum_values(values, faults)),
            Body::Struct(fields) => {
                let fields = fields.iter().map(|field| self.field(field, bodies));
                Named::Struct(collect(fields, faults))
            }
            Body::Union { discriminant, arms } => {
                let switched = self.declared(discriminant, bodies, 0);
                let arms = arms.iter().map(|arm| self.arm(arm, bodies));
                let arms = collect(arms, faults);
                match switched {
                    Ok(ty) => Named::Union(ty, arms),
                    Err(fault) => return faults.push(fault),
                }
            }
        };
        self.named.insert(name.clone(), named.clone());
        self.types.push((name.clone(), named));
    }

    fn enum_values(&self, values: &[ast::EnumValue], faults: &mut Vec<Fault>) -> Vec<EnumValue> {
        let values = values.iter().map(|value| {
            let number = self.number(&value.name).unwrap_or_default();
            Ok(EnumValue {
                name: value.name.clone(),
                value: word(number).ok_or_else(|| {
                    let message = format!("{number} does not fit in the 32 bits of an enum");
                    at(value.position, message)
                })?,
                comment: value.comment.clone(),
                doc: value.doc.clone(),
            })
        });
        collect(values, faults)
    }

    pub(super) fn field(
        &mut self,
        declaration: &Declaration,
        bodies: &mut Bodies<'_>,
    ) -> Result<Field, Fault> {
        Ok(Field {
            name: declaration.name.clone(),
            ty: self.declared(declaration, bodies, 0)?,
            doc: declaration.doc.clone(),
        })
    }

    fn arm(&mut self, arm: &Arm, bodies: &mut Bodies<'_>) -> Result<UnionArm, Fault> {
        let cases = arm.cases.iter().map(|case| {
            let name = match case {
                Value::Name(name, _) => name.clone(),
                Value::Number(number) => format!("CASE_{number}").replace('-', "MINUS_"),
                Value::Text(text, _) => text.clone(),
            };
            Ok((name, self.resolve(case)?))
        });
        let cases = cases.collect::<Result<_, Fault>>()?;
        let field = match arm.declaration.type_name {
            TypeName::Void => None,
            _ => Some(self.field(&arm.declaration, bodies)?),
        };
        Ok(UnionArm { cases, field })
    }

    fn declared(
        &mut self,
        declaration: &Declaration,
        bodies: &mut Bodies<'_>,
        steps: usize,
    ) -> Result<Type, Fault> {
        let position = declaration.position;
        if steps > STEPS {
            let message = "this typedef leads back to itself, or through too many others";
            return Err(at(position, message));
        }
        match (&declaration.type_name, &declaration.shape) {
            (TypeName::String, Shape::List(bound)) => {
                Ok(Type::Text(self.list_bound(bound, position)?))
            }
            (TypeName::String, _) => Err(at(position, "a string is written string x<n>")),
            (TypeName::Opaque, Shape::List(bound)) => {
                Ok(Type::Opaque(self.list_bound(bound, position)?))
            }
            (TypeName::Opaque, Shape::Fixed(length)) => {
                let length = self.bound(length, position)?;
                has_place(length.into(), position)?;
                Ok(Type::OpaqueFixed(length))
            }
            (TypeName::Opaque, _) => Err(at(
                position,
                "opaque data is written opaque x[n] or opaque x<n>",
            )),
            (TypeName::Void, _) => Err(at(position, "void cannot be declared here")),
            (TypeName::Builtin(builtin), shape) => {
                self.shaped(Type::Builtin(*builtin), shape, position)
            }
            (TypeName::Named(name, place), shape) => {
                let element = self.lookup(name, *place, bodies, steps)?;
                self.shaped(element, shape, position)
            }
        }
    }

    pub(super) fn shaped(
        &self,
        element: Type,
        shape: &Shape,
        position: Position,
    ) -> Result<Type, Fault> {
        if nesting(&element) > NESTING {
            let message = format!("more than {NESTING} arrays and options within one another");
            return Err(at(position, message));
        }
        if let Shape::Fixed(length) = shape {
            let length = self.bound(length, position)?;
            has_place(slots(&element).saturating_mul(length.into()), position)?;
        }
        let element = Box::new(element);
        Ok(match shape {
            Shape::Plain => *element,
            Shape::Fixed(length) => Type::Array(element, self.bound(length, position)?),
            Shape::List(bound) => Type::List(element, self.list_bound(bound, position)?),
            Shape::Optional => Type::Optional(element),
        })
    }

    fn list_bound(&self, bound: &Option<Value>, position: Position) -> Result<u32, Fault> {
        bound
            .as_ref()
            .map_or(Ok(u32::MAX), |bound| self.bound(bound, position))
    }

    pub(super) fn lookup(
        &mut self,
        name: &str,
        position: Position,
        bodies: &mut Bodies<'_>,
        steps: usize,
    ) -> Result<Type, Fault> {
        if let Some(ty) = self.typedefs.get(name) {
            return Ok(ty.clone());
        }
        let own = bodies.get(name);
        let definition =
            own.or_else(|| (!self.imported.contains(name)).then(|| bodies.get_prelude(name))?);
        match definition.map(|definition| &definition.body) {
            Some(Body::Typedef(declaration)) => {
                let ty = self.declared(declaration, bodies, steps + 1)?;
                self.typedefs.insert(name.to_owned(), ty.clone());
                Ok(ty)
            }
            Some(Body::Enum(_) | Body::Struct(_) | Body::Union { .. }) => {
                Ok(Type::Named(name.to_owned()))
            }
            None if self.imported.contains(name) => Ok(Type::Named(name.to_owned())),
            _ => Err(at(position, format!("{name} is no type"))),
        }
    }
}

fn nesting(mut ty: &Type) -> usize {
    let mut depth = 0;
    while let Type::Array(element, _) | Type::List(element, _) | Type::Optional(element) = ty {
        ty = element;
        depth += 1;
    }
    depth
}

fn has_place(slots: u64, position: Position) -> Result<(), Fault> {
    if slots > MOST_SLOTS {
        let message = format!("{slots} elements have no place: at most {MOST_SLOTS}");
        return Err(at(position, message));
    }
    Ok(())
}

fn slots(mut ty: &Type) -> u64 {
    let mut slots = 1_u64;
    while let Type::Array(element, length) = ty {
        slots = slots.saturating_mul((*length).into());
        ty = element;
    }
    match ty {
        Type::OpaqueFixed(length) => slots.saturating_mul((*length).into()),
        _ => slots,
    }
}

/// A number as one word; those above 2^31 are what C makes of them.
pub(super) fn word(number: i64) -> Option<i32> {
    i32::try_from(number)
        .or_else(|_| u32::try_from(number).map(|number| number as i32))
        .ok()
}

/// What went well; what did not is put with the other faults.
pub(super) fn collect<T>(
    items: impl Iterator<Item = Result<T, Fault>>,
    faults: &mut Vec<Fault>,
) -> Vec<T> {
    let mut good = Vec::new();
    for item in items {
        match item {
            Ok(item) => good.push(item),
            Err(fault) => faults.push(fault),
        }
    }
    good
}
