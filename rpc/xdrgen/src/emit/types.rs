//! Enums, structs and unions.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{Emitter, ident};
use crate::model::{EnumValue, Field, Named, Type};
use crate::names::{snake, spare_prefix, upper};

impl Emitter<'_> {
    pub(super) fn named(&self, name: &str, named: &Named) -> TokenStream {
        match named {
            Named::Enum(values) => self.define_enum(name, values),
            Named::Struct(fields) => self.define_struct(name, fields),
            Named::Union(on, arms) => self.define_union(name, on, arms),
        }
    }

    // A number with names: any value can come, and is kept.
    fn define_enum(&self, name: &str, values: &[EnumValue]) -> TokenStream {
        let rust = ident(&self.type_name(name));
        let doc = format!("`{name}`; values without a name are kept.");
        let doc = self.doc(&doc, self.model.docs.get(name));
        let prefix = value_prefix(values);
        let constants = values.iter().map(|value| {
            let constant = ident(&upper(&value.name[prefix.len()..]));
            let number = value.value;
            let doc = self.doc(&format!("`{}`.", value.name), value.doc.as_ref());
            quote! { #doc pub const #constant: Self = Self(#number); }
        });
        let mut seen = BTreeSet::new();
        let arms = values.iter().filter(|value| seen.insert(value.value));
        let arms = arms.map(|value| {
            let (number, name) = (value.value, &value.name[prefix.len()..]);
            quote! { #number => Some(#name), }
        });
        quote! {
            #doc
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

            impl core::fmt::Debug for #rust {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
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
        let doc = self.doc(&format!("`{name}`."), self.model.docs.get(name));
        let fields = self.model.own_fields(name, fields);
        if fields.is_empty() {
            return empty_struct(&rust, &doc);
        }
        let declared = fields.iter().map(|field| self.declare(name, field));
        let encoded = fields.iter().map(|field| {
            let rust = ident(&snake(&field.name));
            let value = self.place(&field.ty, quote! { self.#rust });
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
            #doc
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
        let doc = format!("`{}`{}.", field.name, self.bound(&field.ty));
        let doc = self.doc(&doc, field.doc.as_ref());
        quote! { #doc pub #rust: #ty }
    }

    // Whether optional data in a type leads back to what it is in. In a list it has a place already.
    pub(super) fn boxed(&self, owner: &str, ty: &Type) -> bool {
        match ty {
            Type::Array(element, _) => self.boxed(owner, element),
            Type::Optional(element) => {
                matches!(&**element, Type::Named(inner) if self.model.leads_to(inner, owner))
            }
            _ => false,
        }
    }
}

fn empty_struct(rust: &Ident, doc: &TokenStream) -> TokenStream {
    quote! {
        #doc
        #[derive(Debug, Clone, PartialEq)]
        pub struct #rust {}

        impl drover_xdr::Encode for #rust {
            fn encode(&self, _: &mut drover_xdr::Encoder) -> Result<(), drover_xdr::Error> {
                Ok(())
            }
        }

        impl drover_xdr::Decode for #rust {
            const MIN_SIZE: usize = 0;

            fn decode(_: &mut drover_xdr::Decoder<'_>) -> Result<Self, drover_xdr::Error> {
                Ok(Self {})
            }
        }
    }
}

/// What the names of an enum's values lose.
pub(super) fn value_prefix(values: &[EnumValue]) -> &str {
    let names: Vec<&str> = values.iter().map(|value| value.name.as_str()).collect();
    spare_prefix(&names)
}
