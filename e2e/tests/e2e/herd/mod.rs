//! The herd's answers beside those of a real libvirtd to the same calls.

mod domains;
mod hosts;
mod stores;
mod talk;

use drover_e2e::Lab;
use drover_e2e::hosts::Host;
use drover_herd::{Driver, Herd, Options};
use tokio::runtime::Runtime;

use self::talk::Talk;

async fn said(uri: &str, driver: &'static str) -> Vec<String> {
    let mut talk = Talk::with(uri, driver).await;
    hosts::live(&mut talk).await;
    domains::live(&mut talk).await;
    stores::live(&mut talk).await;
    talk.said()
}

fn compare(real: &str, driver: Driver, word: &'static str) {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let folder = Lab::find().unwrap().state().join(format!("herd-{word}"));
        let options = Options::new(&folder, 1, driver);
        let herd = Herd::start(&options).unwrap();
        let ours = said(&options.uri(0), word).await;
        drop(herd);
        std::fs::remove_dir_all(&folder).unwrap();
        let theirs = said(real, word).await;
        let all = ours.len().max(theirs.len());
        let line = |of: &[String], at: usize| of.get(at).cloned().unwrap_or_default();
        let differ = (0..all).filter(|at| ours.get(*at) != theirs.get(*at));
        // One that is missing shifts all that come after it.
        let differ: Vec<String> = differ
            .take(10)
            .map(|at| format!("herd {}\nreal {}", line(&ours, at), line(&theirs, at)))
            .collect();
        assert!(differ.is_empty(), "{word}:\n{}", differ.join("\n"));
        println!("{word}: {all} answers are the same");
    });
}

#[test]
#[ignore = "needs the lab"]
fn the_herd_answers_as_qemu_does() {
    compare(&Host::standard(2).uri(), Driver::Qemu, "qemu");
}

#[test]
#[ignore = "needs the lab"]
fn the_herd_answers_as_the_test_driver_does() {
    let address = Host::standard(2).address();
    let real = format!("test+tcp://{address}/default");
    compare(&real, Driver::Test, "test");
}
