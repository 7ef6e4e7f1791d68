//! Prints what happens to domains: `watch URI [COUNT]`, which ends after so many events.

use std::error::Error;
use std::process::ExitCode;

use drover_rpc::enums::DomainEventID;
use drover_rpc::objects::LifecycleEvent;
use drover_rpc::proto::remote::Event;
use drover_rpc::{Client, ConnectOptions, Notice, Uri};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("watch: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let uri = arguments.next().ok_or("usage: watch URI [COUNT]")?;
    let uri = Uri::resolve(&uri)?;
    let mut left: usize = arguments.next().map_or(Ok(usize::MAX), |n| n.parse())?;
    let client = Client::connect(&uri, ConnectOptions::default()).await?;
    let mut events = client.domain_events(DomainEventID::LIFECYCLE).await?;
    eprintln!("listening");
    while left > 0 {
        match events.next().await {
            Some(Notice::Event(event)) => {
                if let Event::DomainEventCallbackLifecycle(message) = &*event {
                    let happened = LifecycleEvent::from(&message.msg);
                    println!("{}: {happened}", message.msg.dom.name);
                    left -= 1;
                }
            }
            // This program was too slow: what it believes may be wrong, so that it lists again.
            Some(_) => println!("events were lost"),
            None => return Err(format!("the connection ended: {}", client.closed().await).into()),
        }
    }
    client.close().await?;
    Ok(())
}
