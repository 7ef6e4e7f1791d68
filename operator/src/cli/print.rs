//! Plans, for people and for programs.

use std::fmt::Write as _;
use std::io::IsTerminal;

use drover_core::observed::domain::DomainState;
use drover_core::plan::changes::Change;
use drover_core::plan::machine::{Fate, Step};
use drover_crds::condition::Reason;
use serde_json::{Value, json};

use crate::controllers::machine::foresight::{Foreseen, Sketch};

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    /// It gets its mark, and is left as it is.
    TakeOver,
    Make,
    Change,
    Refuse,
}

impl Action {
    pub(super) fn sign(self) -> char {
        match self {
            Self::Nothing | Self::TakeOver => '=',
            Self::Make => '+',
            Self::Change => '~',
            Self::Refuse => '!',
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::TakeOver => "take over",
            Self::Make => "make",
            Self::Change => "change",
            Self::Refuse => "refuse",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Nothing | Self::TakeOver => "",
            Self::Make => "\x1b[32m",
            Self::Change => "\x1b[33m",
            Self::Refuse => "\x1b[31m",
        }
    }
}

/// What becomes of one object on one host.
#[derive(Debug, Clone)]
pub(super) struct Item {
    kind: &'static str,
    namespace: String,
    name: String,
    host: String,
    /// How it is there now; empty, if it is not.
    pub(super) state: &'static str,
    pub(super) action: Action,
    pub(super) message: String,
    changes: Vec<(Change, Fate)>,
    pub(super) steps: Vec<String>,
    hash: Option<String>,
}

impl Item {
    pub(super) fn new(kind: &'static str, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            host: String::new(),
            state: "",
            action: Action::Nothing,
            message: String::new(),
            changes: Vec::new(),
            steps: Vec::new(),
            hash: None,
        }
    }

    pub(super) fn on(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    pub(super) fn refused(mut self, message: String) -> Self {
        (self.action, self.message) = (Action::Refuse, message);
        self
    }

    pub(super) fn volume(mut self, there: bool, volume: &Sketch) -> Self {
        match (there, volume.existing) {
            (true, _) => self.state = "Present",
            (false, true) => {
                let words = format!(
                    "there is no volume {} in pool {}",
                    volume.in_pool, volume.pool
                );
                (self.action, self.message) = (Action::Refuse, words);
            }
            (false, false) => {
                (self.action, self.message) = (Action::Make, volume.capacity.clone());
            }
        }
        self
    }

    pub(super) fn machine(mut self, foreseen: &Foreseen) -> Self {
        self.state = foreseen.state.map_or("", DomainState::as_str);
        self.steps = foreseen.steps.iter().map(word).collect();
        self.changes.clone_from(&foreseen.plan.changes);
        self.hash.clone_from(&foreseen.plan.hash);
        let stalled = foreseen.plan.verdict.reason.also().contains(&"Stalled");
        let differs = !self.changes.is_empty() || !self.steps.is_empty();
        self.action = match (foreseen.state.is_some(), differs) {
            _ if stalled && self.changes.is_empty() => Action::Refuse,
            (false, _) if self.steps.is_empty() => Action::Nothing,
            (false, _) => Action::Make,
            (true, true) if foreseen.is_only_marked() => Action::TakeOver,
            (true, true) => Action::Change,
            (true, false) => Action::Nothing,
        };
        if self.action == Action::TakeOver {
            "it is taken over as it is".clone_into(&mut self.message);
        }
        let told = matches!(
            foreseen.plan.verdict.reason,
            Reason::PlanNeedsApproval | Reason::CrashLoopBackOff
        );
        if self.action == Action::Refuse || told {
            self.message.clone_from(&foreseen.plan.verdict.message);
        }
        self
    }

    pub(super) fn rank(&self) -> u8 {
        match self.kind {
            "StoragePool" => 0,
            "Network" => 1,
            "Volume" => 2,
            _ => 3,
        }
    }

    pub(super) fn title(&self) -> String {
        let name = match self.namespace.as_str() {
            "" => self.name.clone(),
            namespace => format!("{namespace}/{}", self.name),
        };
        match self.host.as_str() {
            "" => format!("{} {name}", self.kind),
            host => format!("{} {name} on {host}", self.kind),
        }
    }

    fn text(&self, colours: bool) -> String {
        let paint = |action: Action, text: String| match colours && !action.colour().is_empty() {
            true => format!("{}{text}\x1b[0m", action.colour()),
            false => text,
        };
        let mut first = format!("{} {}", self.action.sign(), self.title());
        if !self.message.is_empty() {
            // Writing to a string does not fail.
            let _ = write!(first, ": {}", self.message);
        }
        let mut text = format!("{}\n", paint(self.action, first));
        for (change, fate) in &self.changes {
            let (action, words) = change_words(change, *fate);
            let sign = action.sign();
            let line = format!("  {sign} {change}   {words}");
            text.push_str(&paint(action, line));
            text.push('\n');
        }
        if !self.steps.is_empty() {
            let _ = writeln!(text, "    steps: {}", self.steps.join(", "));
        }
        if let Some(hash) = &self.hash {
            let _ = writeln!(text, "    hash: {hash}");
        }
        text
    }

    /// What it is, how it is, and what is to be done.
    pub(super) fn row(&self) -> [&str; 6] {
        let (kind, state, todo) = (self.kind, self.state, self.action.word());
        [kind, &self.namespace, &self.name, &self.host, state, todo]
    }

    fn json(&self) -> Value {
        let changes = self.changes.iter().map(|(change, fate)| {
            json!({
                "path": change.path,
                "from": change.from,
                "to": change.to,
                "class": change.class.as_str(),
                "fate": format!("{fate:?}"),
                "reason": change.reason,
            })
        });
        json!({
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "host": self.host,
            "state": self.state,
            "action": self.action.word(),
            "message": self.message,
            "changes": changes.collect::<Vec<_>>(),
            "steps": self.steps,
            "hash": self.hash,
        })
    }
}

