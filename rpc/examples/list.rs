//! Lists the domains of a host: `list [URI]`.

use std::error::Error;
use std::process::ExitCode;

use drover_rpc::flags::ConnectListAllDomainsFlags;
use drover_rpc::{Client, ConnectOptions, Uri};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("list: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    // A name of libvirt.conf will do, and none is the default.
    let uri = Uri::resolve(&std::env::args().nth(1).unwrap_or_default())?;
    let client = Client::connect(&uri, ConnectOptions::default()).await?;
    println!("{:36}  {:>5}  {:30}  STATE", "UUID", "ID", "NAME");
    for domain in client.domains(ConnectListAllDomainsFlags::empty()).await? {
        let status = match domain.status().await {
            Ok(status) => status.to_string(),
            // It went away since it was listed.
            Err(error) if error.not_found() => continue,
            Err(error) => return Err(error.into()),
        };
        let id = domain.id().map_or("-".to_owned(), |id| id.to_string());
        println!("{}  {id:>5}  {domain:30}  {status}", domain.uuid());
    }
    Ok(())
}
