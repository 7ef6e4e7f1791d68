//! How a value of a type is declared, written and read.

use proc_macro2::TokenStream;
use quote::quote;

use super::Emitter;
use crate::ast::Builtin;
use crate::model::Type;

impl Emitter<'_> {
    /// The Rust type. `boxed` says whether optional data here leads back to what it is in.
    pub(super) fn rust_type(&self, ty: &Type, boxed: bool) -> TokenStream {
        match ty {
            Type::Builtin(builtin) => builtin_type(*builtin),
            Type::Text(_) => quote! { drover_xdr::Text },
            Type::Opaque(_) => quote! { Vec<u8> },
            Type::OpaqueFixed(length) => {
                let length = *length as usize;
                quote! { [u8; #length] }
            }
            Type::Named(name) => self.type_path(name),
            Type::Array(element, length) => {
                let (element, length) = (self.rust_type(element, boxed), *length as usize);
                quote! { [#element; #length] }
            }
            Type::List(element, _) => {
                let element = self.rust_type(element, false);
                quote! { Vec<#element> }
            }
            Type::Optional(element) if self.is_chain(element) => {
                let element = self.rust_type(element, false);
                quote! { Vec<#element> }
            }
            Type::Optional(element) => {
                let element = self.rust_type(element, false);
                if boxed {
                    quote! { Option<Box<#element>> }
                } else {
                    quote! { Option<#element> }
                }
            }
        }
    }

    /// An expression that writes the place `value`, which is a reference.
    pub(super) fn encode(&self, ty: &Type, value: &TokenStream) -> TokenStream {
        match ty {
            Type::Builtin(_) | Type::Named(_) => quote! { #value.encode(out) },
            Type::Text(bound) => {
                let bound = *bound as usize;
                quote! { #value.encode_bounded(out, #bound) }
            }
            Type::Opaque(bound) => {
                let bound = *bound as usize;
                quote! { out.opaque(#value, #bound) }
            }
            Type::OpaqueFixed(_) => quote! { { out.opaque_fixed(#value); Ok(()) } },
            Type::Array(element, _) => {
                let item = self.encode(element, &quote! { item });
                quote! { #value.iter().try_for_each(|item| #item) }
            }
            Type::List(element, bound) => {
                let bound = *bound as usize;
                let item = self.encode(element, &quote! { item });
                quote! { out.list_with(#value, #bound, |item, out| #item) }
            }
            Type::Optional(element) => {
                let item = self.encode(element, &quote! { item });
                if self.is_chain(element) {
                    return quote! { out.chain_with(#value, |item, out| #item) };
                }
                quote! { out.optional_with(#value.as_ref(), |item, out| #item) }
            }
        }
    }

    /// An expression that reads a value.
    pub(super) fn decode(&self, ty: &Type, boxed: bool) -> TokenStream {
        match ty {
            Type::Builtin(_) | Type::Named(_) => {
                let ty = self.rust_type(ty, false);
                quote! { <#ty>::decode(input) }
            }
            Type::Text(bound) => {
                let bound = *bound as usize;
                quote! { drover_xdr::Text::decode_bounded(input, #bound) }
            }
            Type::Opaque(bound) => {
                let bound = *bound as usize;
                quote! { input.opaque_owned(#bound) }
            }
            Type::OpaqueFixed(_) => quote! { input.opaque_array() },
            Type::Array(element, length) => {
                let (item, length) = (self.decode(element, boxed), *length as usize);
                quote! { input.array_with::<_, #length>(|input| #item) }
            }
            Type::List(element, bound) => {
                let (item, bound) = (self.decode(element, false), *bound as usize);
                let min = self.model.min_size(element);
                quote! { input.list_with(#bound, #min, |input| #item) }
            }
            Type::Optional(element) => {
                let item = self.decode(element, false);
                if self.is_chain(element) {
                    return quote! { input.chain_with(|input| #item) };
                }
                if boxed {
                    return quote! { input.optional_with(|input| input.boxed_with(|input| #item)) };
                }
                quote! { input.optional_with(|input| #item) }
            }
        }
    }

    /// The place of a field or an argument, as what writes it takes it.
    pub(super) fn place(&self, ty: &Type, value: TokenStream) -> TokenStream {
        let by_reference = match ty {
            Type::Opaque(_) | Type::OpaqueFixed(_) | Type::List(..) => true,
            Type::Optional(element) => self.is_chain(element),
            _ => false,
        };
        if by_reference {
            quote! { &#value }
        } else {
            value
        }
    }

    /// What a bound says to a reader.
    pub(super) fn bound(&self, ty: &Type) -> String {
        let most = |bound: &u32, what: &str| match bound {
            &u32::MAX => format!("any number of {what}"),
            bound => format!("at most {bound} {what}"),
        };
        match ty {
            Type::Text(bound) | Type::Opaque(bound) => format!(", {}", most(bound, "bytes")),
            Type::List(_, bound) => format!(", {}", most(bound, "elements")),
            Type::Optional(element) if self.is_chain(element) => ", a list".to_owned(),
            Type::Optional(_) => ", optional".to_owned(),
            _ => String::new(),
        }
    }

    fn is_chain(&self, element: &Type) -> bool {
        matches!(element, Type::Named(name) if self.model.is_chain(name))
    }
}

fn builtin_type(builtin: Builtin) -> TokenStream {
    match builtin {
        Builtin::Bool => quote! { bool },
        Builtin::Char => quote! { i8 },
        Builtin::UnsignedChar => quote! { u8 },
        Builtin::Short => quote! { i16 },
        Builtin::UnsignedShort => quote! { u16 },
        Builtin::Int => quote! { i32 },
        Builtin::UnsignedInt => quote! { u32 },
        Builtin::Hyper => quote! { i64 },
        Builtin::UnsignedHyper => quote! { u64 },
        Builtin::Float => quote! { f32 },
        Builtin::Double => quote! { f64 },
        Builtin::Quadruple => quote! { drover_xdr::Quadruple },
    }
}
