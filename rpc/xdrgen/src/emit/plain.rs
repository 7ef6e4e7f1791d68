//! A file that stands by itself: all of it in one module, ready for `include!`.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;

use super::types::value_prefix;
use super::{Emitter, ident};
use crate::model::Named;
use crate::names::{snake, upper};

impl Emitter<'_> {
    /// The whole file as one text without inner attributes.
    #[must_use]
    pub fn plain(&self) -> String {
        let (constants, aliases, programs) = (self.constants(), self.aliases(), self.programs());
        let types = self.model.types.iter();
        let types = types.map(|(name, named)| self.named(name, named));
        let tokens = quote! {
            #[allow(unused_imports)]
            use drover_xdr::{Decode as _, Encode as _};
            #constants
            #aliases
            #(#types)*
            #programs
        };
        let header = &self.header;
        match syn::parse2(tokens.clone()) {
            Ok(file) => format!("// {header}\n\n{}", prettyplease::unparse(&file)),
            // Not Rust: the compiler of what was written will say where.
            Err(_) => format!("// {header}\n{tokens}"),
        }
    }

    /// Names of the file that are not one and become one in Rust: both, and what they become.
    #[must_use]
    pub fn clashes(&self) -> Vec<(String, String, String)> {
        let mut clashes = Vec::new();
        let types = self.model.types.iter().map(|(name, _)| name.as_str());
        let types = types.map(|name| (name, self.type_name(name)));
        clashes.extend(clashing(types));
        let constants = self.model.constants.iter().map(|(name, _)| name.as_str());
        let constants = constants.chain(self.model.texts.iter().map(|(name, _)| name.as_str()));
        let constants = constants.map(|name| (name, self.constant_name(name)));
        clashes.extend(clashing(constants));
        for (name, named) in &self.model.types {
            match named {
                Named::Enum(values) => {
                    let prefix = value_prefix(values).len();
                    let values = values.iter().map(|value| value.name.as_str());
                    clashes.extend(clashing(values.map(|name| (name, upper(&name[prefix..])))));
                }
                Named::Struct(fields) => {
                    let fields = self.model.own_fields(name, fields).iter();
                    let fields = fields.map(|field| field.name.as_str());
                    clashes.extend(clashing(fields.map(|name| (name, snake(name)))));
                }
                Named::Union(..) => {}
            }
        }
        clashes
    }

    // A name that is in Rust that of a type already says nothing new.
    fn aliases(&self) -> TokenStream {
        let types = self.model.types.iter().map(|(name, _)| name);
        let mut taken: Vec<String> = types.map(|name| self.type_name(name)).collect();
        let mut out = TokenStream::new();
        for alias in &self.model.aliases {
            let name = self.type_name(&alias.name);
            if taken.contains(&name) {
                continue;
            }
            let bound = self.bound(&alias.ty);
            let doc = self.doc(&format!("`{}`{bound}.", alias.name), alias.doc.as_ref());
            let (rust, ty) = (ident(&name), self.rust_type(&alias.ty, false));
            out.extend(quote! { #doc pub type #rust = #ty; });
            taken.push(name);
        }
        out
    }
}

fn clashing<'n>(names: impl Iterator<Item = (&'n str, String)>) -> Vec<(String, String, String)> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut clashes = Vec::new();
    for (name, rust) in names {
        match seen.get(&rust) {
            Some(first) => clashes.push(((*first).to_owned(), name.to_owned(), rust)),
            None => {
                seen.insert(rust, name);
            }
        }
    }
    clashes
}
