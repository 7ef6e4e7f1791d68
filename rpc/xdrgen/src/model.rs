//! A file as it is meant: every name looked up, every bound a number.

use std::collections::{BTreeMap, BTreeSet};

use crate::ast::{Arm, Body, Builtin, Declaration, Definition, Shape, TypeName, Value};
use crate::error::{Fault, Position};

/// A type, without names for what has no body of its own: typedefs are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A type of the language.
    Builtin(Builtin),
    /// A string of at most this many bytes.
    Text(u32),
    /// Opaque data of just this many bytes.
    OpaqueFixed(u32),
    /// Opaque data of at most this many bytes.
    Opaque(u32),
    /// An enum, struct or union.
    Named(String),
    /// An array of a fixed length.
    Array(Box<Type>, u32),
    /// A list of at most so many elements.
    List(Box<Type>, u32),
    /// Optional data.
    Optional(Box<Type>),
}

/// A field of a struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in the file.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// A value of an enum, with its annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumValue {
    /// Its name in the file.
    pub name: String,
    /// Its number.
    pub value: i32,
    /// The comment before it.
    pub comment: Option<String>,
}

/// An arm of a union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnionArm {
    /// The names and numbers that select it; none for the default.
    pub cases: Vec<(String, i32)>,
    /// What it holds; nothing for `void`.
    pub field: Option<Field>,
}

/// What has a name and a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// An enum.
    Enum(Vec<EnumValue>),
    /// A struct.
    Struct(Vec<Field>),
    /// A union.
    Union(Vec<UnionArm>),
}

/// A whole file.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Constants, in the order of the file.
    pub constants: Vec<(String, i64)>,
    /// Types, in the order of the file.
    pub types: Vec<(String, Named)>,
    /// Names of types that another file defines.
    pub imported: BTreeSet<String>,
    numbers: BTreeMap<String, i64>,
    named: BTreeMap<String, Named>,
    typedefs: BTreeMap<String, Type>,
}

