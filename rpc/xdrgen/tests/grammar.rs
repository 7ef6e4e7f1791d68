//! The language, construct by construct.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use drover_xdrgen::ast::Builtin;
use drover_xdrgen::error::Report;
use drover_xdrgen::model::{Model, Named, Type};
use drover_xdrgen::parse::parse;

fn model(source: &str) -> Model {
    Model::new(&parse(source).unwrap(), None, &[("EXTERNAL", 7)]).unwrap()
}

fn refusals(source: &str) -> Vec<String> {
    let faults = match parse(source) {
        Err(faults) => faults,
        Ok(definitions) => Model::new(&definitions, None, &[]).unwrap_err(),
    };
    faults
        .into_iter()
        .map(|fault| Report::new("t.x", source, fault).to_string())
        .collect()
}

fn field(source: &str, at: usize) -> Type {
    match model(source).named("s").unwrap() {
        Named::Struct(fields) => fields[at].ty.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_simple_type() {
    let source = "struct s { bool a; char b; unsigned char c; short d; unsigned short e; int f; \
                  unsigned int g; unsigned h; hyper i; unsigned hyper j; float k; double l; \
                  quadruple m; };";
    let expected = [
        Builtin::Bool,
        Builtin::Char,
        Builtin::UnsignedChar,
        Builtin::Short,
        Builtin::UnsignedShort,
        Builtin::Int,
        Builtin::UnsignedInt,
        Builtin::UnsignedInt,
        Builtin::Hyper,
        Builtin::UnsignedHyper,
        Builtin::Float,
        Builtin::Double,
        Builtin::Quadruple,
    ];
    for (at, builtin) in expected.into_iter().enumerate() {
        assert_eq!(field(source, at), Type::Builtin(builtin));
    }
}

#[test]
fn every_form_of_a_declaration() {
    let source = "const N = 3; struct s { int a; int b[N]; int c<N>; int d<>; int *e; \
                  opaque f[N]; opaque g<N>; opaque h<>; string i<N>; string j<>; };";
    let int = || Box::new(Type::Builtin(Builtin::Int));
    let expected = [
        Type::Builtin(Builtin::Int),
        Type::Array(int(), 3),
        Type::List(int(), 3),
        Type::List(int(), u32::MAX),
        Type::Optional(int()),
        Type::OpaqueFixed(3),
        Type::Opaque(3),
        Type::Opaque(u32::MAX),
        Type::Text(3),
        Type::Text(u32::MAX),
    ];
    for (at, ty) in expected.into_iter().enumerate() {
        assert_eq!(field(source, at), ty, "{at}");
    }
}

#[test]
fn constants_in_every_base_and_by_name() {
    let model =
        model("const A = 031; const B = 0x27; const C = -1; const D = A; const E = EXTERNAL;");
    let numbers: Vec<i64> = model.constants.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, [25, 39, -1, 25, 7]);
}

#[test]
fn enums_count_on_like_c_and_may_end_in_a_comma() {
    let model = model("enum e { A, B = 5, C, };");
    let Some(Named::Enum(values)) = model.named("e") else {
        panic!()
    };
    let numbers: Vec<_> = values
        .iter()
        .map(|value| (value.name.as_str(), value.value))
        .collect();
    assert_eq!(numbers, [("A", 0), ("B", 5), ("C", 6)]);
}

#[test]
fn unions_with_stacked_cases_void_arms_and_a_default() {
    let source =
        "union u switch (int t) { case 1: case 2: int a; case 3: void; default: string b<>; };";
    let model = model(source);
    let Some(Named::Union(arms)) = model.named("u") else {
        panic!()
    };
    let cases: Vec<usize> = arms.iter().map(|arm| arm.cases.len()).collect();
    assert_eq!(cases, [2, 1, 0]);
    assert!(arms[1].field.is_none());
}

#[test]
fn typedefs_are_replaced_in_any_order() {
    let source = "struct s { maybe a; }; typedef text *maybe; typedef string text<9>;";
    assert_eq!(field(source, 0), Type::Optional(Box::new(Type::Text(9))));
    assert!(refusals("typedef a b; typedef b a; struct s { a x; };")[0].contains("leads back"));
}

#[test]
fn bodies_in_place_get_a_name() {
    let source = "struct s { struct { int a; } inner; enum { X, Y } kind; };";
    assert_eq!(field(source, 0), Type::Named("s_inner".into()));
    assert_eq!(field(source, 1), Type::Named("s_kind".into()));
}

#[test]
fn a_list_leads_back_to_itself() {
    let model = model("struct s { int a; s *next; };");
    assert!(model.leads_to("s", "s"));
}

#[test]
fn lines_for_c_and_comments_are_skipped_and_annotations_kept() {
    let source =
        "%#include <x.h>\n/* a */ enum e {\n /** @priority: high */\n A = 1, // b\n B = 2\n};";
    let model = model(source);
    let Some(Named::Enum(values)) = model.named("e") else {
        panic!()
    };
    assert!(
        values[0]
            .comment
            .as_deref()
            .unwrap()
            .contains("@priority: high")
    );
    assert_eq!(values[1].comment, None);
}

#[test]
fn programs_of_rfc_5531() {
    let source = "program P { version V { void NULL(void) = 0; int ADD(int, int) = 1; } = 2; } = 0x20000001;";
    assert_eq!(parse(source).unwrap().len(), 1);
}

#[test]
fn refusals_say_where_and_what() {
    assert_eq!(
        refusals("const A = 1;\nstruct s { int a }\n;"),
        ["t.x:2:18: expected ';', found '}'\n  struct s { int a }\n                   ^"]
    );
    for (source, words) in [
        ("struct s { missing a; };", "missing is no type"),
        ("struct s { int a<N>; };", "N is no constant"),
        ("struct s { int a[-1]; };", "a length of -1 is not possible"),
        (
            "struct s { int a; }; struct s { int b; };",
            "s is defined twice",
        ),
        ("struct s { opaque a; };", "opaque data is written"),
        ("const A = 09;", "is no number"),
        ("/* a", "this comment does not end"),
        ("struct s { int a; } ? ;", "begins nothing"),
        ("int a;", "expected one of const"),
    ] {
        let found = refusals(source);
        assert!(
            found.iter().any(|report| report.contains(words)),
            "{source}: {found:?}"
        );
    }
}

#[test]
fn several_faults_come_together() {
    assert_eq!(refusals("const = 1;\nconst B = 2;\nstruct { };\n").len(), 2);
}
