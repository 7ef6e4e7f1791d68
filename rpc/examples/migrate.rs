//! Moves a running domain to another host, and shows how far it is:
//! `migrate FROM-URI TO-URI DOMAIN [tcp://ADDRESS]`. Ctrl-C cancels it.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use drover_rpc::flags::DomainMigrateFlags;
use drover_rpc::migrate::MigrationOptions;
use drover_rpc::{Client, ConnectOptions, Uri};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("migrate: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, name, address @ ..] = arguments.as_slice() else {
        return Err("usage: migrate FROM-URI TO-URI DOMAIN [tcp://ADDRESS]".into());
    };
    let from = Client::connect(&Uri::resolve(from)?, ConnectOptions::default()).await?;
    let to = Client::connect(&Uri::resolve(to)?, ConnectOptions::default()).await?;
    let mut options = MigrationOptions::new(DomainMigrateFlags::LIVE);
    if let Some(address) = address.first() {
        options = options.uri(address);
    }
    let migration = from
        .domain(name)
        .await?
        .begin_migration(&to, options)
        .await?;
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    while !migration.is_finished() {
        tokio::select! {
            _ = tick.tick() => {}
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                migration.cancel();
            }
        }
        // There is no job before it begins and after it has ended.
        if let Ok(job) = migration.progress().await {
            eprint!(
                "\r{} of {} KiB sent ",
                job.data_processed >> 10,
                job.data_total >> 10
            );
        }
    }
    eprintln!();
    let moved = migration.wait().await?;
    println!("{}: {}", moved.domain, moved.domain.status().await?);
    if let Some(error) = moved.unconfirmed {
        eprintln!("a paused leftover may be at the source: {error}");
    }
    Ok(())
}
