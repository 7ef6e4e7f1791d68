//! The client's methods.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Emitter, Procedure, ident};
use crate::model::{Field, Type};
use crate::names::{camel, snake};

// More fields than this are passed as the struct that they are.
const MOST_PARAMETERS: usize = 6;

impl Emitter<'_> {
    pub(super) fn methods(&self, procedures: &[Procedure]) -> TokenStream {
        let module = ident(self.dialect.module);
        let imports = self.dialect.imports.map(|other| {
            let other = ident(other);
            quote! { use drover_rpc_proto::#other::*; }
        });
        let methods = procedures.iter().filter(|procedure| callable(procedure));
        let methods = methods.map(|procedure| self.method(procedure));
        quote! {
            #imports
            use drover_rpc_proto::#module::{self, *};
            use crate::{Client, Error};

            impl Client { #(#methods)* }
        }
    }

    fn method(&self, procedure: &Procedure) -> TokenStream {
        let module = ident(self.dialect.module);
        let rust = ident(&procedure.name.to_ascii_lowercase());
        let marker = ident(&camel(&procedure.name));
        let doc = format!(" Calls `{}`{}.", procedure.name, since(procedure.since));
        let (parameters, args) = self.parameters(procedure);
        let (reply, unwrap) = self.reply(procedure);
        quote! {
            #[doc = #doc]
            ///
            /// # Errors
            /// What libvirt answers, or why no answer came.
            pub async fn #rust(&self, #parameters) -> Result<#reply, Error> {
                self.call::<#module::procedures::#marker>(#args).await #unwrap
            }
        }
    }

    fn parameters(&self, procedure: &Procedure) -> (TokenStream, TokenStream) {
        let Some(name) = &procedure.args else {
            return (quote!(), quote! { () });
        };
        let ty = ident(&self.type_name(name));
        let fields = self.fields(Some(name));
        if fields.len() > MOST_PARAMETERS {
            return (quote! { args: #ty }, quote! { args });
        }
        let declared = fields.iter().map(|field| self.parameter(field));
        let names = fields.iter().map(|field| {
            let name = ident(&snake(&field.name));
            match field.ty {
                Type::Text(_) => quote! { #name: #name.into() },
                _ => quote! { #name },
            }
        });
        (quote! { #(#declared),* }, quote! { #ty { #(#names),* } })
    }

    fn parameter(&self, field: &Field) -> TokenStream {
        let name = ident(&snake(&field.name));
        match field.ty {
            Type::Text(_) => quote! { #name: impl Into<drover_xdr::Text> },
            _ => {
                let ty = self.rust_type(&field.ty, false);
                quote! { #name: #ty }
            }
        }
    }

    // A reply of one field is that field.
    fn reply(&self, procedure: &Procedure) -> (TokenStream, TokenStream) {
        let Some(name) = &procedure.ret else {
            return (quote! { () }, quote!());
        };
        match self.fields(Some(name)) {
            [field] => {
                let (ty, name) = (self.rust_type(&field.ty, false), ident(&snake(&field.name)));
                (ty, quote! { .map(|reply| reply.#name) })
            }
            _ => (self.body_type(Some(name)), quote!()),
        }
    }
}

// What needs more than a call and a reply, and what the client does by itself, has no method.
fn callable(procedure: &Procedure) -> bool {
    let own = ["CONNECT_OPEN", "CONNECT_CLOSE"];
    procedure.message.is_none()
        && procedure.stream.is_none()
        && procedure.fds == (false, false)
        && !own.contains(&procedure.name.as_str())
}

fn since(version: Option<u32>) -> String {
    version.map_or(String::new(), |version| {
        let (major, minor, release) = (
            version / 1_000_000,
            version / 1_000 % 1_000,
            version % 1_000,
        );
        format!(", in libvirt since {major}.{minor}.{release}")
    })
}
