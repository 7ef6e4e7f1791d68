//! See the module of the same name.

#![no_main]
#![forbid(unsafe_code)]

libfuzzer_sys::fuzz_target!(|data: &[u8]| drover_fuzz::frames::run(data));
