//! Files made of chance: none makes the compiler panic, and what it takes becomes Rust.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod generate;

use std::path::Path;

use drover_xdrgen::{Compiler, Error};
use proptest::prelude::*;

const WORDS: [&str; 62] = [
    "const",
    "typedef",
    "enum",
    "struct",
    "union",
    "program",
    "version",
    "switch",
    "case",
    "default",
    "void",
    "int",
    "unsigned",
    "hyper",
    "bool",
    "string",
    "opaque",
    "char",
    "double",
    "quadruple",
    "u_int",
    "netobj",
    "netbuf",
    "a",
    "b",
    "c",
    "A_B",
    "A_C",
    "_",
    "__",
    "self",
    "type",
    "Option",
    "ok",
    "fooBar",
    "foo_bar",
    "TRUE",
    "0",
    "1",
    "-1",
    "0x10",
    "077",
    "4294967295",
    "{",
    "}",
    "{",
    "}",
    "(",
    ")",
    "<",
    ">",
    "[",
    "]",
    "*",
    ";",
    ";",
    ";",
    ",",
    ":",
    "=",
    "/* c */",
    "\"t\"",
];

fn compile(text: String) -> Result<String, Error> {
    Compiler::new().docs(true).text(Path::new("t.x"), text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn words_in_any_order(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..60)) {
        if let Ok(rust) = compile(words.join(" ")) {
            prop_assert!(syn::parse_file(&rust).is_ok(), "{rust}");
        }
    }

    #[test]
    fn characters_in_any_order(text in "[ -~\n\t]{0,200}", any: String) {
        let _ = compile(text);
        let _ = compile(any);
    }

    #[test]
    fn definitions_in_any_order(text in generate::file()) {
        match compile(text) {
            Ok(rust) => prop_assert!(syn::parse_file(&rust).is_ok(), "{rust}"),
            Err(Error::Source(reports)) => prop_assert!(!reports.is_empty()),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