fn change_words(change: &Change, fate: Fate) -> (Action, String) {
    let class = change.class.as_str();
    match fate {
        Fate::Made => (Action::Change, class.to_owned()),
        Fate::Written => (
            Action::Change,
            format!("{class}: written, {}", change.reason),
        ),
        Fate::Waits => (
            Action::Change,
            format!("{class}: waits, spec.update does not let it be made unasked"),
        ),
        Fate::Refused => (
            Action::Refuse,
            format!("{class}: refused, {}", change.reason),
        ),
        Fate::Reported => (Action::Refuse, format!("{class}: drift, only told")),
    }
}

fn word(step: &Step) -> String {
    match step {
        Step::Create { .. } | Step::Define { .. } => "define".to_owned(),
        Step::Record { .. } => "mark".to_owned(),
        Step::Change(change) => format!("change {}", change.path),
        Step::ClearAutostart => "clear autostart".to_owned(),
        Step::Start { paused: true } => "start paused".to_owned(),
        Step::Shutdown(_) => "shut down".to_owned(),
        Step::Destroy => "power off".to_owned(),
        Step::RemoveMark => "remove the mark".to_owned(),
        other => other.name().to_lowercase(),
    }
}

/// What becomes of everything.
#[derive(Debug, Clone, Default)]
pub(super) struct Plans {
    pub(super) items: Vec<Item>,
}

impl Plans {
    /// Whether nothing changes.
    pub(super) fn is_empty(&self) -> bool {
        let unchanged = [Action::Nothing, Action::TakeOver];
        self.items
            .iter()
            .all(|item| unchanged.contains(&item.action))
    }

    /// Whether there is nothing to do.
    pub(super) fn is_done(&self) -> bool {
        self.items.iter().all(|item| item.action == Action::Nothing)
    }

    pub(super) fn text(&self, colours: bool) -> String {
        let open = self.items.iter().filter(|it| it.action != Action::Nothing);
        let mut text: String = open.map(|item| item.text(colours)).collect();
        let count = |action| self.items.iter().filter(|it| it.action == action).count();
        if self.is_empty() {
            let _ = writeln!(
                text,
                "Everything is as declared: {} objects.",
                self.items.len()
            );
        } else {
            let _ = writeln!(
                text,
                "{} to make, {} to change, {} refused, {} as declared.",
                count(Action::Make),
                count(Action::Change),
                count(Action::Refuse),
                count(Action::Nothing)
            );
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        json!({"objects": self.items.iter().map(Item::json).collect::<Vec<_>>()})
    }
}

/// Whether the output is a terminal that likes colours.
pub(super) fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
