//! Callers on many threads, inside and outside of the connection's runtime.

use std::thread;

use drover_rpc::{Client, ConnectOptions};
use tokio::runtime::Builder;

use super::alone;
use super::server::{Death, Plan, Server};

const TASKS: usize = 32;
const CALLS: usize = 300;

/// Every call is answered, whoever writes it.
async fn call(client: Client) {
    for _ in 0..CALLS {
        assert_eq!(client.connect_get_lib_version().await, Ok(0));
    }
}

#[test]
fn callers_on_many_threads_are_all_answered() {
    let _alone = alone();
    for tcp in [false, true] {
        let server = Server::start(Plan {
            tcp,
            death: Death::Close,
            after: usize::MAX,
        });
        let runtime = Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .unwrap();
        let uri = server.uri().parse().unwrap();
        let options = ConnectOptions::default();
        let client = runtime.block_on(Client::connect(&uri, options)).unwrap();
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| runtime.spawn(call(client.clone())))
            .collect();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| futures::executor::block_on(call(client.clone())));
            }
        });
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
        runtime.block_on(client.close()).unwrap();
        drop((client, runtime));
        server.stop();
    }
}

#[test]
fn a_call_that_outlives_its_runtime_is_told_so() {
    let _alone = alone();
    let server = Server::start(Plan {
        tcp: false,
        death: Death::Silence,
        after: 4,
    });
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let uri = server.uri().parse().unwrap();
    let options = ConnectOptions::default();
    let client = runtime.block_on(Client::connect(&uri, options)).unwrap();
    thread::scope(|scope| {
        let call = scope.spawn(|| futures::executor::block_on(client.connect_get_lib_version()));
        runtime.shutdown_background();
        let error = call.join().unwrap().unwrap_err();
        assert!(error.connection_lost(), "{error:?}");
    });
    assert!(client.is_closed());
    server.stop();
}
