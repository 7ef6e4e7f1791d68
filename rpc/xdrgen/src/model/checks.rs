//! What is wrong with a file whose every name is known.

use std::collections::{BTreeMap, BTreeSet};

use super::build::word;
use super::{Model, Named, Type, UnionArm, at, name_in, types_in};
use crate::ast::{self, Body, Builtin, Definition};
use crate::error::{Fault, Position};

/// Names that are defined twice, numbers that are given twice.
pub(super) fn duplicates(definitions: &[Definition]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    let mut once = |name: &'_ str, position: Position, faults: &mut Vec<Fault>| {
        if !seen.insert(name.to_owned()) {
            faults.push(at(position, format!("{name} is defined twice")));
        }
    };
    for definition in definitions {
        once(&definition.name, definition.position, &mut faults);
        match &definition.body {
            Body::Enum(values) => {
                for value in values {
                    once(&value.name, value.position, &mut faults);
                }
            }
            Body::Struct(fields) => {
                let fields = fields.iter();
                faults.extend(unique(fields.map(|field| (&field.name, field.position))));
            }
            Body::Program { versions, .. } => {
                let all = versions
                    .iter()
                    .map(|version| (&version.name, version.position));
                faults.extend(unique(all));
                for version in versions {
                    let all = version.procedures.iter();
                    let all = all.map(|procedure| (&procedure.name, procedure.position));
                    faults.extend(unique(all));
                }
            }
            _ => {}
        }
    }
    faults
}

fn unique<T: Ord + std::fmt::Display>(items: impl Iterator<Item = (T, Position)>) -> Vec<Fault> {
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for (item, position) in items {
        let message = format!("{item} is there twice");
        if !seen.insert(item) {
            faults.push(at(position, message));
        }
    }
    faults
}

impl Model {
    /// Types without values, unions that cannot be switched, numbers given twice; and finds chains.
    pub(super) fn check(&mut self, definitions: &[Definition]) -> Vec<Fault> {
        let mut faults = Vec::new();
        let endless: BTreeSet<String> = self.measure().into_iter().collect();
        for definition in definitions {
            let (name, position) = (&definition.name, definition.position);
            // One that only holds such a type is none of these, and right once that is.
            if endless.contains(name) && self.holds_itself(name) {
                let message = format!("{name} holds itself: a value of it would have no end");
                faults.push(at(position, message));
            }
            match &definition.body {
                Body::Union { discriminant, arms } => {
                    faults.extend(self.check_union(name, discriminant.position, arms));
                }
                Body::Program { versions, .. } => {
                    faults.extend(self.check_numbers(name, versions));
                }
                _ => {}
            }
        }
        if let (true, Some(name)) = (faults.is_empty(), endless.first()) {
            let position = definitions
                .iter()
                .find(|definition| definition.name == *name);
            let position = position.map_or_else(Position::default, |found| found.position);
            faults.push(at(
                position,
                format!("{name} holds types too deep within one another"),
            ));
        }
        if faults.is_empty() {
            self.find_chains();
            faults.extend(self.check_chains(definitions));
        }
        faults
    }

    // Optional data may be absent and a list empty; a struct, a union and an array hold what they say.
    fn holds_itself(&self, name: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut left = self.held(name);
        while let Some(next) = left.pop() {
            if next == name {
                return true;
            }
            if seen.insert(next.clone()) {
                left.extend(self.held(&next));
            }
        }
        false
    }

    pub(super) fn held(&self, name: &str) -> Vec<String> {
        let types = self.named(name).into_iter().flat_map(types_in);
        types.filter_map(held_by).collect()
    }

    fn check_union(&self, name: &str, switched: Position, arms: &[ast::Arm]) -> Vec<Fault> {
        let Some(Named::Union(ty, built)) = self.named(name) else {
            return Vec::new();
        };
        let Some(fits) = self.selector(ty) else {
            let message = "a union is switched by an integer, a boolean or an enum";
            return vec![at(switched, message)];
        };
        let mut faults = Vec::new();
        let mut seen: BTreeMap<i64, ()> = BTreeMap::new();
        let mut defaults = 0;
        for (UnionArm { cases, .. }, arm) in built.iter().zip(arms) {
            defaults += usize::from(cases.is_empty());
            if cases.is_empty() && defaults > 1 {
                faults.push(at(arm.position, "a second default"));
            }
            for (case, number) in cases {
                if !fits(*number) {
                    let message = format!("{case} is no value of what is switched");
                    faults.push(at(arm.position, message));
                }
                if seen.insert(*number, ()).is_some() {
                    faults.push(at(arm.position, format!("{case} selects two arms")));
                }
            }
        }
        faults
    }

