//! `xdrgen`: writes, or checks, what is generated from libvirt's protocol files.

#![forbid(unsafe_code)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use drover_xdrgen::fetch;
use drover_xdrgen::layouts;
use drover_xdrgen::libvirt::{SOURCES, Tree, read};

/// Generates the Rust of libvirt's RPC protocol.
#[derive(Debug, Parser)]
struct Options {
    /// Compare with what is committed, and fail if it differs, instead of writing.
    #[arg(long)]
    check: bool,
    /// A libvirt source tree; without it Debian's source package is fetched.
    #[arg(long)]
    tree: Option<PathBuf>,
    /// The folder `rpc` of the project.
    #[arg(long, default_value = "rpc")]
    out: PathBuf,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xdrgen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let root = match &options.tree {
        Some(tree) => tree.clone(),
        None => fetch::source_tree()?,
    };
    let tree = Tree::read(&root)?;
    compare_layouts(&root, &tree)?;
    let files = tree.files();
    let different: Vec<_> = files
        .iter()
        .map(|(path, text)| (options.out.join(path), text))
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
