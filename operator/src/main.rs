//! `drover`: the operator, and the same without a cluster.

#![forbid(unsafe_code)]

use std::io::IsTerminal;
use std::process::ExitCode;

use drover::config::{Cli, Command};
use drover::{app, cli};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let command = Cli::of_program().command;
    // What a person asks for is answered on the output; the log has only what goes wrong.
    let log = match &command {
        Command::Operator(args) => args.log.clone(),
        _ => std::env::var("DROVER_LOG").unwrap_or_else(|_| "off".to_owned()),
    };
    let filter = EnvFilter::try_new(&log).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let ended = match command {
        Command::Operator(args) => {
            return match app::run(args).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    tracing::error!(%error, "ended");
                    ExitCode::FAILURE
                }
            };
        }
        Command::Plan(args) => cli::plan(&args).await,
        Command::Diff(args) => cli::diff(&args).await,
        Command::Apply(args) => cli::apply(&args).await,
        Command::Delete(args) => cli::delete(&args).await,
        Command::Get(args) => cli::get(&args).await,
        Command::Import(args) => cli::import(&args).await,
        Command::Render(args) => cli::render(&args),
        Command::Schedule(args) => cli::schedule(&args).await,
        Command::Console(args) => cli::console(&args).await,
        Command::Image(command) => cli::image(&command).await,
        Command::Net(command) => cli::net(&command).await,
    };
    ended.unwrap_or_else(|error| {
        eprintln!("drover: {error}");
        ExitCode::FAILURE
    })
}
