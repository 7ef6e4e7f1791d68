//! Reads a volume into a file: `download URI POOL VOLUME FILE`.

use std::error::Error;
use std::process::ExitCode;

use drover_rpc::{Client, ConnectOptions, Uri};
use tokio::io::AsyncWriteExt;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("download: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [uri, pool, name, path] = arguments.as_slice() else {
        return Err("usage: download URI POOL VOLUME FILE".into());
    };
    let client = Client::connect(&Uri::resolve(uri)?, ConnectOptions::default()).await?;
    let volume = client.storage_pool(pool).await?.volume(name).await?;
    // A length of 0 is all there is.
    let mut download = volume.download(0, 0).await?;
    let mut file = tokio::fs::File::create(path).await?;
    let count = tokio::io::copy(&mut download, &mut file).await?;
    file.flush().await?;
    println!("{count} bytes in {path}");
    Ok(())
}
