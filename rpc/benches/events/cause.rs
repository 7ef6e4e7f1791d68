//! Has libvirtd make events at a steady rate.

use std::time::Duration;

use drover_rpc::{Client, ConnectOptions, Uri};
use tokio::time::{Instant, sleep_until};

use crate::common::one_thread;
use crate::{EVENTS, RATE, stamp};

const CONNECTIONS: usize = 4;
/// As many as libvirtd takes of a connection.
const AT_A_TIME: usize = 4;
/// `VIR_DOMAIN_METADATA_ELEMENT`: the one that has a namespace.
const ELEMENT: i32 = 2;

pub(crate) fn run(uri: &str) {
    let uri: Uri = uri.parse().unwrap();
    one_thread().block_on(async {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let options = ConnectOptions {
                reserved: 0,
                ..ConnectOptions::default()
            };
            clients.push(Client::connect(&uri, options).await.unwrap());
        }
        let start = Instant::now();
        let workers = CONNECTIONS * AT_A_TIME;
        let tasks: Vec<_> = (0..workers)
            .map(|worker| {
                let client = clients[worker % CONNECTIONS].clone();
                tokio::spawn(work(client, worker, workers, start))
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

// Every event has its time. Who is late does not wait, so that a slow moment is made up for.
async fn work(client: Client, first: usize, step: usize, start: Instant) {
    let domain = client.domain_lookup_by_name("test").await.unwrap();
    for number in (first..EVENTS).step_by(step) {
        sleep_until(start + Duration::from_secs(1) * number as u32 / RATE as u32).await;
        let namespace = stamp::write(number, stamp::now());
        // What is not there is removed: the domain stays as it is, and yet this is an event.
        let key = Some("bench".into());
        let uri = Some(namespace.as_str().into());
        let domain = domain.clone();
        let changed = client.domain_set_metadata(domain, ELEMENT, None, key, uri, 0);
        changed.await.unwrap();
    }
}
