//! The client beside libvirt-python, on one server: the same question has the same answer, value or
//! error. `DROVER_TEST_LIBVIRT_URI` names the server, as `test+tcp://HOST/default`; its QEMU driver is
//! asked too.
//!
//! ```text
//! cargo test -p drover-rpc --test differential -- --ignored --nocapture
//! ```
//! Each procedure of the tables is asked about, or has its reason in `excused.rs`. Where Python is
//! missing libvirt's module, Debian's `python3-libvirt` is installed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod case;
mod cases;
mod excused;
mod objects;
mod peer;
mod plain;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use drover_rpc::proto::procedure::Kind;
use drover_rpc::proto::{lxc, qemu, remote};
use drover_rpc::{Client, ConnectOptions, Error};
use serde_json::{Value, json};

use case::{Case, Driver, Failed, Here, Likeness};
use excused::EXCUSED;
use peer::Peer;

#[tokio::test]
#[ignore = "needs a libvirtd, installs python3-libvirt: run by cargo lab test"]
async fn every_answer_is_that_of_libvirt_python() {
    peer::install();
    let test = std::env::var("DROVER_TEST_LIBVIRT_URI")
        .expect("DROVER_TEST_LIBVIRT_URI names the libvirtd to try");
    let qemu = test
        .replacen("test+", "qemu+", 1)
        .replace("/default", "/system");
    let uris = [(Driver::Test, &*test), (Driver::Qemu, &*qemu)];
    let mut peer = Peer::start(uris);
    let mut tally = Tally::default();
    for (driver, uri) in uris {
        let uri = uri.parse().unwrap();
        let client = Client::connect(&uri, ConnectOptions::default())
            .await
            .unwrap();
        objects::remove(&client).await;
        let objects = objects::make(&client, driver).await;
        let here = Arc::new(Here { client, objects });
        for case in cases::ALL.iter().copied().flatten() {
            if case.only.is_none_or(|only| only == driver) {
                tally.compare(&here, &mut peer, driver, case).await;
            }
        }
        objects::remove(&here.client).await;
    }
    tally.report();
}

/// What was found.
#[derive(Default)]
struct Tally {
    compared: BTreeSet<&'static str>,
    questions: usize,
    refusals: usize,
    different: Vec<String>,
}

impl Tally {
    async fn compare(&mut self, here: &Arc<Here>, peer: &mut Peer, driver: Driver, case: &Case) {
        let prepare = || async {
            if let Some(first) = &case.first {
                // It may be so already.
                first(Arc::clone(here)).await.ok();
            }
        };
        prepare().await;
        let ours = match (case.ask)(Arc::clone(here)).await {
            Ok(value) => json!({ "value": value }),
            Err(Failed::Rpc(error)) => refusal(&error),
            Err(Failed::Absent) => return,
        };
        prepare().await;
        let theirs = peer.ask(driver, case.python);
        self.questions += 1;
        self.refusals += usize::from(ours.get("error").is_some());
        self.compared.insert(case.procedure);
        if !alike(case.likeness, &ours, &theirs) {
            let (name, python) = (case.procedure, case.python);
            let driver = driver.name();
            let line = format!("{driver} {name} {python}\n    here  {ours}\n    there {theirs}");
            self.different.push(line);
        }
    }

    fn report(self) {
        let mut excused: BTreeMap<_, usize> = BTreeMap::new();
        let (mut calls, mut missing) = (0, Vec::new());
        for row in [remote::TABLE, qemu::TABLE, lxc::TABLE]
            .into_iter()
            .flatten()
        {
            if row.kind == Kind::Event {
                continue;
            }
            calls += 1;
            let reason = EXCUSED.iter().find(|(name, _)| *name == row.name);
            match (self.compared.contains(row.name), reason) {
                (true, None) => {}
                (false, Some((_, reason))) => *excused.entry(reason).or_default() += 1,
                (true, Some(_)) => panic!("{} is compared and excused", row.name),
                (false, None) => missing.push(row.name),
            }
        }
        let (compared, questions, refusals) = (self.compared.len(), self.questions, self.refusals);
        println!(
            "{compared} of {calls} calls compared by {questions} questions, {refusals} of which are refused"
        );
        println!("not compared: {excused:?}");
        let different = self.different.join("\n");
        assert!(
            self.different.is_empty(),
            "{} differ:\n{different}",
            self.different.len()
        );
        assert!(
            missing.is_empty(),
            "neither compared nor excused: {missing:?}"
        );
    }
}

fn alike(how: Likeness, ours: &Value, theirs: &Value) -> bool {
    let nothing = json!({ "value": null });
    match how {
        // Python tells that all went well as 0.
        _ if *ours == nothing => *theirs == nothing || *theirs == json!({ "value": 0 }),
        Likeness::Same => ours == theirs,
        Likeness::Shape => shape(ours) == shape(theirs),
        Likeness::Code => {
            let number = |side: &Value| side["error"][0].clone();
            ours == theirs || number(ours).is_number() && number(ours) == number(theirs)
        }
        Likeness::Silent => ours == theirs || ours.get("error").is_some() && *theirs == nothing,
    }
}

fn refusal(error: &Error) -> Value {
    let Some(error) = error.libvirt() else {
        return json!({ "broken": error.to_string() });
    };
    let message = error.message.as_ref().map(ToString::to_string);
    json!({ "error": [error.code, error.domain, message] })
}

/// The value without its numbers.
fn shape(value: &Value) -> Value {
    match value {
        Value::Number(_) => json!(0),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Object(map) => {
            let pairs = map.iter().map(|(name, value)| (name.clone(), shape(value)));
            Value::Object(pairs.collect())
        }
        other => other.clone(),
    }
}
