//! `xdrgen`: compiles protocol files to Rust; without one, writes or checks what is generated from
//! libvirt's.

#![forbid(unsafe_code)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use drover_xdrgen::Compiler;
use drover_xdrgen::fetch;
use drover_xdrgen::layouts;
use drover_xdrgen::libvirt::{SOURCES, Tree, read};

/// Compiles XDR and RPC language files (`.x`) to Rust.
///
/// Without a file: generates the Rust of libvirt's RPC protocol.
#[derive(Debug, Parser)]
struct Options {
    /// The file to compile.
    file: Option<PathBuf>,
    /// Keep comments as documentation.
    #[arg(long, requires = "file")]
    docs: bool,
    /// Define a name, for #ifdef and, with a number, as a constant.
    #[arg(short = 'D', value_name = "NAME[=NUMBER]", requires = "file")]
    define: Vec<String>,
    /// Take types from another file, whose Rust is in this module.
    #[arg(long, value_name = "MODULE=FILE", requires = "file")]
    import: Vec<String>,
    /// Where the Rust goes, instead of the standard output. Without a file to compile: the folder
    /// `rpc` of the project.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Compare with what is committed, and fail if it differs, instead of writing.
    #[arg(long, conflicts_with = "file")]
    check: bool,
    /// A libvirt source tree; without it Debian's source package is fetched.
    #[arg(long, conflicts_with = "file")]
    tree: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.file {
        Some(file) => compile(file, &options),
        None => libvirt(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xdrgen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compile(file: &Path, options: &Options) -> Result<(), Box<dyn Error>> {
    let mut compiler = Compiler::new().docs(options.docs);
    for define in &options.define {
        let (name, number) = match define.split_once('=') {
            Some((name, number)) => {
                let number = drover_xdrgen::source::number(number);
                let number = number.ok_or_else(|| format!("-D {define}: this is no number"))?;
                (name, Some(number))
            }
            None => (define.as_str(), None),
        };
        compiler = compiler.define(name, number);
    }
    for import in &options.import {
        let parts = import.split_once('=');
        let (module, file) = parts.ok_or_else(|| format!("--import {import}: no MODULE=FILE"))?;
        compiler = compiler.import(file, module);
    }
    let text = compiler.file(file)?;
    match &options.out {
        Some(out) => {
            std::fs::write(out, text).map_err(|error| format!("{}: {error}", out.display()))?;
        }
        None => print!("{text}"),
    }
    Ok(())
}

fn libvirt(options: &Options) -> Result<(), Box<dyn Error>> {
    let root = match &options.tree {
        Some(tree) => tree.clone(),
        None => fetch::source_tree()?,
    };
    let out = options.out.clone().unwrap_or_else(|| PathBuf::from("rpc"));
    let tree = Tree::read(&root)?;
    compare_layouts(&root, &tree)?;
    let files = tree.files();
    let different: Vec<_> = files
        .iter()
        .map(|(path, text)| (out.join(path), text))
        .filter(|(path, text)| std::fs::read_to_string(path).ok().as_ref() != Some(text))
        .collect();
    if !options.check {
        for (path, text) in &different {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(path, text)?;
        }
        println!(
            "libvirt {}: {} files, {} written",
            tree.version,
            files.len(),
            different.len()
        );
    } else if different.is_empty() {
        println!(
            "libvirt {}: {} files are as generated",
            tree.version,
            files.len()
        );
    } else {
        let names: Vec<_> = different
            .iter()
            .map(|(path, _)| path.display().to_string())
            .collect();
        return Err(format!("not as generated: {} (cargo xdrgen)", names.join(", ")).into());
    }
    Ok(())
}

fn compare_layouts(root: &Path, tree: &Tree) -> Result<(), Box<dyn Error>> {
    let (mut types, mut fields, mut values) = (0, 0, 0);
    for (source, model) in SOURCES.iter().zip(&tree.models) {
        let record = read(&root.join("src").join(source.layout))?;
        let agreement = layouts::compare(model, &record)
            .map_err(|differences| format!("{}:\n{}", source.layout, differences.join("\n")))?;
        types += agreement.types;
        fields += agreement.fields;
        values += agreement.values;
    }
    println!("layouts: {types} structs and unions, {fields} fields, {values} enum values agree");
    Ok(())
}
