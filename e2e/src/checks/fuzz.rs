//! The fuzz targets of the RPC client, each for a number of inputs that is the same in each run.

use super::run::{Run, cargo};
use crate::command::run_shown;
use crate::error::Error;
use crate::places::Lab;

/// The targets, and how many inputs each gets: a few seconds' worth.
const TARGETS: [(&str, u32); 8] = [
    ("decode", 40_000),
    ("errors", 300_000),
    ("frames", 100_000),
    ("operations", 5_000),
    ("params", 200_000),
    ("uris", 100_000),
    ("wire", 20_000),
    ("xdrgen", 10_000),
];

/// Builds all and runs each. By hand one is run for longer: see `rpc/fuzz/src/lib.rs`.
pub(super) fn all(run: &mut Run<'_>) {
    run.check("format of the fuzz targets", |lab| {
        in_fuzz(lab, &["fmt", "--check"])
    });
    let tests = ["test", "-q", "--release", "--test", "types"];
    run.check("every type with any bytes", |lab| in_fuzz(lab, &tests));
    for (target, inputs) in TARGETS {
        run.check(&format!("fuzz {target}"), |lab| fuzz(lab, target, inputs));
    }
}

fn fuzz(lab: &Lab, target: &str, inputs: u32) -> Result<(), Error> {
    // What is found goes into a folder that is new: the seeds stay as they are, and each run does the
    // same.
    let found = lab.root().join("target/fuzz/found").join(target);
    let renew = || {
        if found.exists() {
            std::fs::remove_dir_all(&found)?;
        }
        std::fs::create_dir_all(&found)
    };
    renew().map_err(|error| Error::file(&found, error))?;
    let runs = format!("-runs={inputs}");
    let prefix = format!("-artifact_prefix={}/crash-", found.display());
    let seeds = format!("seeds/{target}");
    let found = found.display().to_string();
    let words = ["run", "-q", "--release", "--bin", target, "--", "-seed=1"];
    let options = [
        runs.as_str(),
        &prefix,
        "-print_final_stats=1",
        "-verbosity=0",
    ];
    in_fuzz(
        lab,
        &[&words[..], &options, &[found.as_str(), &seeds]].concat(),
    )
}

/// Cargo in the folder of the targets, which has a workspace and flags of its own.
fn in_fuzz(lab: &Lab, words: &[&str]) -> Result<(), Error> {
    let mut command = cargo(lab, words);
    command.current_dir(lab.root().join("rpc/fuzz"));
    if run_shown(&mut command)?.success() {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "cargo {} failed in rpc/fuzz",
        words.join(" ")
    )))
}
