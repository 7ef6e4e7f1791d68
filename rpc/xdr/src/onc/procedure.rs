//! One procedure, as a type.

use crate::{Decoder, Encoder, Error};

/// A procedure of a program: what `xdrgen` writes for each one of a `program` block.
pub trait Procedure {
    /// The number of its program.
    const PROGRAM: u32;
    /// The version of its program.
    const VERSION: u32;
    /// Its own number.
    const NUMBER: u32;
    /// Its name in the file.
    const NAME: &'static str;
    /// What it takes; a tuple if these are several.
    type Args;
    /// What it answers.
    type Reply;

    /// Writes the arguments.
    ///
    /// # Errors
    /// When they are over a bound of their declaration.
    fn encode_args(args: &Self::Args, out: &mut Encoder) -> Result<(), Error>;

    /// Reads the arguments.
    ///
    /// # Errors
    /// When the bytes are not these.
    fn decode_args(input: &mut Decoder<'_>) -> Result<Self::Args, Error>;

    /// Writes the reply.
    ///
    /// # Errors
    /// When it is over a bound of its declaration.
    fn encode_reply(reply: &Self::Reply, out: &mut Encoder) -> Result<(), Error>;

    /// Reads the reply.
    ///
    /// # Errors
    /// When the bytes are not one.
    fn decode_reply(input: &mut Decoder<'_>) -> Result<Self::Reply, Error>;
}
