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
    let model = model(
        "const A = 031; const B = 0x27; const C = -1; const D = F; const E = EXTERNAL; \
         const F = A; const G = 'a'; const H = \"text\"; const I = TRUE; const J = PROC; \
         program P { version V { void PROC(void) = 9; } = 1; } = 5;",
    );
    let numbers: Vec<i64> = model.constants.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, [25, 39, -1, 25, 7, 25, 97, 1, 9]);
    assert_eq!(model.texts, [("H".to_owned(), "text".to_owned())]);
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
    let Some(Named::Union(_, arms)) = model.named("u") else {
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
fn bodies_within_bodies_and_typedefs_of_bodies() {
    let source = "struct s { struct { union switch (int t) { case 1: int a; } u; } inner; };";
    assert_eq!(field(source, 0), Type::Named("s_inner".into()));
    assert!(model(source).named("s_inner_u").is_some());
    let model = model(
        "typedef enum { A } e; typedef struct { e a; } t; typedef struct { int a; } *p; \
         typedef struct s s; struct s { p a; };",
    );
    let names: Vec<&str> = model.types.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["e", "t", "p_item", "s"]);
    let Some(Named::Struct(fields)) = model.named("s") else {
        panic!()
    };
    let item = Type::Named("p_item".into());
    assert_eq!(fields[0].ty, Type::Optional(Box::new(item)));
}

#[test]
fn names_of_c_headers_need_no_definition() {
    let source = "struct s { u_char a; uint32_t b; netobj c; bool_t d; struct netbuf e; };";
    assert_eq!(field(source, 0), Type::Builtin(Builtin::UnsignedChar));
    assert_eq!(field(source, 2), Type::Opaque(1024));
    assert_eq!(field(source, 4), Type::Named("netbuf".into()));
    assert!(model(source).named("netbuf").is_some());
    // A file's own definition comes first.
    let source = "typedef hyper u_char; struct s { u_char a; };";
    assert_eq!(field(source, 0), Type::Builtin(Builtin::Hyper));
}

