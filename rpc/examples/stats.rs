//! What domains use: `stats URI [DOMAIN]`.

use std::error::Error;
use std::process::ExitCode;

use drover_rpc::flags::{ConnectGetAllDomainStatsFlags, DomainStatsTypes};
use drover_rpc::{Client, ConnectOptions, Uri};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stats: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let uri = arguments.next().ok_or("usage: stats URI [DOMAIN]")?;
    let uri = Uri::resolve(&uri)?;
    let client = Client::connect(&uri, ConnectOptions::default()).await?;
    // No groups named are all groups.
    let groups = DomainStatsTypes::empty();
    let flags = ConnectGetAllDomainStatsFlags::empty();
    let all = match arguments.next() {
        Some(name) => {
            let domain = client.domain(&name).await?;
            client.domain_stats_of(&[domain], groups, flags).await?
        }
        None => client.domain_stats(groups, flags).await?,
    };
    for stats in all {
        let info = stats.domain.info().await?;
        let values = stats.values;
        let state = values.state.map(|state| state.to_string());
        println!("{}: {}", stats.domain, state.unwrap_or_default());
        println!(
            "  cpu        {:?} on {} virtual CPUs",
            info.cpu_time, info.vcpus
        );
        println!("  memory     {} of {} KiB", info.memory, info.max_memory);
        for block in values.blocks {
            let name = block.name.unwrap_or_default();
            let (read, written) = (block.read_bytes, block.write_bytes);
            println!("  disk {name}: {read:?} bytes read, {written:?} written");
        }
        for interface in values.interfaces {
            let name = interface.name.unwrap_or_default();
            let (received, sent) = (interface.rx_bytes, interface.tx_bytes);
            println!("  net {name}: {received:?} bytes received, {sent:?} sent");
        }
        if !values.other.is_empty() {
            println!("  {}", values.other);
        }
    }
    Ok(())
}
