//! A herd through all weathers, by the client.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::time::Duration;

use drover_herd::{Control, Driver, Herd, Options, Order, Sky};
use drover_rpc::{Client, ConnectOptions, Keepalive};

const XML: &str = "<domain type='test'><name>a</name><memory>1024</memory>\
    <os><type>hvm</type></os></domain>";

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("drover-herd-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

async fn connect(options: &Options, host: usize) -> Result<Client, drover_rpc::Error> {
    let uri = options.uri(host).parse().unwrap();
    let connect = ConnectOptions {
        keepalive: Some(Keepalive {
            interval: Duration::from_millis(50),
            count: 2,
        }),
        ..ConnectOptions::default()
    };
    Client::connect(&uri, connect).await
}

async fn told(options: &Options, order: Order) -> drover_herd::Counts {
    let control = Control::at(&options.control());
    let told = tokio::task::spawn_blocking(move || control.tell(order));
    told.await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn daemons_that_go_come_back_with_their_domains() {
    let folder = Folder::new("refusing");
    let options = Options::new(&folder.0, 3, Driver::Test);
    let _herd = Herd::start(&options).unwrap();
    let clients = [0, 1, 2].map(|host| connect(&options, host));
    let clients = futures::future::try_join_all(clients).await.unwrap();
    let made = clients[1].domain_define_xml_flags(XML, 0).await;
    made.unwrap();
    told(&options, Order::Sky(Sky::Refusing)).await;
    for client in &clients {
        client.closed().await;
    }
    // The socket is closed a moment later than the connections may be.
    while connect(&options, 1).await.is_ok() {}
    let counts = told(&options, Order::Take).await;
    assert!(counts.taken() >= 3 && counts.most_in_a_second() >= 3);
    assert_eq!(counts.calls["DOMAIN_DEFINE_XML_FLAGS"], 1);
    told(&options, Order::Sky(Sky::Fair)).await;
    let again = loop {
        if let Ok(client) = connect(&options, 1).await {
            break client;
        }
    };
    assert_eq!(told(&options, Order::Look).await.taken(), 1);
    assert!(again.domain_lookup_by_name("a").await.is_ok());
    let other = connect(&options, 2).await;
    let found = match other {
        Ok(other) => other.domain_lookup_by_name("a").await,
        Err(error) => Err(error),
    };
    assert!(found.is_err(), "it is on one host");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_cut_says_nothing() {
    let folder = Folder::new("silent");
    let options = Options::new(&folder.0, 1, Driver::Qemu);
    let herd = Herd::start(&options).unwrap();
    let client = connect(&options, 0).await.unwrap();
    herd.set_sky(Sky::Silent);
    let reason = client.closed().await;
    assert_eq!(reason, drover_rpc::proto::CloseReason::Keepalive);
    herd.set_sky(Sky::Fair);
    assert!(connect(&options, 0).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_says_which_calls_are_lost() {
    let folder = Folder::new("seed");
    let mut lost = Vec::new();
    for _ in 0..2 {
        let mut options = Options::new(&folder.0, 1, Driver::Qemu);
        options.weather.seed = 7;
        options.weather.lost_calls = 0.02;
        options.weather.read_ms = 0.1;
        let _herd = Herd::start(&options).unwrap();
        let mut ends = Vec::new();
        for _ in 0..5 {
            let Ok(client) = connect(&options, 0).await else {
                ends.push(None);
                continue;
            };
            let mut calls = 0;
            while client.connect_get_lib_version().await.is_ok() {
                calls += 1;
            }
            ends.push(Some(calls));
        }
        lost.push(ends);
    }
    assert_eq!(lost[0], lost[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_lacks_is_refused() {
    let folder = Folder::new("lacks");
    let options = Options::new(&folder.0, 1, Driver::Qemu);
    let _herd = Herd::start(&options).unwrap();
    let client = connect(&options, 0).await.unwrap();
    let stats = client.node_get_free_memory().await;
    assert!(stats.unwrap_err().not_supported());
    let wrong = "qemu+unix:///session?socket=".to_owned();
    let wrong = format!("{wrong}{}", options.socket(0).display());
    let opened = Client::connect(&wrong.parse().unwrap(), ConnectOptions::default()).await;
    assert!(opened.is_err());
}
