//! Files made of chance that the grammar allows; what they say may make no sense all the same.

use proptest::prelude::*;

fn name() -> impl Strategy<Value = String> {
    let words = [
        "a", "b", "A", "type", "self", "Option", "fooBar", "foo_bar", "_x", "x__", "a1", "E_2",
    ];
    prop_oneof![
        prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        "[a-zA-Z_][a-zA-Z0-9_]{0,6}",
    ]
}

fn declaration(types: Vec<String>) -> impl Strategy<Value = String> {
    let builtin = [
        "int",
        "unsigned",
        "hyper",
        "bool",
        "double",
        "quadruple",
        "char",
    ];
    let ty = prop_oneof![
        prop::sample::select(builtin.to_vec()).prop_map(str::to_owned),
        prop::sample::select(types),
    ];
    (ty, name(), 0_u32..9, 0_u8..6).prop_map(|(ty, name, length, shape)| match shape {
        0 => format!("{ty} {name}"),
        1 => format!("{ty} {name}[{length}]"),
        2 => format!("{ty} {name}<{length}>"),
        3 => format!("{ty} *{name}"),
        4 => format!("opaque {name}<>"),
        _ => format!("string {name}<{length}>"),
    })
}

// A definition of the type `name`, which may use all of `types`.
fn definition(name: String, types: Vec<String>) -> impl Strategy<Value = String> {
    let fields = prop::collection::vec(declaration(types), 0..5);
    (fields, 0_u8..5, any::<bool>()).prop_map(move |(fields, kind, default)| {
        let list = |separator: &str| fields.join(separator);
        match kind {
            0 => format!("struct {name} {{ {}; }};", list("; ")).replace("{ ;", "{"),
            1 => format!(
                "typedef {} ;",
                fields.first().map_or("int t", String::as_str)
            ),
            2 => {
                let values = (0..=fields.len()).map(|i| format!("{name}_{i}"));
                format!(
                    "enum {name} {{ {} }};",
                    values.collect::<Vec<_>>().join(", ")
                )
            }
            3 => {
                let calls = fields.iter().enumerate();
                let calls = calls.map(|(i, field)| format!("int {name}_P{i}({field}, int) = {i};"));
                let calls: String = calls.collect();
                format!("program {name} {{ version {name}_V {{ {calls} }} = 1; }} = 7;")
            }
            _ => {
                let arms = fields.iter().enumerate();
                let arms: String = arms
                    .map(|(i, field)| format!("case {i}: {field};"))
                    .collect();
                let rest = if default {
                    "default: void;"
                } else {
                    "case 99: case 98: void;"
                };
                format!("union {name} switch (int on) {{ {arms} {rest} }};")
            }
        }
    })
}

/// A file of a few definitions that use one another.
pub(crate) fn file() -> impl Strategy<Value = String> {
    prop::collection::btree_set(name(), 1..6).prop_flat_map(|names| {
        let names: Vec<String> = names.into_iter().collect();
        let all = names
            .iter()
            .map(|name| definition(name.clone(), names.clone()));
        all.collect::<Vec<_>>().prop_map(|all| all.join("\n"))
    })
}
