//! The list of all types that `xdrgen` has generated, read from what it wrote, so that a type that is
//! new there is tried here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let generated = Path::new("../proto/src/generated");
    println!("cargo::rerun-if-changed={}", generated.display());
    let mut types = Vec::new();
    for module in folders(generated)? {
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        let mut found = Vec::new();
        for file in std::fs::read_dir(&module)? {
            found.extend(types_in(&std::fs::read_to_string(file?.path())?));
        }
        found.sort();
        types.extend(found.into_iter().map(|ty| format!("{name}::{ty}")));
    }
    let mut list = String::from("&[\n");
    for ty in &types {
        // A string takes any write.
        writeln!(list, "Type::of::<drover_rpc_proto::{ty}>(\"{ty}\"),").ok();
    }
    list.push(']');
    let out = std::env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    std::fs::write(out.join("types.rs"), list)
}

fn folders(parent: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries: Result<Vec<_>, _> = std::fs::read_dir(parent)?.collect();
    let mut folders: Vec<_> = entries?.into_iter().map(|entry| entry.path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    Ok(folders)
}

fn types_in(source: &str) -> impl Iterator<Item = String> {
    let parts = source.split("impl drover_xdr::Decode for ").skip(1);
    parts.filter_map(|rest| Some(rest.split_whitespace().next()?.to_owned()))
}
