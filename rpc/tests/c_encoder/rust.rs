//! The Rust program: the generated types, and code that fills them by the same rule.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use drover_xdrgen::ast::Builtin;
use drover_xdrgen::emit::{Emitter, Style};
use drover_xdrgen::model::{Field, Named, Type, UnionArm};
use drover_xdrgen::names::{camel, shared_prefix, snake};
use drover_xdrgen::symbols::Symbols;

use crate::{File, ROUNDS, run, write};

const HEAD: &str = r##"
use drover_rpc_proto::*;
use drover_xdr::{Decode, Encode, Text, from_bytes, to_bytes};

struct Rule(u64);

impl Rule {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn count(&mut self, most: u64, wanted: u64) -> u64 {
        self.next() % (most.min(wanted) + 1)
    }

    fn text(&mut self, most: u64) -> Text {
        let length = self.count(most, 11);
        let bytes: Vec<u8> = (0..length).map(|_| 1 + (self.next() % 255) as u8).collect();
        bytes.into()
    }

    fn list<T>(&mut self, most: u64, wanted: u64, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let length = self.count(most, wanted);
        (0..length).map(|_| item(self)).collect()
    }
}

type Theirs<'a> = std::collections::HashMap<&'a str, Vec<Vec<u8>>>;

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn compare<T: Encode + Decode + PartialEq + std::fmt::Debug>(
    name: &str, path: &str, theirs: &Theirs<'_>, fill: fn(&mut Rule) -> T,
) {
    let theirs = &theirs[name];
    let mut verdict = "same".to_owned();
    if theirs.len() != ROUNDS {
        verdict = format!("{} values of C", theirs.len());
    }
    for (round, theirs) in theirs.iter().enumerate() {
        let value = fill(&mut Rule(round as u64));
        let ours = to_bytes(&value).unwrap();
        if ours != *theirs {
            verdict = format!("{value:?} is {ours:02x?} here and {theirs:02x?} in C");
        }
        match from_bytes::<T>(theirs) {
            Ok(decoded) if decoded == value => {}
            other => verdict = format!("{value:?} is read back as {other:?}"),
        }
    }
    println!("{name} {path} {verdict}");
}
"##;

/// Compiles it; the path of the program.
pub(crate) fn build(files: &[File<'_>], folder: &Path) -> PathBuf {
    let mut program = format!("#![allow(warnings)]\nconst ROUNDS: usize = {ROUNDS};\n{HEAD}");
    let mut calls = String::new();
    for file in files {
        let symbols = Symbols::default();
        let emitter = Emitter {
            model: file.model,
            dialect: &file.source.dialect,
            symbols: &symbols,
            header: String::new(),
            style: Style::default(),
        };
        for (name, named) in file.types() {
            let path = format!(
                "{}::{}",
                file.source.dialect.module,
                emitter.type_name(name)
            );
            fill(&mut program, name, &path, named);
            writeln!(calls, "compare({name:?}, {path:?}, &theirs, fill_{name});").unwrap();
        }
    }
    writeln!(
        program,
        "fn main() {{
            let text = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
            let mut theirs = Theirs::new();
            for line in text.lines() {{
                let (name, hex) = line.split_once(' ').unwrap();
                theirs.entry(name).or_default().push(bytes(hex));
            }}
            {calls}
        }}"
    )
    .unwrap();
    compile(&program, folder)
}

// A package of its own, next to the project's: what it needs is locked as it is there.
fn compile(program: &str, folder: &Path) -> PathBuf {
    let rpc = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = folder.join("rust");
    write(&package, "src/main.rs", program);
    let manifest = format!(
        "[package]\nname = \"fill\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\ndrover-rpc-proto = {{ path = {:?} }}\ndrover-xdr = {{ path = {:?} }}\n\n\
         [profile.dev]\ndebug = false\n",
        rpc.join("proto"),
        rpc.join("xdr")
    );
    write(&package, "Cargo.toml", &manifest);
    std::fs::copy(rpc.join("../Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let target = folder.join("target");
    run(Command::new(env!("CARGO"))
        .current_dir(&package)
        .args(["build", "-q", "--offline"])
        .env("CARGO_TARGET_DIR", &target));
    target.join("debug/fill")
}

fn fill(out: &mut String, name: &str, path: &str, named: &Named) {
    writeln!(out, "fn fill_{name}(rule: &mut Rule) -> {path} {{").unwrap();
    match named {
        Named::Enum(values) => {
            let numbers: Vec<String> = values.iter().map(|value| value.value.to_string()).collect();
            let numbers = numbers.join(", ");
            let count = values.len();
            writeln!(out, "{path}([{numbers}][(rule.next() % {count}) as usize])").unwrap();
        }
        Named::Struct(fields) => {
            // In the order of the file, which is that of the initialisers.
            writeln!(out, "{path} {{").unwrap();
            for Field { name, ty, .. } in fields {
                writeln!(out, "{}: {},", snake(name), value(ty)).unwrap();
            }
            writeln!(out, "}}").unwrap();
        }
        Named::Union(_, arms) => union(out, path, arms),
    }
    writeln!(out, "}}").unwrap();
}

fn union(out: &mut String, path: &str, arms: &[UnionArm]) {
    let names: Vec<&str> = arms
        .iter()
        .flat_map(|arm| &arm.cases)
        .map(|(name, _)| name.as_str())
        .collect();
    let prefix = shared_prefix(&names).len();
    writeln!(out, "match rule.next() % {} {{", arms.len()).unwrap();
    for (index, arm) in arms.iter().enumerate() {
        let (name, _) = arm.cases.first().expect("no defaults in libvirt's unions");
        let variant = camel(&name[prefix..]);
        let held = arm
            .field
            .as_ref()
            .map(|field| format!("({})", value(&field.ty)));
        let held = held.unwrap_or_default();
        writeln!(out, "{index} => {path}::{variant}{held},").unwrap();
    }
    writeln!(out, "_ => unreachable!(),\n}}").unwrap();
}

fn value(ty: &Type) -> String {
    match ty {
        Type::Builtin(builtin) => number(*builtin).to_owned(),
        Type::Text(most) => format!("rule.text({most})"),
        Type::Named(named) => format!("fill_{named}(rule)"),
        Type::OpaqueFixed(_) => "std::array::from_fn(|_| rule.next() as u8)".to_owned(),
        Type::Opaque(most) => format!("rule.list({most}, 9, |rule| rule.next() as u8)"),
        Type::Array(element, _) => format!("std::array::from_fn(|_| {})", value(element)),
        Type::List(element, most) => format!("rule.list({most}, 3, |rule| {})", value(element)),
        Type::Optional(element) => {
            format!("(rule.next() & 1 == 1).then(|| {})", value(element))
        }
    }
}

fn number(builtin: Builtin) -> &'static str {
    match builtin {
        Builtin::Bool => "rule.next() & 1 == 1",
        Builtin::Char => "rule.next() as i8",
        Builtin::UnsignedChar => "rule.next() as u8",
        Builtin::Short => "rule.next() as i16",
        Builtin::UnsignedShort => "rule.next() as u16",
        Builtin::Int => "rule.next() as i32",
        Builtin::UnsignedInt => "rule.next() as u32",
        Builtin::Hyper => "rule.next() as i64",
        Builtin::UnsignedHyper => "rule.next()",
        Builtin::Float => "(rule.next() as i32) as f32 / 8.0",
        Builtin::Double => "f64::from(rule.next() as i32) / 8.0",
        Builtin::Quadruple => panic!("libvirt has no quadruple"),
    }
}
