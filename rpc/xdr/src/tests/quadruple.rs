//! Rounding, held against whole numbers of any size.

use num_bigint::BigUint;
use proptest::prelude::*;

use crate::{Quadruple, from_bytes, to_bytes};

const SIGN: u128 = 1 << 127;

// The magnitude of a binary128, in units of its smallest number, 2^-16494.
fn exact(bits: u128) -> BigUint {
    let exponent = (bits >> 112) as u32 & 0x7fff;
    let fraction = BigUint::from(bits & ((1 << 112) - 1));
    match exponent {
        0 => fraction,
        _ => (fraction + (BigUint::from(1_u8) << 112_u32)) << (exponent - 1),
    }
}

// The same of a binary64. The one after the largest counts as 2^1024, which is what rounding to
// infinity goes by.
fn exact_double(bits: u64) -> BigUint {
    let exponent = (bits >> 52) as u32 & 0x7ff;
    let fraction = BigUint::from(bits & ((1 << 52) - 1));
    let units = 16_494 - 1_074_u32;
    match exponent {
        0 => fraction << units,
        _ => (fraction + (BigUint::from(1_u8) << 52_u32)) << (exponent - 1 + units),
    }
}

fn distance(a: &BigUint, b: &BigUint) -> BigUint {
    if a > b { a - b } else { b - a }
}

// That no neighbour of what the number became is nearer, and that of two as near it is the even one.
fn is_nearest(bits: u128) -> Result<(), TestCaseError> {
    let rounded = Quadruple::from_bits(bits).to_f64().to_bits();
    prop_assert_eq!(rounded >> 63 == 1, bits & SIGN != 0);
    let magnitude = rounded & !(1 << 63);
    let value = exact(bits);
    let ours = distance(&value, &exact_double(magnitude));
    let infinity = f64::INFINITY.to_bits();
    prop_assert!(magnitude <= infinity, "not a number");
    let above = (magnitude < infinity).then(|| magnitude + 1);
    for neighbour in magnitude.checked_sub(1).into_iter().chain(above) {
        let theirs = distance(&value, &exact_double(neighbour));
        let far = magnitude == infinity && neighbour < magnitude && value > exact_double(magnitude);
        prop_assert!(
            far || ours < theirs || (ours == theirs && magnitude & 1 == 0),
            "{bits:#x} became {rounded:#x}, and {neighbour:#x} is nearer"
        );
    }
    Ok(())
}

// Numbers about which rounding can be wrong: near to a double, half way between two, or hardly off
// half way; about the smallest and the largest doubles, and anywhere.
fn hard() -> impl Strategy<Value = u128> {
    let exponent = prop_oneof![
        0x3fff_u128 - 1_080..0x3fff - 1_018,
        0x3fff_u128 + 1_020..0x3fff + 1_026,
        0x3fff_u128 - 1_080..0x3fff + 1_030,
        0_u128..0x7fff,
    ];
    let tail = prop_oneof![
        Just(0_u128),
        Just(1),
        Just((1 << 59) - 1),
        Just(1 << 59),
        Just((1 << 59) + 1),
        Just((1 << 60) - 1),
        any::<u128>(),
    ];
    // How many of the lowest bits are the tail: more of them for a subnormal double.
    let length = prop_oneof![Just(60_u32), 60_u32..112];
    (any::<bool>(), exponent, any::<u128>(), tail, length).prop_map(
        |(negative, exponent, fraction, tail, length)| {
            let mask = (1 << 112) - 1;
            let shifted = tail << (length - 60);
            let low = (1 << length) - 1;
            let fraction = ((fraction & !low) | (shifted & low)) & mask;
            u128::from(negative) << 127 | exponent << 112 | fraction
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_nearest_double_is_found(bits in hard()) {
        is_nearest(bits)?;
    }

    #[test]
    fn a_double_is_itself(bits: u64) {
        let value = f64::from_bits(bits);
        let wide = Quadruple::from(value);
        if value.is_finite() {
            prop_assert_eq!(exact(wide.to_bits()), exact_double(bits & !(1 << 63)));
        }
        prop_assert_eq!(wide.to_f64().to_bits(), bits);
    }

    #[test]
    fn what_is_no_number_keeps_its_sign_and_upper_payload(negative: bool, payload in 1_u128..1 << 112) {
        let bits = u128::from(negative) << 127 | 0x7fff << 112 | payload;
        let double = Quadruple::from_bits(bits).to_f64();
        prop_assert!(double.is_nan());
        prop_assert_eq!(double.is_sign_negative(), negative);
        let kept = u128::from(double.to_bits() & ((1 << 52) - 1));
        let upper = payload >> 60;
        prop_assert_eq!(kept, upper.max(1));
    }

    #[test]
    fn sixteen_bytes_on_the_wire(bits: u128) {
        let value = Quadruple::from_bits(bits);
        let bytes = to_bytes(&value)?;
        prop_assert_eq!(&bytes[..], &bits.to_be_bytes());
        prop_assert_eq!(from_bytes::<Quadruple>(&bytes)?, value);
    }
}

#[test]
fn subnormals_of_both_sizes() {
    for bits in (0..53)
        .map(|shift| 1_u64 << shift)
        .chain([(1 << 52) - 1, 3, 0x5555])
    {
        let value = f64::from_bits(bits);
        assert_eq!(exact(Quadruple::from(value).to_bits()), exact_double(bits));
        assert_eq!(Quadruple::from(value).to_f64().to_bits(), bits);
    }
    // Those of binary128 are all far below half the smallest double.
    for bits in [1, (1 << 112) - 1, SIGN | 1] {
        let value = Quadruple::from_bits(bits).to_f64();
        assert_eq!(value, 0.0);
        assert_eq!(value.is_sign_negative(), bits & SIGN != 0);
    }
}
