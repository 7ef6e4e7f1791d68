//! A model to Rust.

mod code;
pub mod headers;
mod methods;
mod procedures;
mod types;

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Model;
use crate::names::camel;
use crate::symbols::Symbols;

pub use procedures::{Direction, Procedure};

/// How the names of one file become Rust's, and what else is known of it.
#[derive(Debug, Clone)]
pub struct Dialect<'a> {
    /// The module that the file becomes.
    pub module: &'a str,
    /// Prefixes that types lose.
    pub type_prefixes: &'a [&'a str],
    /// A prefix that constants lose.
    pub constant_prefix: &'a str,
    /// The enum of the file's procedures, if they are called by the client.
    pub procedures: Option<&'a str>,
    /// The constants of the program's number and version.
    pub program: Option<(&'a str, &'a str)>,
    /// The module whose types this one uses.
    pub imports: Option<&'a str>,
    /// Procedures with a byte stream that their annotations do not tell, by name.
    pub streams: &'a [(&'a str, Direction)],
    /// Procedures that pass file descriptors, by name: with the call, with the reply.
    pub fds: &'a [(&'a str, bool, bool)],
    /// Files by what the names in them begin with; the longest that fits wins.
    pub groups: &'a [&'a str],
}

/// Everything needed to write one module.
pub struct Emitter<'a> {
    /// The file.
    pub model: &'a Model,
    /// Its names.
    pub dialect: &'a Dialect<'a>,
    /// First versions.
    pub symbols: &'a Symbols,
    /// What the first line of each file says.
    pub header: String,
}

impl Emitter<'_> {
    /// The files of the module, by their path below its folder.
    #[must_use]
    pub fn module(&self) -> BTreeMap<String, String> {
        let procedures = self.procedures();
        let mut files: BTreeMap<String, TokenStream> = BTreeMap::new();
        for (name, named) in &self.model.types {
            if Some(name.as_str()) != self.dialect.procedures {
                files
                    .entry(self.group(name))
                    .or_default()
                    .extend(self.named(name, named));
            }
        }
        let groups: Vec<String> = files.keys().cloned().collect();
        let mut sources: BTreeMap<String, String> = BTreeMap::new();
        for (group, tokens) in files {
            let imports = self.imports(true);
            let doc = format!("Types of the group `{group}`.");
            let tokens = quote! { #imports #tokens };
            sources.insert(format!("{group}.rs"), self.source(&doc, tokens));
        }
        if !procedures.is_empty() {
            let doc = "The procedures, as types.";
            sources.insert(
                "procedures.rs".into(),
                self.source(doc, self.markers(&procedures)),
            );
            let doc = "The procedures, as a table, and the events.";
            sources.insert("table.rs".into(), self.source(doc, self.table(&procedures)));
        }
        sources.insert("mod.rs".into(), self.root(&groups, !procedures.is_empty()));
        sources
    }

    /// The client's methods of this module; none if it has no procedures.
    #[must_use]
    pub fn client(&self) -> Option<String> {
        let procedures = self.procedures();
        let doc = format!(
            "One method for each procedure of `{}`.",
            self.dialect.module
        );
        (!procedures.is_empty()).then(|| self.source(&doc, self.methods(&procedures)))
    }

    fn root(&self, groups: &[String], procedures: bool) -> String {
        let mods = groups.iter().map(|group| {
            let name = ident(group);
            quote! { mod #name; pub use #name::*; }
        });
        let constants = self.constants();
        let table = procedures.then(|| {
            quote! {
                pub mod procedures;
                mod table;
                pub use table::{Event, TABLE};
            }
        });
        let doc = format!("The protocol `{}`.", self.dialect.module);
        self.source(&doc, quote! { #(#mods)* #table #constants })
    }

    fn constants(&self) -> TokenStream {
        let constants = self.model.constants.iter().map(|(name, value)| {
            let rust = ident(
                name.strip_prefix(self.dialect.constant_prefix)
                    .unwrap_or(name),
            );
            let doc = format!("`{name}`.");
            match u32::try_from(*value) {
                Ok(value) => quote! { #[doc = #doc] pub const #rust: u32 = #value; },
                Err(_) => quote! { #[doc = #doc] pub const #rust: i64 = #value; },
            }
        });
        quote! { #(#constants)* }
    }

    fn imports(&self, sibling: bool) -> TokenStream {
        let own = sibling.then(|| {
            quote! {
                use drover_xdr::{Decode as _, Encode as _};
                use super::*;
            }
        });
        let other = self.dialect.imports.map(|module| {
            let module = ident(module);
            quote! { use crate::#module::*; }
        });
        quote! { #own #other }
    }

    fn source(&self, doc: &str, tokens: TokenStream) -> String {
        let header = &self.header;
        match syn::parse2(tokens.clone()) {
            Ok(file) => {
                // A comment made of an attribute has no space after its slashes.
                let body = prettyplease::unparse(&file);
                let body = body.replace("///", "/// ").replace("///  ", "/// ");
                format!(
                    "// {header}\n\n//! {doc}\n\n{}",
                    body.replace("/// \n", "///\n")
                )
            }
            // Not Rust: the compiler of what was written will say where.
            Err(_) => format!("// {header}\n{tokens}"),
        }
    }

    fn group(&self, name: &str) -> String {
        let bare = self.bare(name);
        let fits = self
            .dialect
            .groups
            .iter()
            .filter(|group| bare.starts_with(**group));
        fits.max_by_key(|group| group.len())
            .map_or("common", |group| group)
            .to_owned()
    }

    fn bare<'n>(&self, name: &'n str) -> &'n str {
        let prefixes = self.dialect.type_prefixes.iter();
        let stripped = prefixes.filter_map(|prefix| name.strip_prefix(prefix));
        stripped.min_by_key(|rest| rest.len()).unwrap_or(name)
    }

    /// The Rust name of a type.
    #[must_use]
    pub fn type_name(&self, name: &str) -> String {
        camel(self.bare(name))
    }
}

fn ident(name: &str) -> proc_macro2::Ident {
    proc_macro2::Ident::new(name, proc_macro2::Span::call_site())
}
