//! Procedures and events.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Emitter, ident};
use crate::model::{EnumValue, Field, Named, Type};
use crate::names::{camel, shared_prefix};

/// Which way a byte stream flows, seen from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the server.
    Read,
    /// To the server.
    Write,
    /// Both ways.
    Both,
}

/// What is known of one procedure.
#[derive(Debug, Clone)]
pub struct Procedure {
    /// Its number.
    pub number: i32,
    /// Its name, such as `DOMAIN_GET_INFO`.
    pub name: String,
    /// The type of its arguments in the file.
    pub args: Option<String>,
    /// The type of its reply in the file.
    pub ret: Option<String>,
    /// The type of its message in the file, if it is an event.
    pub message: Option<String>,
    /// Whether it is marked as of high priority.
    pub high: bool,
    /// The byte stream that follows.
    pub stream: Option<Direction>,
    /// Whether descriptors go with the call, and with the reply.
    pub fds: (bool, bool),
    /// The first version of libvirt with a function of that name.
    pub since: Option<u32>,
}

impl Emitter<'_> {
    /// The procedures of the file; none if its dialect names no enum of them.
    #[must_use]
    pub fn procedures(&self) -> Vec<Procedure> {
        let Some(Named::Enum(values)) = self
            .dialect
            .procedures
            .and_then(|name| self.model.named(name))
        else {
            return Vec::new();
        };
        let names: Vec<&str> = values.iter().map(|value| value.name.as_str()).collect();
        let prefix = match values.len() {
            1 => names[0]
                .find("_PROC_")
                .map_or("", |at| &names[0][..at + "_PROC_".len()]),
            _ => shared_prefix(&names),
        };
        // `REMOTE_PROC_CONNECT_...` alone may share more than the prefix of procedures.
        let prefix = prefix
            .find("_PROC_")
            .map_or(prefix, |at| &prefix[..at + "_PROC_".len()]);
        values
            .iter()
            .map(|value| self.procedure(value, prefix))
            .collect()
    }

    fn procedure(&self, value: &EnumValue, prefix: &str) -> Procedure {
        let name = value.name[prefix.len()..].to_owned();
        let family = prefix
            .split_once('_')
            .map_or("", |(family, _)| family)
            .to_ascii_lowercase();
        let body = |suffix: &str| {
            let body = format!("{family}_{}_{suffix}", name.to_ascii_lowercase());
            self.model.named(&body).map(|_| body)
        };
        let comment = value.comment.as_deref().unwrap_or_default();
        let annotated = |what: &str| comment.contains(what);
        let known = self
            .dialect
            .streams
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, way)| *way);
        let stream = known
            .or(annotated("@readstream").then_some(Direction::Read))
            .or(annotated("@writestream").then_some(Direction::Write));
        let fds = self.dialect.fds.iter().find(|(n, ..)| *n == name);
        Procedure {
            number: value.value,
            args: body("args"),
            ret: body("ret"),
            message: body("msg"),
            high: annotated("@priority: high"),
            stream,
            fds: fds.map_or((false, false), |(_, call, reply)| (*call, *reply)),
            since: self.symbols.since(&name),
            name,
        }
    }

    /// The struct's fields, if it is one.
    pub(super) fn fields(&self, name: Option<&String>) -> &[Field] {
        match name.and_then(|name| self.model.named(name)) {
            Some(Named::Struct(fields)) => fields,
            _ => &[],
        }
    }

    /// The Rust type of a body, or `()`.
    pub(super) fn body_type(&self, name: Option<&String>) -> TokenStream {
        name.map_or(quote! { () }, |name| {
            let name = ident(&self.type_name(name));
            quote! { #name }
        })
    }

    pub(super) fn markers(&self, procedures: &[Procedure]) -> TokenStream {
        let markers = procedures
            .iter()
            .filter(|procedure| procedure.message.is_none());
        let markers = markers.map(|procedure| self.marker(procedure));
        let imports = self.imports(true);
        quote! {
            #imports
            use crate::procedure::{Fds, Priority, Procedure, Stream};
            #(#markers)*
        }
    }

    fn marker(&self, procedure: &Procedure) -> TokenStream {
        let Some((program, version)) = self.dialect.program else {
            return TokenStream::new();
        };
        let short = |name: &str| {
            ident(
                name.strip_prefix(self.dialect.constant_prefix)
                    .unwrap_or(name),
            )
        };
        let (program, version) = (short(program), short(version));
        let (name, number) = (&procedure.name, procedure.number);
        let (rust, doc) = (ident(&camel(name)), format!(" `{name}`."));
        let (args, reply) = (
            self.body_type(procedure.args.as_ref()),
            self.body_type(procedure.ret.as_ref()),
        );
        let (priority, stream, fds) = traits(procedure);
        quote! {
            #[doc = #doc]
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub struct #rust;

            impl Procedure for #rust {
                const PROGRAM: u32 = super::#program;
                const VERSION: u32 = super::#version;
                const NUMBER: i32 = #number;
                const NAME: &'static str = #name;
                const PRIORITY: Priority = #priority;
                const STREAM: Stream = #stream;
                const FDS: Fds = #fds;
                type Args = #args;
                type Reply = #reply;
            }
        }
    }

    pub(super) fn table(&self, procedures: &[Procedure]) -> TokenStream {
        let rows = procedures.iter().map(|procedure| self.row(procedure));
        let events = self.events(procedures);
        let imports = self.imports(true);
        quote! {
            #imports
            use crate::procedure::{BadEvent, Fds, Kind, Priority, ProcedureInfo, Stream};

            /// Every number of the program, in order.
            pub static TABLE: &[ProcedureInfo] = &[#(#rows),*];

            #events
        }
    }

    fn row(&self, procedure: &Procedure) -> TokenStream {
        let (number, name) = (procedure.number, &procedure.name);
        let kind = if procedure.message.is_some() {
            quote!(Kind::Event)
        } else {
            quote!(Kind::Call)
        };
        let rust =
            |name: Option<&String>| name.map_or("()".to_owned(), |name| self.type_name(name));
        let args = rust(procedure.args.as_ref().or(procedure.message.as_ref()));
        let reply = rust(procedure.ret.as_ref());
        let (priority, stream, fds) = traits(procedure);
        let since = match procedure.since {
            Some(since) => quote! { Some(#since) },
            None => quote! { None },
        };
        quote! {
            ProcedureInfo {
                number: #number, name: #name, kind: #kind, args: #args, reply: #reply,
                priority: #priority, stream: #stream, fds: #fds, since: #since,
            }
        }
    }

    fn events(&self, procedures: &[Procedure]) -> TokenStream {
        let events: Vec<&Procedure> = procedures
            .iter()
            .filter(|procedure| procedure.message.is_some())
            .collect();
        let variants = events.iter().map(|event| {
            let (name, ty) = (
                ident(&camel(&event.name)),
                self.body_type(event.message.as_ref()),
            );
            let doc = format!(" `{}`.", event.name);
            quote! { #[doc = #doc] #name(#ty) }
        });
        let decoded = events.iter().map(|event| {
            let (name, number) = (ident(&camel(&event.name)), event.number);
            quote! { #number => drover_xdr::from_bytes(body).map(Self::#name), }
        });
        let numbers = events.iter().map(|event| {
            let (name, number) = (ident(&camel(&event.name)), event.number);
            quote! { Self::#name(_) => #number, }
        });
        let callbacks = events
            .iter()
            .filter(|event| self.has_callback(event))
            .map(|event| {
                let name = ident(&camel(&event.name));
                quote! { Self::#name(message) => Some(message.callback_id), }
            });
        let derives = if events.is_empty() {
            quote!()
        } else {
            quote! { #[derive(Debug, Clone, PartialEq)] }
        };
        if events.is_empty() {
            return quote! {
                /// The program has no events.
                #[derive(Debug, Clone, PartialEq)]
                pub enum Event {}
            };
        }
        quote! {
            /// What the server says without having been asked.
            #derives
            pub enum Event { #(#variants),* }

            impl Event {
                /// Reads the event with this number; none if the program has no such event.
                ///
                /// # Errors
                /// [`BadEvent`] when the body is not what the number promises.
                pub fn decode(number: i32, body: &[u8]) -> Result<Option<Self>, BadEvent> {
                    let event = match number {
                        #(#decoded)*
                        _ => return Ok(None),
                    };
                    event.map(Some).map_err(|error| BadEvent { number, error })
                }

                /// Its number in the program.
                #[must_use]
                pub fn number(&self) -> i32 {
                    match self { #(#numbers)* }
                }

                /// The registration that it answers; none for the events of old servers.
                #[must_use]
                pub fn callback_id(&self) -> Option<i32> {
                    match self { #(#callbacks)* #[allow(unreachable_patterns)] _ => None }
                }
            }
        }
    }

    fn has_callback(&self, event: &Procedure) -> bool {
        let first = self.fields(event.message.as_ref()).first();
        first
            .is_some_and(|field| field.name == "callbackID" && matches!(field.ty, Type::Builtin(_)))
    }
}

fn traits(procedure: &Procedure) -> (TokenStream, TokenStream, TokenStream) {
    let priority = if procedure.high {
        quote!(Priority::High)
    } else {
        quote!(Priority::Low)
    };
    let stream = match procedure.stream {
        None => quote!(Stream::None),
        Some(Direction::Read) => quote!(Stream::Read),
        Some(Direction::Write) => quote!(Stream::Write),
        Some(Direction::Both) => quote!(Stream::Both),
    };
    let fds = match procedure.fds {
        (false, false) => quote!(Fds::None),
        (true, false) => quote!(Fds::WithCall),
        (false, true) => quote!(Fds::WithReply),
        (true, true) => quote!(Fds::Both),
    };
    (priority, stream, fds)
}
