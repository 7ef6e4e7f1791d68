//! A file as it is meant: every name looked up, every bound a number.

mod build;
mod checks;
mod numbers;
mod programs;
mod size;

use std::collections::{BTreeMap, BTreeSet};

use crate::ast::{Builtin, Definition};
use crate::error::{Fault, Position};

pub use programs::{Procedure, Program, Version};

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

/// A field of a struct, or what a procedure takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in the file.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// The comment beside it.
    pub doc: Option<String>,
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
    /// The comment beside it.
    pub doc: Option<String>,
}

/// An arm of a union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnionArm {
    /// The names and numbers that select it; none for the default.
    pub cases: Vec<(String, i64)>,
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
    /// A union: the type that it switches on, and its arms.
    Union(Type, Vec<UnionArm>),
}

/// A name for a type that has none of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// Its name in the file.
    pub name: String,
    /// What it stands for.
    pub ty: Type,
    /// The comment beside it.
    pub doc: Option<String>,
}

/// A whole file.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Constants, in the order of the file.
    pub constants: Vec<(String, i64)>,
    /// Constants that are text.
    pub texts: Vec<(String, String)>,
    /// Types, in the order of the file.
    pub types: Vec<(String, Named)>,
    /// Names for types, in the order of the file.
    pub aliases: Vec<Alias>,
    /// Programs, in the order of the file.
    pub programs: Vec<Program>,
    /// Names of types that another file defines.
    pub imported: BTreeSet<String>,
    /// The comments beside constants and types, by name.
    pub docs: BTreeMap<String, String>,
    numbers: BTreeMap<String, i64>,
    named: BTreeMap<String, Named>,
    typedefs: BTreeMap<String, Type>,
    chains: BTreeSet<String>,
    sizes: BTreeMap<String, usize>,
}

impl Model {
    /// The model of a file that may use the constants and types of `base`, and the constants
    /// `external`.
    ///
    /// # Errors
    /// A [`Fault`] for each name that is used and not defined, or defined twice, and for each type
    /// that can have no value.
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
        let mut faults = checks::duplicates(definitions);
        faults.extend(model.count(definitions));
        faults.extend(model.build(definitions));
        if faults.is_empty() {
            faults.extend(model.check(definitions));
        }
        faults.sort_by_key(|fault| fault.position);
        faults.dedup();
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

    /// Whether a struct is only ever the element of a list in which each element has the next as
    /// optional data, its last field.
    #[must_use]
    pub fn is_chain(&self, name: &str) -> bool {
        self.chains.contains(name)
    }

    /// The fields of a struct; without the one that leads to the next element, if it is of a chain.
    #[must_use]
    pub fn own_fields<'f>(&self, name: &str, fields: &'f [Field]) -> &'f [Field] {
        match fields.split_last() {
            Some((_, own)) if self.is_chain(name) => own,
            _ => fields,
        }
    }

    /// Adds the types and constants of another file, as imported.
    pub fn import(&mut self, other: &Model) {
        let types = other.types.iter().map(|(name, _)| name);
        self.imported.extend(types.chain(&other.imported).cloned());
        self.named.extend(other.named.clone());
        self.numbers.extend(other.numbers.clone());
        self.typedefs.extend(other.typedefs.clone());
        self.chains.extend(other.chains.iter().cloned());
        self.sizes.extend(other.sizes.clone());
    }

    fn as_base(&self) -> Self {
        let mut base = Self::default();
        base.import(self);
        base
    }
}

// Everything that a value of a type holds, by the types' names.
fn names_in(named: &Named) -> Vec<String> {
    types_in(named).into_iter().filter_map(name_in).collect()
}

fn types_in(named: &Named) -> Vec<&Type> {
    match named {
        Named::Enum(_) => Vec::new(),
        Named::Struct(fields) => fields.iter().map(|field| &field.ty).collect(),
        Named::Union(_, arms) => arms
            .iter()
            .filter_map(|arm| arm.field.as_ref())
            .map(|field| &field.ty)
            .collect(),
    }
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

fn at(position: Position, message: impl Into<String>) -> Fault {
    Fault::new(position, message)
}
