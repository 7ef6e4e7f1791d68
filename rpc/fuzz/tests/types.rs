//! Every type, with inputs that are the same in each run: what a fuzzer may take long to come to.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use drover_fuzz::decode::{TYPES, tame};

// The coverage that everything here is built with needs the fuzzer's runtime to link against.
libfuzzer_sys::fuzz_target!(|_data: &[u8]| {});

/// How many inputs each type gets in each manner.
const INPUTS: u64 = 200;

#[test]
fn every_type_is_read_or_refused_within_its_memory() {
    // What `xdrgen` makes of libvirt 11.3.
    assert_eq!(TYPES.len(), 724);
    let mut read = 0;
    for ty in TYPES {
        let mut ever = false;
        for seed in 0..INPUTS {
            let bytes = bytes(seed);
            ever |= ty.try_with(&bytes);
            let mut tamed = tame(&bytes);
            // A string begins that does not end.
            tamed.truncate(bytes.len() - (seed % 9) as usize);
            ever |= ty.try_with(&tamed);
        }
        ever |= ty.try_with(&[0; 8192]);
        assert!(ever, "{} is never read", ty.name);
        read += u32::from(ever);
    }
    println!(
        "{read} types, {} inputs",
        u64::from(read) * (2 * INPUTS + 1)
    );
}

/// Bytes that look like chance.
fn bytes(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let words = (0..512).map(|_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    });
    words.flat_map(u64::to_be_bytes).collect()
}
