//! `crdgen`: writes, or checks, the definitions of the custom resources.

#![forbid(unsafe_code)]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use drover_crds::schema::{definitions, yaml};

/// Generates the definitions of Drover's custom resources.
#[derive(Debug, Parser)]
struct Options {
    /// Compare with what is committed, and fail if it differs, instead of writing.
    #[arg(long)]
    check: bool,
    /// The folder of the definitions.
    #[arg(long, default_value = "charts/drover/files/crds")]
    out: PathBuf,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crdgen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let definitions = definitions();
    let count = definitions.len();
    let mut different = Vec::new();
    for (name, definition) in definitions {
        let (path, text) = (options.out.join(name), yaml(&definition)?);
        if std::fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            different.push((path, text));
        }
    }
    if !options.check {
        std::fs::create_dir_all(&options.out)?;
        for (path, text) in &different {
            std::fs::write(path, text)?;
        }
        println!("{count} definitions, {} written", different.len());
    } else if different.is_empty() {
        println!("{count} definitions are as generated");
    } else {
        let names: Vec<_> = different
            .iter()
            .map(|(path, _)| path.display().to_string())
            .collect();
        return Err(format!("not as generated: {} (cargo crdgen)", names.join(", ")).into());
    }
    Ok(())
}
