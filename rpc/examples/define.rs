//! Defines the domain of an XML file, and starts it: `define URI FILE`.

use std::error::Error;
use std::process::ExitCode;

use drover_rpc::flags::{DomainCreateFlags, DomainDefineFlags};
use drover_rpc::{Client, ConnectOptions, Uri};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("define: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [uri, path] = arguments.as_slice() else {
        return Err("usage: define URI FILE".into());
    };
    let xml = tokio::fs::read_to_string(path).await?;
    let client = Client::connect(&Uri::resolve(uri)?, ConnectOptions::default()).await?;
    let domain = client
        .define_domain(&xml, DomainDefineFlags::VALIDATE)
        .await?;
    match domain.start(DomainCreateFlags::empty()).await {
        Ok(()) => {}
        // It runs already: its new definition waits for the next start.
        Err(error) if error.invalid_state() => eprintln!("{error}"),
        Err(error) => return Err(error.into()),
    }
    println!("{domain} {}: {}", domain.uuid(), domain.status().await?);
    Ok(())
}