    // What numbers a discriminant of this type can be.
    fn selector(&self, ty: &Type) -> Option<fn(i64) -> bool> {
        match ty {
            Type::Builtin(Builtin::Bool) => Some(|number| number == 0 || number == 1),
            Type::Builtin(Builtin::Int) => Some(|number| word(number).is_some()),
            Type::Builtin(Builtin::UnsignedInt) => Some(|number| u32::try_from(number).is_ok()),
            Type::Named(name) => match self.named(name) {
                Some(Named::Enum(_)) => Some(|number| word(number).is_some()),
                _ => None,
            },
            _ => None,
        }
    }

    fn check_numbers(&self, name: &str, versions: &[ast::Version]) -> Vec<Fault> {
        let program = self.programs.iter().find(|program| program.name == name);
        let Some(program) = program else {
            return Vec::new();
        };
        let numbers = program.versions.iter().map(|version| version.number);
        let places = versions.iter().map(|version| version.position);
        let mut faults = unique(numbers.zip(places));
        for (built, version) in program.versions.iter().zip(versions) {
            let numbers = built.procedures.iter().map(|procedure| procedure.number);
            let places = version
                .procedures
                .iter()
                .map(|procedure| procedure.position);
            faults.extend(unique(numbers.zip(places)));
        }
        faults
    }

    fn find_chains(&mut self) {
        let bare: BTreeSet<String> = self.all_types().filter_map(bare_name).collect();
        let chains = self.types.iter().filter_map(|(name, named)| {
            let Named::Struct(fields) = named else {
                return None;
            };
            let (last, own) = fields.split_last()?;
            let next = Type::Optional(Box::new(Type::Named(name.clone())));
            let alone = own
                .iter()
                .all(|field| name_in(&field.ty).is_none_or(|inner| !self.leads_to(&inner, name)));
            let chain = last.ty == next && !own.is_empty() && alone && !bare.contains(name);
            chain.then(|| name.clone())
        });
        let chains: Vec<String> = chains.collect();
        self.chains.extend(chains);
    }

    // An element of an imported list has no place for the next one.
    fn check_chains(&self, definitions: &[Definition]) -> Vec<Fault> {
        let bare: BTreeSet<String> = self.all_types().filter_map(bare_name).collect();
        let broken = bare.iter().filter(|name| self.is_chain(name));
        let position = definitions
            .first()
            .map_or(Position::default(), |first| first.position);
        broken
            .map(|name| {
                let message = format!(
                    "{name}, imported, is the element of a list: *{name} alone can be used"
                );
                at(position, message)
            })
            .collect()
    }

    fn all_types(&self) -> impl Iterator<Item = &Type> {
        let types = self.types.iter().flat_map(|(_, named)| types_in(named));
        let aliases = self.aliases.iter().map(|alias| &alias.ty);
        let versions = self.programs.iter().flat_map(|program| &program.versions);
        let passed = versions.flat_map(|version| &version.procedures);
        let passed = passed.flat_map(|procedure| {
            let arguments = procedure.arguments.iter().map(|argument| &argument.ty);
            arguments.chain(&procedure.reply)
        });
        types.chain(aliases).chain(passed)
    }
}

// The named type that a value of this one holds in any case.
fn held_by(ty: &Type) -> Option<String> {
    match ty {
        Type::Named(name) => Some(name.clone()),
        // One without elements too: Rust has no place for it.
        Type::Array(element, _) => held_by(element),
        _ => None,
    }
}

// The named type that this one has otherwise than as optional data by itself.
fn bare_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Optional(element) if matches!(**element, Type::Named(_)) => None,
        other => name_in(other),
    }
}
