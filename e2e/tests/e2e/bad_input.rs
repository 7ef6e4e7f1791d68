//! The API server itself refuses what is wrong, in words that help, and takes what is right.

use std::path::PathBuf;

use drover_e2e::operator;

use crate::support::World;

const IGNORE: &str = "--ignore-not-found";

fn folder(world: &World, name: &str) -> Vec<PathBuf> {
    let folder = world.lab.root().join("e2e/tests").join(name);
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    files.sort();
    files
}

/// A change is tried on an object that is really there; nobody is to act on it.
fn without_operator(work: impl FnOnce(&World) -> Vec<String>) {
    let world = World::new();
    operator::stop(&world.lab).unwrap();
    let wrong = work(&world);
    operator::start(&world.lab).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn refused_with_field_value_and_what_is_allowed() {
    without_operator(|world| {
        let files = folder(world, "bad-input");
        println!("{} files", files.len());
        let check = |file: &PathBuf| {
            let text = std::fs::read_to_string(file).unwrap();
            let words = text.lines().next().unwrap_or_default();
            let words = words.strip_prefix("# expect: ").unwrap();
            let said = refusal(world, &text);
            let as_expected = said.as_ref().is_err_and(|said| said.contains(words));
            (!as_expected).then(|| format!("{}: {words}: {said:?}", file.display()))
        };
        files.iter().filter_map(check).collect()
    });
}

/// What the API server says to the file's object, or to the change from the first to the second.
fn refusal(world: &World, text: &str) -> Result<String, String> {
    let objects: Vec<_> = text.split("---\n").collect();
    let tried = ["apply", "--server-side", "--dry-run=server", "-f", "-"];
    let Some((last, first)) = objects.split_last() else {
        return Ok(String::new());
    };
    for object in first {
        world.apply(object);
    }
    let said = world.try_kubectl(&tried, last);
    for object in first {
        world.delete(object);
    }
    said
}

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn what_is_right_is_taken() {
    without_operator(|world| {
        let mut wrong = Vec::new();
        for file in folder(world, "good-input") {
            let text = std::fs::read_to_string(&file).unwrap();
            for object in text.split("---\n") {
                // Applied for good: a later one of the file may be its change.
                let words = ["apply", "--server-side", "-f", "-"];
                if let Err(said) = world.try_kubectl(&words, object) {
                    wrong.push(format!("{}: {said}", file.display()));
                }
            }
            world
                .try_kubectl(&["delete", IGNORE, "-f", "-"], &text)
                .unwrap();
        }
        wrong
    });
}
