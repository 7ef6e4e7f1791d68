//! Programs of RFC 5531: a module for each version, a type for each procedure.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;

use super::{Emitter, Style, ident, type_ident};
use crate::model::{Field, Procedure, Program, Type, Version};
use crate::names::{snake, spare_prefix};

impl Emitter<'_> {
    pub(super) fn programs(&self) -> TokenStream {
        let inner = Emitter {
            style: Style {
                scope: quote! { super::super:: },
                ..self.style.clone()
            },
            header: String::new(),
            ..*self
        };
        let programs = self.model.programs.iter();
        let programs = programs.map(|program| inner.program(program));
        quote! { #(#programs)* }
    }

    fn program(&self, program: &Program) -> TokenStream {
        let (name, number) = (&program.name, program.number);
        let module = ident(&snake(name));
        let doc = self.doc(&format!("Program `{name}`."), program.doc.as_ref());
        let mut taken = BTreeSet::new();
        let versions = program.versions.iter().map(|version| {
            let mut module = snake(&version.name);
            while !taken.insert(module.clone()) {
                module.push('_');
            }
            self.version(program, version, &module)
        });
        quote! {
            #doc
            pub mod #module {
                /// The number of the program.
                pub const NUMBER: u32 = #number;
                #(#versions)*
            }
        }
    }

    fn version(&self, program: &Program, version: &Version, module: &str) -> TokenStream {
        let (name, number, module) = (&version.name, version.number, ident(module));
        let words = format!("Version `{name}` of `{}`.", program.name);
        let doc = self.doc(&words, version.doc.as_ref());
        let procedures = version.procedures.iter();
        let procedures = procedures
            .zip(marker_names(program, version))
            .map(|(procedure, marker)| self.onc_procedure(procedure, &marker));
        quote! {
            #doc
            pub mod #module {
                #[allow(unused_imports)]
                use drover_xdr::{Decode as _, Encode as _};
                /// The number of the version.
                pub const NUMBER: u32 = #number;
                #(#procedures)*
            }
        }
    }

    fn onc_procedure(&self, procedure: &Procedure, marker: &str) -> TokenStream {
        let (marker, name, number) = (ident(marker), &procedure.name, procedure.number);
        let doc = self.doc(&format!("`{name}`."), procedure.doc.as_ref());
        let reply: Vec<Field> = procedure.reply.iter().map(reply_field).collect();
        let (args, reply) = (
            self.passed(&procedure.arguments, "args"),
            self.passed(&reply, "reply"),
        );
        let (args_type, write_args, read_args) = (args.ty, args.write, args.read);
        let (reply_type, write_reply, read_reply) = (reply.ty, reply.write, reply.read);
        let ([args_name, args_out, args_input], [reply_name, reply_out, reply_input]) =
            (args.names, reply.names);
        quote! {
            #doc
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub struct #marker;

            impl drover_xdr::onc::Procedure for #marker {
                const PROGRAM: u32 = super::NUMBER;
                const VERSION: u32 = NUMBER;
                const NUMBER: u32 = #number;
                const NAME: &'static str = #name;
                type Args = #args_type;
                type Reply = #reply_type;

                fn encode_args(#args_name: &Self::Args, #args_out: &mut drover_xdr::Encoder)
                -> Result<(), drover_xdr::Error> { #write_args }

                fn decode_args(#args_input: &mut drover_xdr::Decoder<'_>)
                -> Result<Self::Args, drover_xdr::Error> { #read_args }

                fn encode_reply(#reply_name: &Self::Reply, #reply_out: &mut drover_xdr::Encoder)
                -> Result<(), drover_xdr::Error> { #write_reply }

                fn decode_reply(#reply_input: &mut drover_xdr::Decoder<'_>)
                -> Result<Self::Reply, drover_xdr::Error> { #read_reply }
            }
        }
    }

    // Nothing, one value, or a tuple.
    fn passed(&self, fields: &[Field], name: &str) -> Passed {
        let types: Vec<TokenStream> = fields
            .iter()
            .map(|field| self.rust_type(&field.ty, false))
            .collect();
        let name = ident(name);
        let read = fields.iter().map(|field| self.decode(&field.ty, false));
        match fields {
            [] => Passed {
                ty: quote! { () },
                names: [quote! { _ }, quote! { _ }, quote! { _ }],
                write: quote! { Ok(()) },
                read: quote! { Ok(()) },
            },
            [field] => Passed {
                ty: quote! { #(#types)* },
                names: [quote! { #name }, quote! { out }, quote! { input }],
                write: self.encode(&field.ty, &quote! { #name }),
                read: quote! { #(#read)* },
            },
            _ => {
                let write = fields.iter().enumerate().map(|(index, field)| {
                    let place = syn::Index::from(index);
                    let place = self.place(&field.ty, quote! { #name.#place });
                    self.encode(&field.ty, &place)
                });
                let labels: Vec<String> = fields.iter().zip(1..).map(label).collect();
                Passed {
                    ty: quote! { (#(#types),*) },
                    names: [quote! { #name }, quote! { out }, quote! { input }],
                    write: quote! {
                        #(#write.map_err(|error: drover_xdr::Error| error.within(#labels))?;)*
                        Ok(())
                    },
                    read: quote! { Ok((#(#read.map_err(|error| error.within(#labels))?),*)) },
                }
            }
        }
    }
}

// How a procedure's arguments, or its reply, are written and read, and what that uses.
struct Passed {
    ty: TokenStream,
    names: [TokenStream; 3],
    write: TokenStream,
    read: TokenStream,
}

fn reply_field(ty: &Type) -> Field {
    Field {
        name: String::new(),
        ty: ty.clone(),
        doc: None,
    }
}

fn label((field, number): (&Field, usize)) -> String {
    if field.name.is_empty() {
        format!("argument {number}")
    } else {
        field.name.clone()
    }
}

/// The names of the procedures' types, without what all of a version have in common. One that is alone
/// in its version loses what all of the program have.
fn marker_names(program: &Program, version: &Version) -> Vec<String> {
    let names = |version: &'_ Version| -> BTreeSet<String> {
        let procedures = version.procedures.iter();
        procedures.map(|procedure| procedure.name.clone()).collect()
    };
    let mut all = names(version);
    if all.len() == 1 {
        all = program.versions.iter().flat_map(names).collect();
    }
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let prefix = match all.len() {
        1 => "",
        _ => spare_prefix(&all),
    };
    let mut markers: Vec<String> = Vec::new();
    for procedure in &version.procedures {
        let mut marker = type_ident(&procedure.name[prefix.len()..]);
        while markers.contains(&marker) {
            marker = format!("Xdr{marker}");
        }
        markers.push(marker);
    }
    markers
}
