//! The fewest bytes that a value takes.

use std::collections::BTreeMap;

use super::{Model, Named, Type, UnionArm};
use crate::ast::Builtin;

/// How deep structs and unions hold one another, at most. A decoder's bound is lower.
const DEPTH: usize = 500;

impl Model {
    /// The fewest bytes that a value of a type takes.
    #[must_use]
    pub fn min_size(&self, ty: &Type) -> usize {
        match ty {
            Type::Builtin(Builtin::Quadruple) => 16,
            Type::Builtin(Builtin::Hyper | Builtin::UnsignedHyper | Builtin::Double) => 8,
            Type::OpaqueFixed(length) => (*length as usize).next_multiple_of(4),
            Type::Array(element, length) => self.min_size(element).saturating_mul(*length as usize),
            Type::Named(name) => self.sizes.get(name).copied().unwrap_or(0),
            _ => 4,
        }
    }

    /// The fewest bytes that a value of a named type takes.
    #[must_use]
    pub fn min_size_named(&self, named: &Named) -> usize {
        let sum = |sum: usize, size| sum.saturating_add(size);
        match named {
            Named::Enum(_) => 4,
            Named::Struct(fields) => {
                let sizes = fields.iter().map(|field| self.min_size(&field.ty));
                sizes.fold(0, sum)
            }
            Named::Union(_, arms) => {
                let arm = |arm: &UnionArm| {
                    arm.field
                        .as_ref()
                        .map_or(0, |field| self.min_size(&field.ty))
                };
                4 + arms.iter().map(arm).min().unwrap_or(0)
            }
        }
    }

    /// Finds the size of every type, from those that hold no others upwards; and the types that have
    /// none, because they hold themselves or are too deep, by their names.
    pub(super) fn measure(&mut self) -> Vec<String> {
        let names: Vec<String> = self.types.iter().map(|(name, _)| name.clone()).collect();
        let mut holders: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut missing = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let held = self.held(name);
            let held = held
                .into_iter()
                .filter(|held| !self.sizes.contains_key(held));
            let mut count = 0_usize;
            for held in held {
                holders.entry(held).or_default().push(index);
                count += 1;
            }
            missing.push(count);
        }
        let free = |(index, count): (usize, &usize)| (*count == 0).then_some((index, 1));
        let mut ready: Vec<(usize, usize)> = missing.iter().enumerate().filter_map(free).collect();
        let mut depths = vec![1_usize; names.len()];
        while let Some((index, depth)) = ready.pop() {
            if depth > DEPTH {
                continue;
            }
            let name = &names[index];
            let size = self
                .named(name)
                .map_or(0, |named| self.min_size_named(named));
            self.sizes.insert(name.clone(), size);
            for holder in holders.remove(name).unwrap_or_default() {
                depths[holder] = depths[holder].max(depth + 1);
                missing[holder] -= 1;
                if missing[holder] == 0 {
                    ready.push((holder, depths[holder]));
                }
            }
        }
        names
            .into_iter()
            .filter(|name| !self.sizes.contains_key(name))
            .collect()
    }
}
