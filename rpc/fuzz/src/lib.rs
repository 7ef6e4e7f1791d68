//! What is tried with any bytes, one module for each fuzz target.
//!
//! ```text
//! cd rpc/fuzz
//! cargo run --release --bin decode -- -max_total_time=3600 corpus/decode seeds/decode
//! ```
//! runs one for an hour; `cargo lab test` runs all for a fixed number of inputs. Nothing but cargo and
//! a C++ compiler is needed; `cargo fuzz run decode` works as well where cargo-fuzz and a nightly
//! compiler are. The seeds are written by `cargo run --release --bin seeds`.
//!
//! Which lines a corpus reaches is said by LLVM's tools (`rustup component add llvm-tools`; they are in
//! the toolchain's `lib/rustlib/*/bin`):
//!
//! ```text
//! export RUSTFLAGS='-C instrument-coverage' LLVM_PROFILE_FILE=/tmp/decode.profraw
//! cargo run --release --target-dir ../../target/coverage --bin decode -- -runs=0 corpus/decode seeds/decode
//! llvm-profdata merge -sparse /tmp/decode.profraw -o /tmp/decode.profdata
//! llvm-cov report ../../target/coverage/*/release/decode -instr-profile=/tmp/decode.profdata
//! ```
//!
//! The corpus of 12,797,553 inputs to `decode` (four minutes) reaches 93 % of the 15,006 lines that are
//! generated.

#![forbid(unsafe_code)]

pub mod decode;
pub mod errors;
pub mod frames;
pub mod operations;
pub mod params;
pub mod uris;
pub mod wire;
pub mod xdrgen;

/// Files of the client that need nothing of the rest of it.
#[allow(dead_code, missing_docs, unreachable_pub, unused_imports)]
#[path = "../../src"]
mod client {
    pub(crate) mod typed;
    pub(crate) mod uri;
}

/// What these files expect beside them.
mod objects {
    pub(crate) mod handle {
        use drover_xdr::Text;

        pub(crate) fn string(text: &Text) -> String {
            text.to_string_lossy().into_owned()
        }
    }
}
