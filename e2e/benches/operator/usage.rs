//! Who had how much of the processors.

use std::time::{Duration, Instant};

use drover_e2e::{Lab, operator, process};

/// What each process has had so far.
pub(crate) struct Usage {
    at: Instant,
    of: Vec<(&'static str, Duration)>,
}

impl Usage {
    /// Now. A process that does not run has had nothing.
    pub(crate) fn now(lab: &Lab, herd: i32) -> Self {
        let named = |name| process::running(lab, name).unwrap_or_default();
        let own = i32::try_from(std::process::id()).expect("an id");
        let of = [
            ("the operator", named(operator::NAME)),
            ("the API server", named("kube-apiserver")),
            ("etcd", named("etcd")),
            ("the controller manager", named("kube-controller-manager")),
            ("the herd", herd),
            ("the benchmark", own),
        ];
        Self {
            at: Instant::now(),
            of: of.map(|(name, pid)| (name, cpu(pid))).into(),
        }
    }

    /// Prints what each has had since then.
    pub(crate) fn print_since(&self, before: &Self, what: &str) {
        let wall = self.at.duration_since(before.at).as_secs_f64();
        println!("\n| {what} | processor time | of a core |\n|---|---|---|");
        for ((name, now), (_, then)) in self.of.iter().zip(&before.of) {
            let had = now.saturating_sub(*then).as_secs_f64();
            println!("| {name} | {had:.1} s | {:.0} % |", had / wall * 100.0);
        }
    }
}

/// The processor time that a process has had, by the scheduler's clock.
pub(crate) fn cpu(pid: i32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}
