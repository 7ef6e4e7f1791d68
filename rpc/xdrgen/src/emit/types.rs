//! Enums, structs and unions.

use proc_macro2::TokenStream;
use quote::quote;

use super::code::describe;
use super::{Emitter, ident};
use crate::model::{EnumValue, Field, Named, Type, UnionArm};
use crate::names::{camel, shared_prefix, snake};

impl Emitter<'_> {
    pub(super) fn named(&self, name: &str, named: &Named) -> TokenStream {
        match named {
            Named::Enum(values) => self.define_enum(name, values),
            Named::Struct(fields) => self.define_struct(name, fields),
            Named::Union(arms) => self.define_union(name, arms),
        }
    }

    // A number with names: any value can come, and is kept.
    fn define_enum(&self, name: &str, values: &[EnumValue]) -> TokenStream {
        let rust = ident(&self.type_name(name));
        let doc = format!("`{name}`; values without a name are kept.");
        let names: Vec<&str> = values.iter().map(|value| value.name.as_str()).collect();
        let prefix = shared_prefix(&names);
        let constants = values.iter().map(|value| {
            let constant = ident(&value.name[prefix.len()..]);
            let (doc, number) = (format!("`{}`.", value.name), value.value);
            quote! { #[doc = #doc] pub const #constant: Self = Self(#number); }
        });
        let arms = values.iter().map(|value| {
            let (number, name) = (value.value, &value.name[prefix.len()..]);
            quote! { #number => Some(#name), }
        });
        quote! {
            #[doc = #doc]
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct #rust(pub i32);

            impl #rust {
                #(#constants)*

                /// The name of the value, if it has one.
                #[must_use]
                pub fn name(self) -> Option<&'static str> {
                    match self.0 {
                        #(#arms)*
                        _ => None,
                    }
                }
            }

            impl std::fmt::Debug for #rust {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    match self.name() {
                        Some(name) => f.write_str(name),
                        None => write!(f, "{}", self.0),
                    }
                }
            }

            impl drover_xdr::Encode for #rust {
                fn encode(&self, out: &mut drover_xdr::Encoder) -> Result<(), drover_xdr::Error> {
                    self.0.encode(out)
                }
            }

            impl drover_xdr::Decode for #rust {
                const MIN_SIZE: usize = 4;

                fn decode(input: &mut drover_xdr::Decoder<'_>) -> Result<Self, drover_xdr::Error> {
                    i32::decode(input).map(Self)
                }
            }
        }
    }

    fn define_struct(&self, name: &str, fields: &[Field]) -> TokenStream {
        let rust = ident(&self.type_name(name));
        let doc = format!("`{name}`.");
        let declared = fields.iter().map(|field| self.declare(name, field));
        let encoded = fields.iter().map(|field| {
            let rust = ident(&snake(&field.name));
            let value = quote! { self.#rust };
            let by_reference = matches!(
                field.ty,
                Type::Opaque(_) | Type::OpaqueFixed(_) | Type::List(..)
            );
            let value = if by_reference {
                quote! { &#value }
            } else {
                value
            };
            self.encode(&field.ty, &value)
        });
        let decoded = fields.iter().map(|field| {
            let (rust, label) = (ident(&snake(&field.name)), &field.name);
            let value = self.decode(&field.ty, self.boxed(name, &field.ty));
            quote! { #rust: #value.map_err(|error| error.within(#label))? }
        });
        let labels = fields.iter().map(|field| &field.name);
        let min_size = self.model.min_size_named(&Named::Struct(fields.to_vec()));
        quote! {
            #[doc = #doc]
            #[derive(Debug, Clone, PartialEq)]
            pub struct #rust { #(#declared),* }

            impl drover_xdr::Encode for #rust {
                fn encode(&self, out: &mut drover_xdr::Encoder) -> Result<(), drover_xdr::Error> {
                    #(#encoded.map_err(|error: drover_xdr::Error| error.within(#labels))?;)*
                    Ok(())
                }
            }

            impl drover_xdr::Decode for #rust {
                const MIN_SIZE: usize = #min_size;

                fn decode(input: &mut drover_xdr::Decoder<'_>) -> Result<Self, drover_xdr::Error> {
                    input.nested(|input| Ok(Self { #(#decoded),* }))
                }
            }
        }
    }

    fn declare(&self, owner: &str, field: &Field) -> TokenStream {
        let rust = ident(&snake(&field.name));
        let ty = self.rust_type(&field.ty, self.boxed(owner, &field.ty));
        let doc = format!("`{}`{}.", field.name, describe(&field.ty));
        quote! { #[doc = #doc] pub #rust: #ty }
    }

    fn boxed(&self, owner: &str, ty: &Type) -> bool {
        let Type::Optional(element) = ty else {
            return false;
        };
        matches!(&**element, Type::Named(inner) if self.model.leads_to(inner, owner))
    }

    fn define_union(&self, name: &str, arms: &[UnionArm]) -> TokenStream {
        let rust = ident(&self.type_name(name));
        let doc = format!("`{name}`.");
        let names: Vec<&str> = arms
            .iter()
            .flat_map(|arm| &arm.cases)
            .map(|(n, _)| n.as_str())
            .collect();
        let prefix = shared_prefix(&names);
        let variants: Vec<Variant> = arms
            .iter()
            .map(|arm| Variant::new(self, name, arm, prefix))
            .collect();
        let declared = variants.iter().map(|variant| &variant.declared);
        let encoded = variants.iter().map(|variant| &variant.encoded);
        let decoded = variants.iter().map(|variant| &variant.decoded);
        let unknown = (!arms.iter().any(|arm| arm.cases.is_empty())).then(|| {
            quote! { other => Err(drover_xdr::Problem::Discriminant(other.into()).into()), }
        });
        let min_size = self.model.min_size_named(&Named::Union(arms.to_vec()));
        quote! {
            #[doc = #doc]
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
                    input.nested(|input| match i32::decode(input)? { #(#decoded)* #unknown })
                }
            }
        }
    }
}

// An arm of a union. One that several values select, or the default, keeps the value.
struct Variant {
    declared: TokenStream,
    encoded: TokenStream,
    decoded: TokenStream,
}

impl Variant {
    fn new(emitter: &Emitter<'_>, owner: &str, arm: &UnionArm, prefix: &str) -> Self {
        let first = arm
            .cases
            .first()
            .map_or("Default", |(name, _)| &name[prefix.len()..]);
        let variant = ident(&camel(first));
        let doc = match arm.cases.first() {
            Some((name, _)) => format!("`{name}`."),
            None => "Any other value.".to_owned(),
        };
        let numbers: Vec<i32> = arm.cases.iter().map(|(_, number)| *number).collect();
        let keeps = numbers.len() != 1;
        let field = arm.field.as_ref();
        let boxed = field.is_some_and(|field| emitter.boxed(owner, &field.ty));
        let value_type = field.map(|field| emitter.rust_type(&field.ty, boxed));
        let kept_type = keeps.then(|| quote! { i32, });
        let shape = if keeps || field.is_some() {
            quote! { (#kept_type #value_type) }
        } else {
            TokenStream::new()
        };
        let write = field.map_or(quote! { Ok(()) }, |field| {
            emitter.encode(&field.ty, &quote! { value })
        });
        let read = field.map(|field| emitter.decode(&field.ty, boxed));
        let (pattern, selector, numbers) = match keeps {
            true if numbers.is_empty() => (quote! { other, }, quote! { other }, quote! { other }),
            true => (
                quote! { other, },
                quote! { other },
                quote! { other @ (#(#numbers)|*) },
            ),
            false => (
                TokenStream::new(),
                quote! { #(#numbers)* },
                quote! { #(#numbers)* },
            ),
        };
        let value = field.map(|_| quote! { value });
        let binding = if shape.is_empty() {
            quote! {}
        } else {
            quote! { (#pattern #value) }
        };
        let made = match (keeps, read) {
            (true, Some(read)) => quote! { Ok(Self::#variant(other, #read?)) },
            (true, None) => quote! { Ok(Self::#variant(other)) },
            (false, Some(read)) => quote! { Ok(Self::#variant(#read?)) },
            (false, None) => quote! { Ok(Self::#variant) },
        };
        Self {
            declared: quote! { #[doc = #doc] #variant #shape },
            encoded: quote! { Self::#variant #binding => { #selector.encode(out)?; #write } },
            decoded: quote! { #numbers => #made, },
        }
    }
}
