//! Unions.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Emitter, ident, type_ident};
use crate::ast::Builtin;
use crate::model::{Named, Type, UnionArm};
use crate::names::spare_prefix;

impl Emitter<'_> {
    pub(super) fn define_union(&self, name: &str, on: &Type, arms: &[UnionArm]) -> TokenStream {
        let rust = ident(&self.type_name(name));
        let doc = self.doc(&format!("`{name}`."), self.model.docs.get(name));
        let switch = Switch::new(self, on, arms);
        let names = variant_names(arms);
        // A default behind both values of a boolean selects nothing.
        let selected = |arm: &&UnionArm| !(arm.cases.is_empty() && switch.complete);
        let variants: Vec<Variant> = arms
            .iter()
            .zip(&names)
            .filter(|(arm, _)| selected(arm))
            .map(|(arm, variant)| switch.variant(self, name, arm, variant))
            .collect();
        let declared = variants.iter().map(|variant| &variant.declared);
        let encoded = variants.iter().map(|variant| &variant.encoded);
        let decoded = variants.iter().map(|variant| &variant.decoded);
        let unknown =
            (!switch.complete && !arms.iter().any(|arm| arm.cases.is_empty())).then(|| {
                let refusal = switch.refusal(&quote! { other });
                quote! { other => Err(#refusal), }
            });
        let min_size = self
            .model
            .min_size_named(&Named::Union(on.clone(), arms.to_vec()));
        let discriminant = switch.read();
        quote! {
            #doc
            #[derive(Debug, Clone, PartialEq)]
            pub enum #rust { #(#declared),* }

            impl drover_xdr::Encode for #rust {
                fn encode(&self, out: &mut drover_xdr::Encoder) -> Result<(), drover_xdr::Error> {
                    match self { #(#encoded)* }
                }
            }

            impl drover_xdr::Decode for #rust {
                const MIN_SIZE: usize = #min_size;

                fn decode(input: &mut drover_xdr::Decoder<'_>) -> Result<Self, drover_xdr::Error> {
                    input.nested(|input| match #discriminant { #(#decoded)* #unknown })
                }
            }
        }
    }
}

/// The names of a union's variants, in the order of its arms.
pub(super) fn variant_names(arms: &[UnionArm]) -> Vec<String> {
    let cases = arms.iter().flat_map(|arm| &arm.cases);
    let cases: Vec<&str> = cases.map(|(name, _)| name.as_str()).collect();
    let prefix = spare_prefix(&cases);
    let mut names: Vec<String> = Vec::new();
    for arm in arms {
        let Some((case, _)) = arm.cases.first() else {
            names.push("Default".to_owned());
            continue;
        };
        let short = type_ident(&case[prefix.len()..]);
        // `default_` and `DEFAULT`, and the default itself.
        let taken = short == "Default" || names.contains(&short);
        names.push(if taken {
            format!("Case{}", type_ident(case))
        } else {
            short
        });
    }
    names
}

// What a union is switched on.
struct Switch {
    ty: TokenStream,
    kind: Kind,
    // The numbers that select an arm.
    cases: Vec<i64>,
    // Whether these are all there can be.
    complete: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Unsigned,
    Bool,
    Enum,
}

// An arm of a union. One that several values select, or the default, keeps the value.
struct Variant {
    declared: TokenStream,
    encoded: TokenStream,
    decoded: TokenStream,
}

impl Switch {
    fn new(emitter: &Emitter<'_>, on: &Type, arms: &[UnionArm]) -> Self {
        let kind = match on {
            Type::Builtin(Builtin::Bool) => Kind::Bool,
            Type::Builtin(Builtin::UnsignedInt) => Kind::Unsigned,
            Type::Named(_) => Kind::Enum,
            _ => Kind::Int,
        };
        let cases = arms.iter().flat_map(|arm| &arm.cases);
        let cases: Vec<i64> = cases.map(|(_, number)| *number).collect();
        Self {
            ty: emitter.rust_type(on, false),
            kind,
            complete: kind == Kind::Bool && cases.len() == 2,
            cases,
        }
    }

    fn read(&self) -> TokenStream {
        let ty = &self.ty;
        match self.kind {
            Kind::Enum => quote! { <#ty>::decode(input)? },
            _ => quote! { #ty::decode(input)? },
        }
    }

    // The number as a pattern and as a value; the model has seen to it that it fits.
    fn literal(&self, number: i64) -> TokenStream {
        let (ty, word, unsigned) = (&self.ty, number as i32, number as u32);
        match self.kind {
            Kind::Int => quote! { #word },
            Kind::Unsigned => quote! { #unsigned },
            Kind::Bool if number == 0 => quote! { false },
            Kind::Bool => quote! { true },
            Kind::Enum => quote! { #ty(#word) },
        }
    }

    fn literals(&self, numbers: &[i64]) -> TokenStream {
        let literals = numbers.iter().map(|number| self.literal(*number));
        quote! { #(#literals)|* }
    }

    fn refusal(&self, value: &TokenStream) -> TokenStream {
        let number = match self.kind {
            Kind::Enum => quote! { #value.0.into() },
            _ => quote! { #value.into() },
        };
        quote! { drover_xdr::Problem::Discriminant(#number).into() }
    }

    fn variant(
        &self,
        emitter: &Emitter<'_>,
        owner: &str,
        arm: &UnionArm,
        variant: &str,
    ) -> Variant {
        let variant = ident(variant);
        let words = match arm.cases.first() {
            Some((name, _)) => format!("`{name}`."),
            None => "Any other value.".to_owned(),
        };
        let field = arm.field.as_ref();
        let doc = emitter.doc(&words, field.and_then(|field| field.doc.as_ref()));
        let boxed = field.is_some_and(|field| emitter.boxed(owner, &field.ty));
        let value_type = field.map(|field| emitter.rust_type(&field.ty, boxed));
        let write = field.map_or(quote! { Ok(()) }, |field| {
            emitter.encode(&field.ty, &quote! { value })
        });
        let read = field.map(|field| emitter.decode(&field.ty, boxed));
        let value = field.map(|_| quote! { value });
        let numbers: Vec<i64> = arm.cases.iter().map(|(_, number)| *number).collect();
        if let [number] = numbers[..] {
            let literal = self.literal(number);
            let shape = value_type.map(|ty| quote! { (#ty) });
            let binding = value.map(|value| quote! { (#value) });
            let made = read.map_or(quote! { Ok(Self::#variant) }, |read| {
                quote! { Ok(Self::#variant(#read?)) }
            });
            return Variant {
                declared: quote! { #doc #variant #shape },
                encoded: quote! { Self::#variant #binding => { #literal.encode(out)?; #write } },
                decoded: quote! { #literal => #made, },
            };
        }
        let ty = &self.ty;
        let check = self.check(&numbers);
        let pattern = if numbers.is_empty() {
            quote! { other }
        } else {
            let literals = self.literals(&numbers);
            quote! { other @ (#literals) }
        };
        let made = read.map_or(quote! { Ok(Self::#variant(other)) }, |read| {
            quote! { Ok(Self::#variant(other, #read?)) }
        });
        Variant {
            declared: quote! { #doc #variant(#ty, #value_type) },
            encoded: quote! {
                Self::#variant(other, #value) => { #check other.encode(out)?; #write }
            },
            decoded: quote! { #pattern => #made, },
        }
    }

    // That the value which an arm keeps selects that arm: what is written would be read otherwise.
    fn check(&self, numbers: &[i64]) -> TokenStream {
        let refusal = match self.kind {
            Kind::Enum => self.refusal(&quote! { other }),
            _ => self.refusal(&quote! { (*other) }),
        };
        if !numbers.is_empty() {
            let literals = self.literals(numbers);
            return quote! { if !matches!(*other, #literals) { return Err(#refusal); } };
        }
        if self.cases.is_empty() {
            return TokenStream::new();
        }
        let literals = self.literals(&self.cases);
        quote! { if matches!(*other, #literals) { return Err(#refusal); } }
    }
}
