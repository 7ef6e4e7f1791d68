//! Writes a file into a volume, and shows how far it is: `upload URI POOL VOLUME FILE`. A volume that
//! is not there is made.

use std::error::Error;
use std::process::ExitCode;

use drover_rpc::flags::StorageVolCreateFlags;
use drover_rpc::{Client, ConnectOptions, Uri};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("upload: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [uri, pool, name, path] = arguments.as_slice() else {
        return Err("usage: upload URI POOL VOLUME FILE".into());
    };
    let mut file = tokio::fs::File::open(path).await?;
    let size = file.metadata().await?.len();
    let client = Client::connect(&Uri::resolve(uri)?, ConnectOptions::default()).await?;
    let pool = client.storage_pool(pool).await?;
    let volume = match pool.volume(name).await {
        Err(error) if error.not_found() => {
            let xml = format!(
                "<volume><name>{name}</name><capacity unit='bytes'>{size}</capacity></volume>"
            );
            pool.create_volume(&xml, StorageVolCreateFlags::empty())
                .await?
        }
        found => found?,
    };
    let mut upload = volume.upload(0, size).await?;
    let mut buffer = vec![0; 256 << 10];
    while upload.left() > 0 {
        let count = file.read(&mut buffer).await?;
        if count == 0 {
            return Err(format!("{path} has become shorter").into());
        }
        upload.write_all(&buffer[..count]).await?;
        eprint!("\r{:3} %", (size - upload.left()) * 100 / size);
    }
    // Before this there is no certainty that anything is on disk.
    upload.finish().await?;
    eprintln!();
    println!("{size} bytes in {}", volume.path().await?);
    Ok(())
}
