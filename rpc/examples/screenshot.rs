//! Writes a picture of a domain's screen into a file: `screenshot URI DOMAIN FILE`.

use std::error::Error;
use std::process::ExitCode;

use drover_rpc::{Client, ConnectOptions, Uri};
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("screenshot: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [uri, name, path] = arguments.as_slice() else {
        return Err("usage: screenshot URI DOMAIN FILE".into());
    };
    let client = Client::connect(&Uri::resolve(uri)?, ConnectOptions::default()).await?;
    let (mime, mut picture) = client.domain(name).await?.screenshot(0).await?;
    let mut bytes = Vec::new();
    picture.read_to_end(&mut bytes).await?;
    tokio::fs::write(path, &bytes).await?;
    let mime = mime.unwrap_or_else(|| "of an unknown kind".to_owned());
    println!("{} bytes in {path}, {mime}", bytes.len());
    Ok(())
}
