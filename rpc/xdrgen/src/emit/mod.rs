//! A model to Rust.

mod code;
pub mod headers;
mod methods;
mod onc;
mod plain;
mod procedures;
mod types;
mod unions;

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Model;
use crate::names::{camel, is_ident, upper};
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
    /// What is written otherwise than for libvirt.
    pub style: Style,
}

/// How code is written that stands by itself.
#[derive(Debug, Clone, Default)]
pub struct Style {
    /// Whether comments are kept as documentation.
    pub docs: bool,
    /// The path to the file's own types, with `::` at its end.
    pub scope: TokenStream,
    /// The paths to the modules of imported types, by the types' names.
    pub imports: BTreeMap<String, TokenStream>,
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
        let said = |name: &String| self.doc(&format!("`{name}`."), self.model.docs.get(name));
        let constants = self.model.constants.iter().map(|(name, value)| {
            let (rust, doc) = (ident(&self.constant_name(name)), said(name));
            match u32::try_from(*value) {
                Ok(value) => quote! { #doc pub const #rust: u32 = #value; },
                Err(_) => quote! { #doc pub const #rust: i64 = #value; },
            }
        });
        let texts = self.model.texts.iter().map(|(name, text)| {
            let (rust, doc) = (ident(&self.constant_name(name)), said(name));
            quote! { #doc pub const #rust: &str = #text; }
        });
        quote! { #(#constants)* #(#texts)* }
    }

    fn constant_name(&self, name: &str) -> String {
        let short = name.strip_prefix(self.dialect.constant_prefix);
        upper(short.unwrap_or(name))
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
                let body = prettyplease::unparse(&file);
                format!("// {header}\n\n//! {doc}\n\n{body}")
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
        type_ident(self.bare(name))
    }

    // The path of a type from where code is written.
    fn type_path(&self, name: &str) -> TokenStream {
        let rust = ident(&self.type_name(name));
        match self.style.imports.get(name) {
            Some(module) => quote! { #module::#rust },
            None => {
                let scope = &self.style.scope;
                quote! { #scope #rust }
            }
        }
    }

    // What is said of an item: these words, and its comment if comments are kept.
    fn doc(&self, words: &str, comment: Option<&String>) -> TokenStream {
        let comment = comment.filter(|_| self.style.docs);
        let lines = comment.map(|comment| comment_lines(comment));
        let lines = lines.filter(|lines| !lines.is_empty()).map(|lines| {
            let lines = lines.iter();
            quote! { #[doc = ""] #(#[doc = #lines])* }
        });
        let words = format!(" {words}");
        quote! { #[doc = #words] #lines }
    }
}

// Names that generated code uses itself, or that Rust keeps.
const RESERVED: [&str; 9] = [
    "Option", "Vec", "Box", "Result", "Ok", "Err", "Some", "None", "Self",
];

// The name of a type or a variant.
fn type_ident(name: &str) -> String {
    let rust = camel(name);
    if RESERVED.contains(&rust.as_str()) || !is_ident(&rust) {
        return format!("Xdr{rust}");
    }
    rust
}

// The lines of a comment without its decoration, and without what Markdown would take for its own.
fn comment_lines(comment: &str) -> Vec<String> {
    let lines = comment.lines().map(|line| {
        let line = line.trim().trim_start_matches('*').trim();
        let mut out = String::from(" ");
        for c in line.chars() {
            if "[]<>`_*\\#".contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        out.trim_end().to_owned()
    });
    let lines: Vec<String> = lines.collect();
    let used = |line: &String| !line.is_empty();
    let first = lines.iter().position(used).unwrap_or(lines.len());
    let last = lines.iter().rposition(used).map_or(first, |last| last + 1);
    lines[first..last].to_vec()
}

fn ident(name: &str) -> proc_macro2::Ident {
    proc_macro2::Ident::new(name, proc_macro2::Span::call_site())
}
