//! The types of RFC 4506 that Rust has already, and the C types that rpcgen adds.

use alloc::boxed::Box;

use crate::{Decode, Decoder, Encode, Encoder, Error};

impl Encode for () {
    fn encode(&self, _: &mut Encoder) -> Result<(), Error> {
        Ok(())
    }
}

impl Decode for () {
    const MIN_SIZE: usize = 0;

    fn decode(_: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(())
    }
}

impl Encode for bool {
    fn encode(&self, out: &mut Encoder) -> Result<(), Error> {
        out.word(u32::from(*self));
        Ok(())
    }
}

impl Decode for bool {
    const MIN_SIZE: usize = 4;

    fn decode(input: &mut Decoder<'_>) -> Result<Self, Error> {
        input.boolean()
    }
}

// Integers of at most 32 bits take one word each. Shorter ones are C's `char` and `short`: they are
// widened as C widens them, and only their low bits are read back.
macro_rules! words {
    ($($int:ty => $wide:ty),*) => {$(
        impl Encode for $int {
            fn encode(&self, out: &mut Encoder) -> Result<(), Error> {
                out.raw(&<$wide>::from(*self).to_be_bytes());
                Ok(())
            }
        }

        impl Decode for $int {
            const MIN_SIZE: usize = 4;

            fn decode(input: &mut Decoder<'_>) -> Result<Self, Error> {
                // Truncation is what is wanted: the sender has put the sign into the high bits.
                Ok(input.word()? as $int)
            }
        }
    )*};
}

words!(i8 => i32, u8 => u32, i16 => i32, u16 => u32, i32 => i32, u32 => u32);

macro_rules! two_words {
    ($($number:ty),*) => {$(
        impl Encode for $number {
            fn encode(&self, out: &mut Encoder) -> Result<(), Error> {
                out.raw(&self.to_be_bytes());
                Ok(())
            }
        }

        impl Decode for $number {
            const MIN_SIZE: usize = 8;

            fn decode(input: &mut Decoder<'_>) -> Result<Self, Error> {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(input.raw(8)?);
                Ok(Self::from_be_bytes(bytes))
            }
        }
    )*};
}

two_words!(i64, u64, f64);

impl Encode for f32 {
    fn encode(&self, out: &mut Encoder) -> Result<(), Error> {
        out.word(self.to_bits());
        Ok(())
    }
}

impl Decode for f32 {
    const MIN_SIZE: usize = 4;

    fn decode(input: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(Self::from_bits(input.word()?))
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Encoder) -> Result<(), Error> {
        self.is_some().encode(out)?;
        self.as_ref().map_or(Ok(()), |value| value.encode(out))
    }
}

impl<T: Decode> Decode for Option<T> {
    const MIN_SIZE: usize = 4;

    fn decode(input: &mut Decoder<'_>) -> Result<Self, Error> {
        match input.boolean()? {
            true => input.nested(T::decode).map(Some),
            false => Ok(None),
        }
    }
}

impl<T: Encode + ?Sized> Encode for Box<T> {
    fn encode(&self, out: &mut Encoder) -> Result<(), Error> {
        (**self).encode(out)
    }
}

impl<T: Decode> Decode for Box<T> {
    // A box is where a type leads back to itself, so the size of what is in it may not be asked.
    const MIN_SIZE: usize = 0;

    fn decode(input: &mut Decoder<'_>) -> Result<Self, Error> {
        input.boxed_with(T::decode)
    }
}
