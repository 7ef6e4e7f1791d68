//! How fast the operator is, with a real API server and real libvirtds.
//!
//! ```text
//! cargo build --release -p drover
//! cargo bench -p drover-e2e --bench operator -- \
//!     [machines | qemu | images | cached | overhead | restart | fill | healing] [HOW MANY]
//! ```
//! The lab has to be up. Its operator gives its place to the release build, and gets it back.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

// What it reads is more than is needed here.
#[allow(dead_code)]
#[path = "../../tests/e2e/support/audit.rs"]
mod audit;
mod cached;
mod daemons;
mod figures;
mod fill;
mod fleet;
mod healing;
mod herd;
mod images;
mod lines;
mod machines;
mod overhead;
mod qemu;
mod raw;
mod restart;
mod subject;
mod usage;

use drover_e2e::Lab;

fn main() {
    if std::env::args()
        .nth(1)
        .is_some_and(|word| word == herd::WORD)
    {
        herd::be();
    } else {
        measure();
    }
}

#[tokio::main]
async fn measure() {
    // cargo adds `--bench`.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let count = words.iter().find_map(|word| word.parse().ok());
    let wanted = |name: &str| {
        let mut names = words.iter().filter(|word| word.parse::<usize>().is_err());
        words.is_empty() || names.clone().next().is_none() || names.any(|word| word == name)
    };
    let lab = Lab::find().expect("the project's folder");
    figures::place();
    if wanted("machines") {
        println!("\n## machines\n");
        figures::print(&machines::run(&lab, count).await);
    }
    if wanted("qemu") {
        println!("\n## qemu\n");
        figures::print(&qemu::run(&lab, count).await);
    }
    if wanted("images") {
        println!("\n## images\n");
        figures::print(&images::run(&lab, count).await);
    }
    if wanted("cached") {
        println!("\n## cached\n");
        figures::print(&cached::run(&lab, count).await);
    }
    if wanted("overhead") {
        println!("\n## overhead\n");
        overhead::run(&lab).await;
    }
    if wanted("restart") {
        println!("\n## restart\n");
        restart::run(&lab, count).await;
    }
    if wanted("fill") {
        println!("\n## fill\n");
        figures::print(&fill::run(&lab, count).await);
    }
    if wanted("healing") {
        println!("\n## healing\n");
        figures::print(&healing::run(&lab, count).await);
    }
}
