//! The operator is killed, or loses its connection, before and after each call that changes something
//! on a host and each write to the API server. Which these are is taken from a life in which nothing
//! happens to it. Each time that life comes to the same end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Instant;

use drover_rpc_proto::remote;

use crate::support::trigger::Point;
use crate::support::whole_life::{CHANGES, ELSEWHERE, READS, SPACE, live};
use crate::support::{Act, Between, Moment};

// A call by its procedure's name, a request by its method and its path: what is not of this life is
// somebody else's, and so are the Lease and the events.
fn changes(words: &str) -> bool {
    match words.split_once(' ') {
        None => !READS.contains(&words),
        Some((method, path)) => {
            let ours = path.contains(SPACE) || path.contains("/whole");
            method != "GET" && path.contains("/apis/drover.dev/") && ours
        }
    }
}

// All that is changed in a life, in which nothing happens.
fn recorded() -> &'static BTreeSet<Point> {
    static POINTS: OnceLock<BTreeSet<Point>> = OnceLock::new();
    POINTS.get_or_init(|| {
        let between = Between::new(SPACE);
        let start = Instant::now();
        between.trigger.record();
        live(&between.world);
        let trace = between.trigger.trace();
        println!("recorded in {:?}", start.elapsed());
        between.end();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for words in trace.into_iter().filter(|words| changes(words)) {
            *counts.entry(words).or_default() += 1;
        }
        println!("{counts:#?}");
        let called = counts.keys().filter(|words| !words.contains(' '));
        let called: Vec<_> = called.map(String::as_str).collect();
        assert_eq!(called, CHANGES, "what is called and what is known to be");
        let points = counts.into_iter().flat_map(|(words, count)| {
            (1..=count)
                .map(move |nth| (words.clone(), nth))
                .collect::<Vec<_>>()
        });
        points.collect()
    })
}

fn at_each(act: Act, moment: Moment) {
    let points = recorded().clone();
    let between = Between::new(SPACE);
    let start = Instant::now();
    let count = points.len();
    between
        .trigger
        .arm_each(points, moment, act, &between.api.kubeconfig);
    live(&between.world);
    let mut left = between.trigger.left();
    // That the record of a whole volume is there says it all: one that was stopped before its text was
    // written is not written again.
    left.retain(|(words, nth)| words != "STORAGE_VOL_UPLOAD" || *nth <= 2);
    println!(
        "{act:?} {moment:?} each of {count} in {:?}",
        start.elapsed()
    );
    assert!(left.is_empty(), "never came: {left:#?}");
    between.end();
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn killed_before_each_call_and_write() {
    at_each(Act::Kill, Moment::Before);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn killed_after_each_call_and_write() {
    at_each(Act::Kill, Moment::After);
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn the_reply_to_each_call_and_write_is_lost() {
    at_each(Act::Cut, Moment::After);
}

// Every name of a procedure in the operator's sources.
fn named_in(folder: &Path, names: &mut BTreeSet<&'static str>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named_in(&path, names);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let words = text.split(|it: char| !it.is_alphanumeric() && it != '_');
        let words: BTreeSet<_> = words.map(str::to_uppercase).collect();
        let known = remote::TABLE.iter().map(|row| row.name);
        names.extend(known.filter(|name| words.contains(*name)));
    }
}

#[test]
fn every_procedure_that_the_operator_names_is_known() {
    let operator = Path::new(env!("CARGO_MANIFEST_DIR")).join("../operator/src");
    let mut names = BTreeSet::new();
    named_in(&operator, &mut names);
    let lists = [&READS[..], &CHANGES[..], &ELSEWHERE[..]];
    let known = |name: &&&str| lists.iter().any(|list| list.contains(*name));
    let unknown: Vec<_> = names.iter().filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "in no list: {unknown:?}");
    let gone: Vec<_> = CHANGES.iter().filter(|it| !names.contains(*it)).collect();
    assert!(gone.is_empty(), "called by nobody: {gone:?}");
}
