//! How the result is told: as tables of Markdown.

use std::fmt::Display;
use std::process::Command;

use drover_rpc::Client;

use crate::common::peers;

/// The middle one; not a number if there are none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    part(values, 0.5)
}

/// The value below which this part of all values is.
pub(crate) fn part(values: impl IntoIterator<Item = f64>, part: f64) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * part).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// The median of one client's values through the other's, taken in the same round.
pub(crate) fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    median(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs))
}

/// The head of a table.
pub(crate) fn head(columns: &[&str]) {
    row(columns);
    println!("|{}", "---|".repeat(columns.len()));
}

/// A line of a table.
pub(crate) fn row<T: Display>(cells: &[T]) {
    let cells: Vec<String> = cells.iter().map(T::to_string).collect();
    println!("| {} |", cells.join(" | "));
}

/// What a number has to be.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
    /// It is shown for comparison.
    Nothing,
}

/// A number and what it has to be.
pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) measured: f64,
    pub(crate) wanted: Wanted,
}

/// Says of each target whether it is met.
pub(crate) fn verdicts(targets: &[Target]) {
    println!();
    head(&["target", "measured", "wanted", ""]);
    for target in targets {
        let measured = target.measured;
        let told = |met| if met { "met" } else { "MISSED" };
        let (wanted, verdict) = match target.wanted {
            Wanted::AtLeast(bound) => (format!("at least {bound}"), told(measured >= bound)),
            Wanted::AtMost(bound) => (format!("at most {bound}"), told(measured <= bound)),
            Wanted::Nothing => (String::new(), ""),
        };
        let verdict = if measured.is_nan() {
            "not measured"
        } else {
            verdict
        };
        let measured = format!("{measured:.2}");
        row(&[&target.what, &measured, &wanted, verdict]);
    }
}

/// Says when, on what and beside what is measured.
pub(crate) async fn place(client: &Client) {
    let server = client.library_version().await.unwrap();
    let (major, minor, patch) = (server / 1_000_000, server / 1_000 % 1_000, server % 1_000);
    let file = |path| std::fs::read_to_string(path).unwrap_or_default();
    let processors = file("/proc/cpuinfo");
    let models: Vec<&str> = processors
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, model)| model)
        .collect();
    println!(
        "{}, {} x {}, Linux {}, load average {}",
        said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        models.len(),
        models.first().unwrap_or(&"unknown"),
        file("/proc/sys/kernel/osrelease").trim(),
        file("/proc/loadavg").split(' ').next().unwrap_or_default(),
    );
    let library = peers::version("libvirt0").unwrap_or_else(|| "none".to_owned());
    println!(
        "libvirtd {major}.{minor}.{patch}, libvirt.so {library}, {}\n",
        said("rustc", &["--version"])
    );
}

/// The first line that a command prints.
fn said(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    let output = output.map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&output);
    text.lines().next().unwrap_or_default().to_owned()
}
