//! Numbers, what they have to be, and how that is told: as a table of Markdown.

use std::time::Duration;

/// A number and the most, or the least, that it may be.
pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) measured: f64,
    pub(crate) unit: &'static str,
    pub(crate) most: Option<f64>,
    pub(crate) least: Option<f64>,
}

impl Target {
    /// A number that has to stay below a bound.
    pub(crate) fn new(what: &str, measured: f64, unit: &'static str, most: f64) -> Self {
        let most = Some(most);
        Self {
            what: what.to_owned(),
            measured,
            unit,
            most,
            least: None,
        }
    }

    /// A number that has to stay above a bound.
    pub(crate) fn least(what: &str, measured: f64, unit: &'static str, least: f64) -> Self {
        Self {
            least: Some(least),
            ..Self::shown(what, measured, unit)
        }
    }

    /// A number that is shown for comparison.
    pub(crate) fn shown(what: &str, measured: f64, unit: &'static str) -> Self {
        Self {
            most: None,
            ..Self::new(what, measured, unit, 0.0)
        }
    }
}

/// Says of each target whether it is met.
pub(crate) fn print(targets: &[Target]) {
    println!("\n| target | measured | wanted | |\n|---|---|---|---|");
    for target in targets {
        let Target {
            what,
            measured,
            unit,
            ..
        } = target;
        let (wanted, met) = match (target.most, target.least) {
            (Some(most), _) => (format!("at most {most} {unit}"), *measured <= most),
            (None, Some(least)) => (format!("at least {least} {unit}"), *measured >= least),
            (None, None) => (String::new(), true),
        };
        let verdict = match (wanted.is_empty(), met) {
            (true, _) => "",
            (false, true) => "met",
            (false, false) => "MISSED",
        };
        println!("| {what} | {measured:.1} {unit} | {wanted} | {verdict} |");
    }
    println!();
}

/// The part of these times below which so much of them is, in milliseconds.
pub(crate) fn part(times: &[Duration], part: f64) -> f64 {
    let mut sorted: Vec<Duration> = times.to_vec();
    sorted.sort();
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * part).round() as usize;
    sorted
        .get(at)
        .map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
}

/// Says when and on what is measured.
pub(crate) fn place() {
    let file = |path| std::fs::read_to_string(path).unwrap_or_default();
    let processors = file("/proc/cpuinfo");
    let mut models = processors
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, model)| model);
    let first = models.next().unwrap_or("unknown");
    println!(
        "{} x {first}, Linux {}, {}",
        models.count() + 1,
        file("/proc/sys/kernel/osrelease").trim(),
        load(),
    );
}

/// What else the machine has had to do of late.
pub(crate) fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "load average {}",
        load.split(' ').next().unwrap_or_default()
    )
}
