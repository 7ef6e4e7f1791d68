//! All ways into a real host: `DROVER_TEST_HOST` is its address, `DROVER_TEST_HOST_ROOT` its root file
//! system as it is seen from here, such as `/proc/PID/root`, and `DROVER_TEST_PKI` a folder of
//! certificates. The lab's hosts are made for it; see
//! `e2e/src/hosts/init.sh` for the three SSH servers, the agent and the user "drover".

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alive;
mod local;
mod polkit;
mod ssh;
mod tls;

use std::path::PathBuf;

use drover_rpc::{Client, ConnectOptions, Credentials, Error};

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} says which host to try"))
}

fn address() -> String {
    variable("DROVER_TEST_HOST")
}

/// A file of the host.
fn file(path: &str) -> PathBuf {
    PathBuf::from(variable("DROVER_TEST_HOST_ROOT")).join(path)
}

fn read(path: &str) -> String {
    let file = file(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn options(credentials: Credentials) -> ConnectOptions {
    ConnectOptions {
        credentials: Credentials {
            only_given: true,
            ..credentials
        },
        ..ConnectOptions::default()
    }
}

async fn connect(uri: &str, options: ConnectOptions) -> Result<Client, Error> {
    let connected = Client::connect(&uri.parse().unwrap(), options).await;
    match &connected {
        Ok(client) => println!("{uri}: libvirt {}", client.library_version().await.unwrap()),
        Err(error) => println!("{uri}: {error}"),
    }
    connected
}