impl Model {
    /// The model of a file that may use the constants and types of `base`, and the constants
    /// `external`.
    ///
    /// # Errors
    /// A [`Fault`] for each name that is used and not defined, or defined twice.
    pub fn new(
        definitions: &[Definition],
        base: Option<&Model>,
        external: &[(&str, i64)],
    ) -> Result<Self, Vec<Fault>> {
        let mut model = base.map_or_else(Self::default, Self::as_base);
        model.numbers.extend(
            external
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value)),
        );
        let mut faults = duplicates(definitions);
        faults.extend(model.count(definitions));
        let bodies: BTreeMap<_, _> = definitions
            .iter()
            .map(|definition| (definition.name.as_str(), definition))
            .collect();
        for definition in definitions {
            if let Err(fault) = model.define(definition, &bodies) {
                faults.push(fault);
            }
        }
        if faults.is_empty() {
            Ok(model)
        } else {
            Err(faults)
        }
    }

    /// The body of a type, whether it is this file's or imported.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Named> {
        self.named.get(name)
    }

    /// The number of a constant.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        self.numbers.get(name).copied()
    }

    /// The fewest bytes that a value of a type takes.
    #[must_use]
    pub fn min_size(&self, ty: &Type) -> usize {
        match ty {
            Type::Builtin(Builtin::Quadruple) => 16,
            Type::Builtin(Builtin::Hyper | Builtin::UnsignedHyper | Builtin::Double) => 8,
            Type::OpaqueFixed(length) => (*length as usize).next_multiple_of(4),
            Type::Array(element, length) => self.min_size(element) * *length as usize,
            Type::Named(name) => self
                .named(name)
                .map_or(0, |named| self.min_size_named(named)),
            _ => 4,
        }
    }

    /// The fewest bytes that a value of a named type takes.
    #[must_use]
    pub fn min_size_named(&self, named: &Named) -> usize {
        match named {
            Named::Enum(_) => 4,
            Named::Struct(fields) => fields.iter().map(|field| self.min_size(&field.ty)).sum(),
            Named::Union(arms) => {
                let arm = |arm: &UnionArm| {
                    arm.field
                        .as_ref()
                        .map_or(0, |field| self.min_size(&field.ty))
                };
                4 + arms.iter().map(arm).min().unwrap_or(0)
            }
        }
    }

    /// Whether a value of the named type `inner` may hold one of `outer`: then it needs a box.
    #[must_use]
    pub fn leads_to(&self, inner: &str, outer: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut left = vec![inner.to_owned()];
        while let Some(name) = left.pop() {
            if name == outer {
                return true;
            }
            if seen.insert(name.clone()) {
                left.extend(self.named(&name).into_iter().flat_map(names_in));
            }
        }
        false
    }

    fn as_base(&self) -> Self {
        Self {
            constants: Vec::new(),
            types: Vec::new(),
            imported: self.named.keys().cloned().collect(),
            ..self.clone()
        }
    }

    fn count(&mut self, definitions: &[Definition]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for definition in definitions {
            let counted = match &definition.body {
                Body::Constant(value) => self.resolve(value).map(|number| {
                    self.constants.push((definition.name.clone(), number));
                    self.numbers.insert(definition.name.clone(), number);
                }),
                Body::Enum(values) => self.count_enum(values),
                _ => Ok(()),
            };
            faults.extend(counted.err());
        }
        faults
    }

    fn count_enum(&mut self, values: &[crate::ast::EnumValue]) -> Result<(), Fault> {
        let mut next = 0;
        for value in values {
            let number = value
                .value
                .as_ref()
                .map_or(Ok(next), |value| self.resolve(value))?;
            self.numbers.insert(value.name.clone(), number);
            next = number + 1;
        }
        Ok(())
    }

    fn resolve(&self, value: &Value) -> Result<i64, Fault> {
        match value {
            Value::Number(number) => Ok(*number),
            Value::Name(name, position) => self
                .number(name)
                .ok_or_else(|| Fault::new(*position, format!("{name} is no constant"))),
        }
    }

    fn bound(&self, value: &Value, position: Position) -> Result<u32, Fault> {
        let number = self.resolve(value)?;
        u32::try_from(number)
            .map_err(|_| Fault::new(position, format!("a length of {number} is not possible")))
    }

    fn define(
        &mut self,
        definition: &Definition,
        bodies: &BTreeMap<&str, &Definition>,
    ) -> Result<(), Fault> {
        let named = match &definition.body {
            Body::Constant(_) | Body::Typedef(_) | Body::Program { .. } => return Ok(()),
            Body::Enum(values) => Named::Enum(self.enum_values(values)),
            Body::Struct(fields) => {
                let fields = fields.iter().map(|field| self.field(field, bodies));
                Named::Struct(fields.collect::<Result<_, _>>()?)
            }
            Body::Union { arms, .. } => {
                let arms = arms.iter().map(|arm| self.arm(arm, bodies));
                Named::Union(arms.collect::<Result<_, _>>()?)
            }
        };
        self.named.insert(definition.name.clone(), named.clone());
        self.types.push((definition.name.clone(), named));
        Ok(())
    }

    fn enum_values(&self, values: &[crate::ast::EnumValue]) -> Vec<EnumValue> {
        values
            .iter()
            .map(|value| EnumValue {
                name: value.name.clone(),
                value: self.number(&value.name).unwrap_or_default() as i32,
                comment: value.comment.clone(),
            })
            .collect()
    }

    fn field(
        &mut self,
        declaration: &Declaration,
        bodies: &BTreeMap<&str, &Definition>,
    ) -> Result<Field, Fault> {
        Ok(Field {
            name: declaration.name.clone(),
            ty: self.declared(declaration, bodies, 0)?,
        })
    }

    fn arm(&mut self, arm: &Arm, bodies: &BTreeMap<&str, &Definition>) -> Result<UnionArm, Fault> {
        let cases = arm.cases.iter().map(|case| {
            let name = match case {
                Value::Name(name, _) => name.clone(),
                Value::Number(number) => format!("CASE_{number}").replace('-', "MINUS_"),
            };
            Ok((name, self.resolve(case)? as i32))
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
        bodies: &BTreeMap<&str, &Definition>,
        depth: usize,
    ) -> Result<Type, Fault> {
        let position = declaration.position;
        if depth > 32 {
            return Err(Fault::new(position, "this typedef leads back to itself"));
        }
        match (&declaration.type_name, &declaration.shape) {
            (TypeName::String, Shape::List(bound)) => {
                Ok(Type::Text(self.list_bound(bound, position)?))
            }
            (TypeName::String, _) => Err(Fault::new(position, "a string is written string x<n>")),
            (TypeName::Opaque, Shape::List(bound)) => {
                Ok(Type::Opaque(self.list_bound(bound, position)?))
            }
            (TypeName::Opaque, Shape::Fixed(length)) => {
                Ok(Type::OpaqueFixed(self.bound(length, position)?))
            }
            (TypeName::Opaque, _) => Err(Fault::new(
                position,
                "opaque data is written opaque x[n] or opaque x<n>",
            )),
            (TypeName::Void, _) => Err(Fault::new(position, "void cannot be declared here")),
            (TypeName::Builtin(builtin), shape) => {
                self.shaped(Type::Builtin(*builtin), shape, position)
            }
            (TypeName::Named(name, at), shape) => {
                let element = self.lookup(name, *at, bodies, depth)?;
                self.shaped(element, shape, position)
            }
        }
    }

    fn shaped(&self, element: Type, shape: &Shape, position: Position) -> Result<Type, Fault> {
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

    fn lookup(
        &mut self,
        name: &str,
        position: Position,
        bodies: &BTreeMap<&str, &Definition>,
        depth: usize,
    ) -> Result<Type, Fault> {
        if let Some(ty) = self.typedefs.get(name) {
            return Ok(ty.clone());
        }
        match bodies.get(name).map(|definition| &definition.body) {
            Some(Body::Typedef(declaration)) => {
                let ty = self.declared(declaration, bodies, depth + 1)?;
                self.typedefs.insert(name.to_owned(), ty.clone());
                Ok(ty)
            }
            Some(Body::Enum(_) | Body::Struct(_) | Body::Union { .. }) => {
                Ok(Type::Named(name.to_owned()))
            }
            None if self.imported.contains(name) => Ok(Type::Named(name.to_owned())),
            _ => Err(Fault::new(position, format!("{name} is no type"))),
        }
    }
}

fn duplicates(definitions: &[Definition]) -> Vec<Fault> {
    let mut seen = BTreeSet::new();
    definitions
        .iter()
        .filter(|definition| !seen.insert(&definition.name))
        .map(|definition| {
            Fault::new(
                definition.position,
                format!("{} is defined twice", definition.name),
            )
        })
        .collect()
}

fn names_in(named: &Named) -> Vec<String> {
    let types: Vec<&Type> = match named {
        Named::Enum(_) => Vec::new(),
        Named::Struct(fields) => fields.iter().map(|field| &field.ty).collect(),
        Named::Union(arms) => arms
            .iter()
            .filter_map(|arm| arm.field.as_ref())
            .map(|field| &field.ty)
            .collect(),
    };
    types.into_iter().filter_map(name_in).collect()
}

fn name_in(ty: &Type) -> Option<String> {
    match ty {
        Type::Named(name) => Some(name.clone()),
        Type::Array(element, _) | Type::List(element, _) | Type::Optional(element) => {
            name_in(element)
        }
        _ => None,
    }
}
