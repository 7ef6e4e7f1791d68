//! How the handles of objects and their calls are made.

use std::os::fd::OwnedFd;

use drover_xdr::Text;

use crate::client::Client;

/// Makes the handle of a kind of object: a connection and the object's name on the wire.
///
/// `key` is what the calls about the object take, most often the whole name.
macro_rules! object {
    (
        $(#[$about:meta])*
        $name:ident($wire:ident) key $key:ty = $make:expr;
        shown $shown:expr
    ) => {
        $(#[$about])*
        ///
        /// A handle is a name: it holds nothing on the server, and outlives the object. Clones share
        /// the connection.
        #[derive(Clone)]
        pub struct $name {
            pub(crate) client: crate::client::Client,
            pub(crate) wire: drover_rpc_proto::remote::$wire,
        }

        impl $name {
            /// The handle of an object that a plain call or an event has named.
            #[must_use]
            pub fn from_wire(
                client: &crate::client::Client,
                wire: drover_rpc_proto::remote::$wire,
            ) -> Self {
                Self { client: client.clone(), wire }
            }

            /// The object as plain calls take it.
            #[must_use]
            pub fn wire(&self) -> &drover_rpc_proto::remote::$wire {
                &self.wire
            }

            /// The connection that it is on, with its deadline.
            #[must_use]
            pub fn client(&self) -> &crate::client::Client {
                &self.client
            }

            /// The same object, with another deadline for the calls made through this handle.
            #[must_use]
            pub fn with_deadline(&self, deadline: std::time::Duration) -> Self {
                Self {
                    client: self.client.with_deadline(deadline),
                    wire: self.wire.clone(),
                }
            }

            #[allow(dead_code)]
            pub(crate) fn key(&self) -> $key {
                let make: fn(&Self) -> $key = $make;
                make(self)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let shown: fn(&Self) -> std::borrow::Cow<'_, str> = $shown;
                f.pad(&shown(self))
            }
        }

        impl crate::objects::handle::Answer<drover_rpc_proto::remote::$wire> for $name {
            fn answer(
                wire: drover_rpc_proto::remote::$wire,
                client: &crate::client::Client,
            ) -> Self {
                Self::from_wire(client, wire)
            }
        }

        impl crate::objects::handle::Answer<Vec<drover_rpc_proto::remote::$wire>> for Vec<$name> {
            fn answer(
                wire: Vec<drover_rpc_proto::remote::$wire>,
                client: &crate::client::Client,
            ) -> Self {
                wire.into_iter().map(|wire| $name::from_wire(client, wire)).collect()
            }
        }

        // The handle itself has changed on the server, such as the ID of a domain that was started.
        impl crate::objects::handle::Answer<drover_rpc_proto::remote::$wire> for () {
            fn answer(_: drover_rpc_proto::remote::$wire, _: &crate::client::Client) {}
        }
    };
}

/// Makes a method of each line: libvirt's function, the method, and the plain call it makes.
macro_rules! calls {
    (
        $object:ident;
        $(
            $(#[$doc:meta])*
            $function:ident: $name:ident($($arg:ident: $type:ty),* $(,)?) -> $reply:ty
                = $call:ident($($value:expr),* $(,)?) $(.$field:ident)?;
        )*
    ) => {
        impl $object {
            $(
                $(#[$doc])*
                #[doc = concat!(
                    "\n\nlibvirt's `", stringify!($function), "`, by [`Client::", stringify!($call),
                    "`](crate::Client::", stringify!($call), ").\n\n# Errors\nWhat libvirt answers, ",
                    "or why no answer came."
                )]
                #[allow(clippy::too_many_arguments)]
                pub async fn $name(&self $(, $arg: $type)*) -> Result<$reply, crate::error::Error> {
                    let wire = self.client.$call(self.key() $(, $value)*).await?;
                    Ok(crate::objects::handle::Answer::answer(wire $(.$field)?, &self.client))
                }
            )*
        }
    };
}

/// Makes methods of [`Client`] likewise.
macro_rules! client_calls {
    (
        $(
            $(#[$doc:meta])*
            $function:ident: $name:ident($($arg:ident: $type:ty),* $(,)?) -> $reply:ty
                = $call:ident($($value:expr),* $(,)?) $(.$field:ident)?;
        )*
    ) => {
        impl crate::client::Client {
            $(
                $(#[$doc])*
                #[doc = concat!(
                    "\n\nlibvirt's `", stringify!($function), "`, by [`Client::", stringify!($call),
                    "`](crate::Client::", stringify!($call), ").\n\n# Errors\nWhat libvirt answers, ",
                    "or why no answer came."
                )]
                #[allow(clippy::too_many_arguments)]
                pub async fn $name(&self $(, $arg: $type)*) -> Result<$reply, crate::error::Error> {
                    let wire = self.$call($($value),*).await?;
                    Ok(crate::objects::handle::Answer::answer(wire $(.$field)?, self))
                }
            )*
        }
    };
}

pub(crate) use {calls, client_calls, object};

/// What a caller gets of what was on the wire.
pub(crate) trait Answer<W> {
    fn answer(wire: W, client: &Client) -> Self;
}

macro_rules! unchanged {
    ($($type:ty),* $(,)?) => {
        $(impl Answer<$type> for $type {
            fn answer(wire: $type, _: &Client) -> Self {
                wire
            }
        })*
    };
}
unchanged!(
    (),
    i32,
    u32,
    i64,
    u64,
    Vec<u8>,
    Vec<u64>,
    OwnedFd,
    Vec<OwnedFd>,
);

impl Answer<Text> for String {
    fn answer(wire: Text, _: &Client) -> Self {
        string(&wire)
    }
}

impl Answer<Option<Text>> for Option<String> {
    fn answer(wire: Option<Text>, _: &Client) -> Self {
        wire.as_ref().map(string)
    }
}

impl Answer<Vec<Text>> for Vec<String> {
    fn answer(wire: Vec<Text>, _: &Client) -> Self {
        wire.iter().map(string).collect()
    }
}

impl Answer<i32> for bool {
    fn answer(wire: i32, _: &Client) -> Self {
        wire != 0
    }
}

// Counts, which are never negative.
impl Answer<i32> for u32 {
    fn answer(wire: i32, _: &Client) -> Self {
        u32::try_from(wire).unwrap_or(0)
    }
}

// A number that says nothing more than that it went well.
impl Answer<i32> for () {
    fn answer(_: i32, _: &Client) {}
}

/// Implements [`Answer`] for what has `From`.
macro_rules! answer_from {
    ($($wire:ty => $type:ty),* $(,)?) => {
        $(impl crate::objects::handle::Answer<$wire> for $type {
            fn answer(wire: $wire, _: &crate::client::Client) -> Self {
                wire.into()
            }
        })*
    };
}
pub(crate) use answer_from;

/// libvirt's strings are UTF-8; what is not is shown as replacement characters.
pub(crate) fn string(text: &Text) -> String {
    text.to_string_lossy().into_owned()
}

/// An optional argument.
pub(crate) fn optional(text: Option<&str>) -> Option<Text> {
    text.map(Text::from)
}

/// A list of arguments.
pub(crate) fn texts(list: &[&str]) -> Vec<Text> {
    list.iter().map(|text| Text::from(*text)).collect()
}

/// A string that is sent as an array of C's `char`, up to its NUL.
pub(crate) fn c_string(chars: &[i8]) -> String {
    let bytes = chars.iter().map(|c| c.cast_unsigned());
    let bytes: Vec<u8> = bytes.take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
