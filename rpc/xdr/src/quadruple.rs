//! The quadruple-precision number of RFC 4506, section 4.8: IEEE 754 binary128.

use crate::{Decode, Decoder, Encode, Encoder, Error};

const FRACTION_BITS: u32 = 112;
const BIAS: i32 = 16_383;
const MAX_EXPONENT: u32 = 0x7fff;
const FRACTION: u128 = (1 << FRACTION_BITS) - 1;

// The same of binary64.
const F64_FRACTION_BITS: u32 = 52;
const F64_BIAS: i32 = 1_023;
const F64_MAX_EXPONENT: u64 = 0x7ff;
const F64_FRACTION: u64 = (1 << F64_FRACTION_BITS) - 1;
// A fraction of binary64 is the upper part of one of binary128.
const SHIFT: u32 = FRACTION_BITS - F64_FRACTION_BITS;

/// A binary128 number, kept as its bits. Every `f64` fits; the way back rounds to nearest, ties to
/// even.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Quadruple(u128);

impl Quadruple {
    /// The number with these bits.
    #[must_use]
    pub fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Its bits: one of sign, 15 of exponent, 112 of fraction.
    #[must_use]
    pub fn to_bits(self) -> u128 {
        self.0
    }

    /// The nearest `f64`; the payload of a NaN keeps its upper bits.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        let sign = u64::from(self.0 >> 127 == 1) << 63;
        let exponent = (self.0 >> FRACTION_BITS) as u32 & MAX_EXPONENT;
        let fraction = self.0 & FRACTION;
        f64::from_bits(sign | magnitude(exponent, fraction))
    }
}

fn magnitude(exponent: u32, fraction: u128) -> u64 {
    let infinity = F64_MAX_EXPONENT << F64_FRACTION_BITS;
    if exponent == MAX_EXPONENT {
        let payload = (fraction >> SHIFT) as u64;
        // A NaN whose payload is all in the lower bits must not become an infinity.
        return infinity | payload | u64::from(fraction != 0 && payload == 0);
    }
    if exponent == 0 {
        // The largest subnormal of binary128 is far below half the smallest f64.
        return 0;
    }
    let target = exponent as i32 - BIAS + F64_BIAS;
    if target >= F64_MAX_EXPONENT as i32 {
        return infinity;
    }
    let significand = fraction | (1 << FRACTION_BITS);
    if target > 0 {
        // A carry out of the fraction raises the exponent, up to infinity, as it should.
        return (((target - 1) as u64) << F64_FRACTION_BITS) + round(significand, SHIFT);
    }
    round(significand, SHIFT + 1 + target.unsigned_abs())
}

// `value / 2^shift`, to nearest, ties to even.
fn round(value: u128, shift: u32) -> u64 {
    if shift > FRACTION_BITS + 1 {
        return 0;
    }
    let kept = (value >> shift) as u64;
    let lost = value & ((1 << shift) - 1);
    let half = 1 << (shift - 1);
    kept + u64::from(lost > half || (lost == half && kept & 1 == 1))
}

impl From<f64> for Quadruple {
    fn from(value: f64) -> Self {
        let bits = value.to_bits();
        let sign = u128::from(bits >> 63) << 127;
        let exponent = (bits >> F64_FRACTION_BITS) & F64_MAX_EXPONENT;
        let fraction = bits & F64_FRACTION;
        let (exponent, fraction) = match (exponent, fraction) {
            (0, 0) => (0, 0),
            (0, _) => {
                // A subnormal f64 is a normal binary128: shift its first one out of the fraction.
                let zeros = fraction.leading_zeros() - (63 - F64_FRACTION_BITS);
                let exponent = BIAS - F64_BIAS + 1 - zeros as i32;
                (exponent as u128, (fraction << zeros) & F64_FRACTION)
            }
            (F64_MAX_EXPONENT, _) => (u128::from(MAX_EXPONENT), fraction),
            _ => ((exponent as i32 - F64_BIAS + BIAS) as u128, fraction),
        };
        Self(sign | exponent << FRACTION_BITS | u128::from(fraction) << SHIFT)
    }
}

impl Encode for Quadruple {
    fn encode(&self, out: &mut Encoder) -> Result<(), Error> {
        out.raw(&self.0.to_be_bytes());
        Ok(())
    }
}

impl Decode for Quadruple {
    const MIN_SIZE: usize = 16;

    fn decode(input: &mut Decoder<'_>) -> Result<Self, Error> {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(input.raw(16)?);
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Quadruple;

    #[test]
    fn known_numbers() {
        for (value, bits) in [
            (0.0, 0),
            (-0.0, 1 << 127),
            (1.0, 0x3fff << 112),
            (-2.0, 0xc000 << 112),
            (f64::INFINITY, 0x7fff << 112),
            (0.1, 0x3ffb_9999_9999_9999_a000_0000_0000_0000),
        ] {
            assert_eq!(Quadruple::from(value).to_bits(), bits, "{value}");
        }
    }

    #[test]
    fn rounding_to_a_double() {
        let one = 0x3fff << 112;
        let half = 1 << 59;
        for (bits, value) in [
            (one | half, 1.0),
            (one | half | 1, 1.0 + f64::EPSILON),
            (one | (1 << 60) | half, 1.0 + 2.0 * f64::EPSILON),
            // Just over the largest f64, and far over it.
            (0x43fe << 112 | super::FRACTION, f64::INFINITY),
            (0x7ffe << 112, f64::INFINITY),
            // Half the smallest f64 goes to even, a little more goes up.
            ((0x3fff - 1075) << 112, 0.0),
            ((0x3fff - 1075) << 112 | 1, f64::from_bits(1)),
            (1, 0.0),
        ] {
            assert_eq!(Quadruple::from_bits(bits).to_f64(), value, "{bits:x}");
        }
        assert!(Quadruple::from_bits(0x7fff << 112 | 1).to_f64().is_nan());
    }

    proptest! {
        #[test]
        fn every_double_survives(bits: u64) {
            prop_assert_eq!(Quadruple::from(f64::from_bits(bits)).to_f64().to_bits(), bits);
        }

        #[test]
        fn no_bits_make_it_panic(bits: u128) {
            let _ = Quadruple::from_bits(bits).to_f64();
        }
    }
}