#[test]
fn a_list_leads_back_to_itself() {
    let list = model("struct s { int a; s *next; }; struct t { s *all; };");
    assert!(list.leads_to("s", "s"));
    assert!(list.is_chain("s") && !list.is_chain("t"));
    // A tree is none, nor is what is used by itself too, nor what has nothing but the next.
    for source in [
        "struct s { s *left; s *right; };",
        "struct s { int a; s *next; }; struct t { s first; };",
        "struct s { s *next; };",
        "struct s { int a; s next<>; };",
    ] {
        assert!(!model(source).is_chain("s"), "{source}");
    }
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
    let model = model(
        "program P { version V { void NULL(void) = 0; int ADD(int a, string) = 1; } = 2; \
         version W { s *LIST(s *, opaque b<4>) = ADD; } = 3; } = 0x20000001; struct s { int a; };",
    );
    let [program] = &model.programs[..] else {
        panic!()
    };
    let numbers: Vec<u32> = program.versions.iter().map(|v| v.number).collect();
    assert_eq!((program.number, numbers), (0x2000_0001, vec![2, 3]));
    let [null, add] = &program.versions[0].procedures[..] else {
        panic!()
    };
    assert_eq!((null.arguments.len(), null.reply.clone()), (0, None));
    let types: Vec<Type> = add.arguments.iter().map(|a| a.ty.clone()).collect();
    let int = Type::Builtin(Builtin::Int);
    assert_eq!(types, [int.clone(), Type::Text(u32::MAX)]);
    assert_eq!(
        (add.arguments[0].name.as_str(), &add.reply),
        ("a", &Some(int))
    );
    let list = &program.versions[1].procedures[0];
    let optional = Type::Optional(Box::new(Type::Named("s".into())));
    assert_eq!((list.number, &list.reply), (1, &Some(optional.clone())));
    assert_eq!(list.arguments[0].ty, optional);
    assert_eq!(list.arguments[1].ty, Type::Opaque(4));
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
        ("const A = B; const B = A;", "leads back to itself"),
        (
            "const A = \"x\"; struct s { int a[A]; };",
            "A is no constant",
        ),
        ("const A = 'ab';", "is not one character"),
        ("const A = \"x;\n", "does not end on its line"),
        ("const A = 0x10000000000000000;", "none of 64 bits"),
        ("enum e { A = 0x100000000 };", "does not fit in the 32 bits"),
        ("enum e { A }; enum f { A };", "A is defined twice"),
        ("struct s { int a; int a; };", "a is there twice"),
        ("struct s { t a; }; struct t { s a[2]; };", "s holds itself"),
        (
            "union u switch (string t<>) { case 1: void; };",
            "a union is switched by",
        ),
        (
            "union u switch (int t) { case 1: void; case 1: int a; };",
            "CASE_1 selects two arms",
        ),
        (
            "union u switch (bool t) { case 2: void; };",
            "is no value of what is switched",
        ),
        (
            "union u switch (int t) { default: void; default: int a; };",
            "a second default",
        ),
        ("struct s { struct { int a; }; };", "needs a name behind it"),
        (
            "program P { version V { void A(void) = 1; void B(void) = 1; } = 1; } = 1;",
            "1 is there twice",
        ),
        (
            "program P { version V { void A(void) = 1; } = -1; } = 1;",
            "does not fit in 32 bits",
        ),
        (
            "program P { version V { void A(struct { int a; } b) = 1; } = 1; } = 1;",
            "needs a type with a name",
        ),
        ("struct s { s a[0]; };", "s holds itself"),
        ("typedef missing a;", "missing is no type"),
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
    let found = refusals("struct s { x a; int b; y c; };\nunion u switch (z t) { case W: void; };");
    let words = [
        "x is no type",
        "y is no type",
        "z is no type",
        "W is no constant",
    ];
    assert_eq!(found.len(), words.len(), "{found:#?}");
    for (found, words) in found.iter().zip(words) {
        assert!(found.contains(words), "{found}");
    }
    assert_eq!(
        refusals("const A = ?1;\nconst B = 09;\nstruct { };").len(),
        3
    );
}

#[test]
fn no_file_takes_the_compiler_down() {
    let nested = "struct {".repeat(50_000);
    assert!(!refusals(&format!("struct s {{ {nested}")).is_empty());
    let deep = (0..100).fold("int a;".to_owned(), |body, _| {
        format!("struct {{ {body} }} b;")
    });
    assert!(refusals(&format!("struct s {{ {deep} }};"))[0].contains("bodies within one another"));
    let mut arrays = String::from("typedef int t0<2>; ");
    let mut pairs = String::from("struct s0 { int a; }; ");
    let mut many = String::from("enum e { V0");
    for i in 1..1_000 {
        arrays += &format!("typedef t{} t{i}<2>; ", i - 1);
        pairs += &format!("struct s{i} {{ s{0} a; s{0} b; }}; ", i - 1);
        many += &format!(", V{i}");
    }
    assert!(refusals(&arrays)[0].contains("within one another"));
    assert!(refusals(&pairs)[0].contains("too deep within one another"));
    assert_eq!(model(&(many + " };")).number("V999"), Some(999));
    for large in [
        "typedef int a[5000]; typedef a b[5000];",
        "typedef opaque a[25000000];",
    ] {
        assert!(refusals(large)[0].contains("25000000 elements have no place"));
    }
    // 2^40 ways lead to the innermost of these, which is counted once.
    let wide = (1..40).fold(String::from("struct s0 { int a; }; "), |all, i| {
        all + &format!("struct s{i} {{ s{0} a; s{0} b; }}; ", i - 1)
    });
    let size = model(&wide).min_size(&Type::Named("s39".into()));
    assert_eq!(size, 4 << 39);
}
