//! Connects the terminal with a domain's console: `console URI DOMAIN`. Ctrl-C, or the end of the
//! input, ends it.

use std::error::Error;

use drover_rpc::flags::DomainConsoleFlags;
use drover_rpc::{Client, ConnectOptions, Uri};
use tokio::io::{AsyncWriteExt, copy, split, stdin, stdout};

#[tokio::main]
async fn main() {
    let failed = match run().await {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("console: {error}");
            1
        }
    };
    // Reading the terminal cannot be interrupted, and is not waited for.
    std::process::exit(failed);
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(uri), Some(name)) = (arguments.next(), arguments.next()) else {
        return Err("usage: console URI DOMAIN".into());
    };
    let client = Client::connect(&Uri::resolve(&uri)?, ConnectOptions::default()).await?;
    let domain = client.domain(&name).await?;
    // FORCE takes the console from whoever has it.
    let console = domain.open_console(None, DomainConsoleFlags::FORCE).await?;
    let (mut from, mut to) = split(console);
    let (mut input, mut output) = (stdin(), stdout());
    tokio::select! {
        ended = copy(&mut from, &mut output) => ended?,
        ended = copy(&mut input, &mut to) => ended?,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            0
        }
    };
    // Without this word libvirtd 11.3 may never do anything again.
    from.unsplit(to).shutdown().await?;
    Ok(())
}
