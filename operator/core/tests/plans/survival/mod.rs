//! For any definition that libvirt may have, and whatever is declared: what Drover does not model is
//! still there, in its place and byte for byte, and what was changed once is not changed again.

mod domains;
mod machines;
mod owned;
mod sprinkle;
mod tree;

use drover_core::definition::{create, update};
use drover_core::desired::machine::DesiredMachine;
use drover_core::fields::{Shape, Site};
use drover_core::observed::domain::Definition;
use drover_core::plan::changes::{Change, differences};

use self::tree::Tree;
use super::dice::Dice;
use super::given;

/// So many machines, each made another one.
const CASES: u64 = 2_000;

struct Case {
    xml: String,
    kept: Vec<&'static str>,
    desired: DesiredMachine,
    site: Site,
    // Of ten changes so many are let happen.
    allowed: usize,
}

fn case(base: &DesiredMachine, seed: u64) -> Case {
    let mut dice = Dice::new(seed);
    let first = match dice.once_in(2) {
        true => {
            let (before, site) = machines::machine(base, &mut dice);
            create(&before, &site, &before.mark(1))
        }
        false => dice.pick(&domains::DOMAINS).to_owned(),
    };
    let (xml, kept) = sprinkle::sprinkle(&first, &mut dice);
    let (desired, site) = machines::machine(base, &mut dice);
    let allowed = dice.pick(&[10, 10, 10, 5]);
    Case {
        xml,
        kept,
        desired,
        site,
        allowed,
    }
}

fn open(wanted: &Shape, site: &Site, xml: &str) -> Result<Vec<Change>, String> {
    let found = Definition::parse(xml).map_err(|error| error.to_string())?;
    Ok(differences(wanted, site, &found, false))
}

fn check(case: &Case) -> Result<(), String> {
    let Case {
        xml, desired, site, ..
    } = case;
    let wanted = Shape::of(desired, site);
    let before = open(&wanted, site, xml)?;
    // Always the same of all paths.
    let lets = |path: &str| path.bytes().map(usize::from).sum::<usize>() % 10 < case.allowed;
    let refused = |change: &Change| change.class.is_refused() || !lets(&change.path);
    let stays: Vec<_> = before
        .iter()
        .filter(|it| refused(it))
        .map(|it| it.path.clone())
        .collect();

    let made = update(xml, &wanted, site, &desired.mark(2), lets).map_err(|it| it.to_string())?;
    let left = open(&wanted, site, &made.xml)?;
    let news: Vec<_> = left.iter().filter(|it| !stays.contains(&it.path)).collect();
    if !news.is_empty() {
        return Err(format!("it still differs: {news:?}"));
    }
    let again =
        update(&made.xml, &wanted, site, &desired.mark(2), lets).map_err(|it| it.to_string())?;
    if (again.xml != made.xml) || !again.changed.is_empty() {
        return Err(format!(
            "the second time it changes: {:?}\n{}",
            again.changed, again.xml
        ));
    }
    for piece in &case.kept {
        if !made.xml.contains(piece) {
            return Err(format!("it is gone: {piece}"));
        }
    }
    let mac_of = |name: &str| {
        let mut all = desired.interfaces.iter();
        all.find(|nic| nic.name == name).map(|nic| nic.mac.clone())
    };
    let rest = |xml: &str| owned::without(&made.changed, &Tree::parse(xml), &mac_of).to_string();
    let (mut before, mut after) = (rest(xml), rest(&made.xml));
    if !xml.contains("type='scsi'") && !xml.contains("type=\"scsi\"") {
        // A bus that was not there needs its controller.
        (before, after) = (without_scsi(&before), without_scsi(&after));
    }
    let mut pairs = before.lines().zip(after.lines());
    match pairs.find(|(old, new)| old != new) {
        Some((old, new)) => Err(format!("it was{old}\nand is{new}\nfor {:?}", made.changed)),
        None if before.len() != after.len() => Err(format!(
            "it ends otherwise: {:?}\n{before}{after}",
            made.changed
        )),
        None => Ok(()),
    }
}

fn without_scsi(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.contains("controller type=\"scsi\""));
    lines.map(|line| format!("{line}\n")).collect()
}

// What is wrong with these, each with its seed and its definition.
fn wrong(base: &DesiredMachine, seeds: impl Iterator<Item = u64>) -> Vec<(String, u64, String)> {
    let checked = seeds.filter_map(|seed| {
        let case = case(base, seed);
        check(&case).err().map(|error| (error, seed, case.xml))
    });
    checked.collect()
}

// `DROVER_CASES` makes it look for longer.
#[allow(clippy::disallowed_methods)]
#[test]
fn what_drover_does_not_model_survives_every_update() {
    let more = std::env::var("DROVER_CASES")
        .ok()
        .and_then(|it| it.parse().ok());
    let cases: u64 = more.unwrap_or(CASES);
    let base = &given::machine();
    let mut all = std::thread::scope(|scope| {
        let threads =
            [0, 1, 2, 3].map(|first| scope.spawn(move || wrong(base, (first..cases).step_by(4))));
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    // The shortest tells most.
    all.sort_by_key(|(error, _, xml)| (xml.len(), error.len()));
    if let Some((error, seed, xml)) = all.first() {
        panic!(
            "{} of {cases} cases; seed {seed}: {error}\n\n{xml}",
            all.len()
        );
    }
}
