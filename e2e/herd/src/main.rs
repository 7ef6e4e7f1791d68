//! `herd`: a herd of simulated hosts, until it is ended.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use drover_herd::{Herd, Options};

fn main() -> ExitCode {
    match Herd::run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("herd: {error}");
            ExitCode::FAILURE
        }
    }
}
