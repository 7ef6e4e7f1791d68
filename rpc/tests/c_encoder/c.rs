//! The C program: rpcgen's code, and code that fills its structs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use drover_xdrgen::ast::Builtin;
use drover_xdrgen::model::{Field, Named, Type, UnionArm};

use crate::{EXTERNAL, File, ROUNDS, run, write};

/// The rule: numbers in the order in which values need them, all of them from the seed alone.
const HEAD: &str = r#"
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;
static char buffer[1 << 22], again[1 << 22];

static uint64_t next(void)
{
    state += 0x9e3779b97f4a7c15ULL;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static unsigned count(unsigned most, unsigned wanted)
{
    return next() % ((most < wanted ? most : wanted) + 1ULL);
}

static void *room(size_t size)
{
    return calloc(size ? size : 1, 1);
}

static char *text(unsigned most)
{
    unsigned length = count(most, 11);
    char *value = room(length + 1);
    for (unsigned i = 0; i < length; i++)
        value[i] = 1 + next() % 255;
    return value;
}

static void check(const char *name, xdrproc_t encode, void *value, void *empty)
{
    XDR out, in, repeated;
    xdrmem_create(&out, buffer, sizeof(buffer), XDR_ENCODE);
    if (!encode(&out, value)) {
        fprintf(stderr, "%s cannot be encoded\n", name);
        exit(1);
    }
    unsigned length = xdr_getpos(&out);
    xdrmem_create(&in, buffer, length, XDR_DECODE);
    xdrmem_create(&repeated, again, sizeof(again), XDR_ENCODE);
    if (!encode(&in, empty) || !encode(&repeated, empty) ||
        xdr_getpos(&repeated) != length || memcmp(buffer, again, length)) {
        fprintf(stderr, "%s is not decoded as it was encoded\n", name);
        exit(1);
    }
    printf("%s ", name);
    for (unsigned i = 0; i < length; i++)
        printf("%02x", (unsigned char)buffer[i]);
    putchar('\n');
}
"#;

/// Compiles it; the path of the program.
pub(crate) fn build(files: &[File<'_>], root: &Path, folder: &Path) -> PathBuf {
    let mut program = String::new();
    let mut objects = Vec::new();
    for file in files {
        let module = file.source.dialect.module;
        generate(file, root, folder);
        writeln!(program, "#include \"{module}.h\"").unwrap();
        objects.push(format!("{module}.c"));
    }
    program.push_str(HEAD);
    for file in files {
        for (name, named) in file.types() {
            fill(&mut program, name, named);
        }
    }
    main_function(&mut program, files);
    write(folder, "main.c", &program);
    run(Command::new("gcc")
        .current_dir(folder)
        .args([
            "-w",
            "-O0",
            "-I/usr/include/tirpc",
            "-o",
            "encoder",
            "main.c",
        ])
        .args(&objects)
        .arg("-ltirpc"));
    folder.join("encoder")
}

// rpcgen on libvirt's file, without its includes and with the constants that these would bring.
fn generate(file: &File<'_>, root: &Path, folder: &Path) {
    let module = file.source.dialect.module;
    let text = std::fs::read_to_string(root.join("src").join(file.source.file)).unwrap();
    let mut source = String::new();
    match file.source.dialect.imports {
        Some(other) => writeln!(source, "%#include \"{other}.h\"").unwrap(),
        None => {
            for name in EXTERNAL.iter().filter(|name| text.contains(**name)) {
                let number = file.model.number(name).unwrap();
                writeln!(source, "const {name} = {number};").unwrap();
            }
        }
    }
    for line in text.lines().filter(|line| !line.starts_with('%')) {
        writeln!(source, "{line}").unwrap();
    }
    write(folder, &format!("{module}.x"), &source);
    for (option, output) in [("-h", "h"), ("-c", "c")] {
        let path = folder.join(format!("{module}.{output}"));
        std::fs::remove_file(&path).ok();
        run(Command::new("rpcgen").current_dir(folder).args([
            option,
            "-o",
            &format!("{module}.{output}"),
            &format!("{module}.x"),
        ]));
    }
}

fn fill(out: &mut String, name: &str, named: &Named) {
    writeln!(out, "static void fill_{name}({name} *v)\n{{").unwrap();
    match named {
        Named::Enum(values) => {
            let numbers: Vec<String> = values.iter().map(|value| value.value.to_string()).collect();
            let numbers = numbers.join(", ");
            writeln!(out, "static const int all[] = {{{numbers}}};").unwrap();
            writeln!(out, "*v = all[next() % {}];", values.len()).unwrap();
        }
        Named::Struct(fields) => {
            for Field { name, ty, .. } in fields {
                value(out, ty, &format!("v->{name}"), name, 0);
            }
        }
        Named::Union(_, arms) => union(out, name, arms),
    }
    writeln!(out, "}}").unwrap();
}

fn union(out: &mut String, name: &str, arms: &[UnionArm]) {
    writeln!(out, "switch (next() % {}) {{", arms.len()).unwrap();
    for (index, arm) in arms.iter().enumerate() {
        let (_, number) = arm.cases.first().expect("no defaults in libvirt's unions");
        // rpcgen keeps the discriminant's name, which is `type` in the only union there is.
        writeln!(out, "case {index}: v->type = {number};").unwrap();
        if let Some(field) = &arm.field {
            let place = format!("v->{name}_u.{}", field.name);
            value(out, &field.ty, &place, &field.name, 0);
        }
        writeln!(out, "break;").unwrap();
    }
    writeln!(out, "}}").unwrap();
}

// Fills `place`; `name` is what rpcgen calls the parts of a list after.
fn value(out: &mut String, ty: &Type, place: &str, name: &str, depth: usize) {
    let i = format!("i{depth}");
    match ty {
        Type::Builtin(builtin) => writeln!(out, "{place} = {};", number(*builtin)).unwrap(),
        Type::Text(most) => writeln!(out, "{place} = text({most}u);").unwrap(),
        Type::Named(named) => writeln!(out, "fill_{named}(&{place});").unwrap(),
        Type::OpaqueFixed(length) => {
            writeln!(
                out,
                "for (unsigned {i} = 0; {i} < {length}; {i}++) {place}[{i}] = next();"
            )
            .unwrap();
        }
        Type::Opaque(most) => {
            list(out, place, name, *most, 9);
            writeln!(out, "for (unsigned {i} = 0; {i} < {place}.{name}_len; {i}++) {place}.{name}_val[{i}] = next();").unwrap();
        }
        Type::Array(element, length) => {
            writeln!(out, "for (unsigned {i} = 0; {i} < {length}; {i}++) {{").unwrap();
            value(out, element, &format!("{place}[{i}]"), name, depth + 1);
            writeln!(out, "}}").unwrap();
        }
        Type::List(element, most) => {
            list(out, place, name, *most, 3);
            writeln!(
                out,
                "for (unsigned {i} = 0; {i} < {place}.{name}_len; {i}++) {{"
            )
            .unwrap();
            let inner = format!("{place}.{name}_val[{i}]");
            value(out, element, &inner, name, depth + 1);
            writeln!(out, "}}").unwrap();
        }
        Type::Optional(element) => {
            writeln!(
                out,
                "{place} = NULL; if (next() & 1) {{ {place} = room(sizeof(*{place}));"
            )
            .unwrap();
            value(out, element, &format!("(*{place})"), name, depth + 1);
            writeln!(out, "}}").unwrap();
        }
    }
}

fn list(out: &mut String, place: &str, name: &str, most: u32, wanted: u32) {
    writeln!(out, "{place}.{name}_len = count({most}u, {wanted});").unwrap();
    writeln!(
        out,
        "{place}.{name}_val = room({place}.{name}_len * sizeof(*{place}.{name}_val));"
    )
    .unwrap();
}

fn number(builtin: Builtin) -> &'static str {
    match builtin {
        Builtin::Bool => "next() & 1",
        Builtin::Float | Builtin::Double => "(int32_t)next() / 8.0",
        Builtin::Quadruple => panic!("libvirt has no quadruple"),
        _ => "next()",
    }
}

fn main_function(out: &mut String, files: &[File<'_>]) {
    writeln!(out, "int main(void)\n{{").unwrap();
    for file in files {
        for (name, _) in file.types() {
            writeln!(out, "for (unsigned i = 0; i < {ROUNDS}; i++) {{").unwrap();
            writeln!(out, "{name} value, empty; memset(&value, 0, sizeof(value)); memset(&empty, 0, sizeof(empty));").unwrap();
            writeln!(out, "state = i; fill_{name}(&value);").unwrap();
            writeln!(
                out,
                "check(\"{name}\", (xdrproc_t)xdr_{name}, &value, &empty); }}"
            )
            .unwrap();
        }
    }
    writeln!(out, "return 0;\n}}").unwrap();
}
