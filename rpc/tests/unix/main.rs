//! A real libvirtd with QEMU, named by `DROVER_TEST_UNIX_URI`: its unix socket, such as
//! `qemu+unix:///system?socket=/run/libvirt/libvirt-sock`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fds;

use drover_rpc::{Client, ConnectOptions, Uri};

fn uri() -> Uri {
    let text = std::env::var("DROVER_TEST_UNIX_URI")
        .expect("DROVER_TEST_UNIX_URI names the libvirtd to try, by its unix socket");
    text.parse().expect("DROVER_TEST_UNIX_URI is a URI")
}

async fn connect(options: ConnectOptions) -> Client {
    Client::connect(&uri(), options).await.unwrap()
}
