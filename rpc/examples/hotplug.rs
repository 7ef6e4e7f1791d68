//! Plugs a disk into a domain, or out of it again: `hotplug URI DOMAIN attach|detach PATH TARGET`.

use std::error::Error;
use std::process::ExitCode;

use drover_rpc::flags::DomainDeviceModifyFlags;
use drover_rpc::{Client, ConnectOptions, Uri};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hotplug: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [uri, name, verb, path, target] = arguments.as_slice() else {
        return Err("usage: hotplug URI DOMAIN attach|detach PATH TARGET".into());
    };
    let client = Client::connect(&Uri::resolve(uri)?, ConnectOptions::default()).await?;
    let domain = client.domain(name).await?;
    let path = path
        .replace('&', "&amp;")
        .replace('\'', "&apos;")
        .replace('<', "&lt;");
    let xml = format!(
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/>\
         <source file='{path}'/><target dev='{target}' bus='virtio'/></disk>"
    );
    // Of a domain that is off the definition changes, of a running one what runs.
    let flags = DomainDeviceModifyFlags::empty();
    match verb.as_str() {
        "attach" => domain.attach_device(&xml, flags).await?,
        // A running guest lets go when it likes: the event DEVICE_REMOVED says so.
        "detach" => domain.detach_device(&xml, flags).await?,
        other => return Err(format!("{other}: attach or detach").into()),
    }
    println!("{verb}ed {target}: {domain}");
    Ok(())
}
