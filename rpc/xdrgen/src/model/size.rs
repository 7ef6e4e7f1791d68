//! The fewest bytes that a value takes.

use super::{Model, Named, Type, UnionArm};
use crate::ast::Builtin;

impl Model {
    /// The fewest bytes that a value of a type takes.
    #[must_use]
    pub fn min_size(&self, ty: &Type) -> usize {
        match ty {
            Type::Builtin(Builtin::Quadruple) => 16,
            Type::Builtin(Builtin::Hyper | Builtin::UnsignedHyper | Builtin::Double) => 8,
            Type::OpaqueFixed(length) => (*length as usize).next_multiple_of(4),
            Type::Array(element, length) => self.min_size(element).saturating_mul(*length as usize),
            Type::Named(name) => self
                .named(name)
                .map_or(0, |named| self.min_size_named(named)),
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
}
