//! Plain ONC RPC with what is generated of `shapes.x` and `rpcbind.x`: between the two sides here,
//! with C code of rpcgen's, and with a real rpcbind.
//!
//! ```text
//! cargo test -p drover-xdrgen --test onc -- --ignored --nocapture
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod both;
mod c_peers;
mod client;
mod rpcbind_live;
mod served;
mod tools;

#[allow(dead_code, unreachable_pub, clippy::all)]
#[rustfmt::skip]
mod rpcbind;
#[allow(dead_code, unreachable_pub, clippy::all)]
#[rustfmt::skip]
mod shapes;

use std::path::Path;

use drover_xdrgen::Compiler;

#[test]
fn what_is_committed_is_what_is_generated() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onc");
    for (name, committed) in [
        ("rpcbind", include_str!("rpcbind.rs")),
        ("shapes", include_str!("shapes.rs")),
    ] {
        let file = folder.join(name).with_extension("x");
        let text = Compiler::new().docs(true).file(&file).unwrap();
        let file = file.display();
        assert!(
            text == committed,
            "cargo xdrgen {file} --docs --out {}",
            folder.join(name).with_extension("rs").display()
        );
    }
}
