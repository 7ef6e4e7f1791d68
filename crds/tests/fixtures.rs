//! The files of `e2e/tests/bad-input` are refused and those of `e2e/tests/good-input` are taken,
//! as far as that can be told without an API server. The end-to-end tests ask a real one.
//!
//! A file of bad input begins with `# expect: WORDS`: words of the refusal, as the API server says
//! it. A file with two objects is a change: the first is taken, and changing it into the second is
//! refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use drover_crds::check;
use drover_crds::schema::definitions;
use drover_crds::{
    ClusterImage, Host, Image, InstanceType, Network, StoragePool, VirtualMachine, Volume,
};
use serde_json::Value;

fn folder(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files
}

fn objects(text: &str) -> Vec<Value> {
    text.split("---\n")
        .map(|part| serde_saphyr::from_str(part).unwrap())
        .collect()
}

// The schema of an object, by its kind; none for a kind that is not Drover's.
fn schema(object: &Value) -> Option<Value> {
    definitions().into_iter().find_map(|(_, definition)| {
        let definition = serde_json::to_value(definition).unwrap();
        (definition["spec"]["names"]["kind"] == object["kind"])
            .then(|| definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone())
    })
}

// What is wrong with an object, or with its change.
fn faults(object: &Value, old: Option<&Value>) -> Vec<String> {
    let schema = schema(object).expect("a kind of Drover's");
    check::faults(&schema, object, old)
}

// Whether a fault is of the field that the API server's words begin with.
fn same_field(fault: &str, words: &str) -> bool {
    let field = |text: &str| {
        let text = text.split([':', ' ']).next().unwrap_or_default();
        text.trim_start_matches('.').to_owned()
    };
    let (fault, words) = (field(fault), field(words));
    !words.is_empty() && (fault == words || fault.starts_with(&format!("{words}[")))
}

#[test]
fn bad_input_is_refused() {
    let files = folder("e2e/tests/bad-input");
    assert!(files.len() > 100);
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let words = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# expect: "))
            .unwrap_or_else(|| panic!("{}: no `# expect: WORDS`", file.display()));
        let objects = objects(&text);
        let found = match objects.as_slice() {
            [object] => faults(object, None),
            [old, new] => {
                assert_eq!(faults(old, None), [""; 0], "{}", file.display());
                faults(new, Some(old))
            }
            _ => panic!("{}: one object or two", file.display()),
        };
        // The words of a message are the rule's own; those of a structural fault are the server's,
        // of which the field is compared.
        let said = found
            .iter()
            .any(|fault| fault.contains(words) || same_field(fault, words));
        if !said {
            wrong.push(format!("{}: {words}: {found:?}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// What the server stores is what the types read: nothing is lost and nothing stops a watch.
fn is_read_whole(object: &Value) {
    let text = object.to_string();
    let read = match object["kind"].as_str().unwrap() {
        "Host" => serde_json::from_str::<Host>(&text).map(serde_json::to_value),
        "InstanceType" => serde_json::from_str::<InstanceType>(&text).map(serde_json::to_value),
        "StoragePool" => serde_json::from_str::<StoragePool>(&text).map(serde_json::to_value),
        "Network" => serde_json::from_str::<Network>(&text).map(serde_json::to_value),
        "ClusterImage" => serde_json::from_str::<ClusterImage>(&text).map(serde_json::to_value),
        "Image" => serde_json::from_str::<Image>(&text).map(serde_json::to_value),
        "Volume" => serde_json::from_str::<Volume>(&text).map(serde_json::to_value),
        "VirtualMachine" => serde_json::from_str::<VirtualMachine>(&text).map(serde_json::to_value),
        kind => panic!("{kind}"),
    };
    contains(&read.unwrap().unwrap(), object, "");
}

// Defaults may come on top, and a number may have become the same amount in text.
fn contains(whole: &Value, part: &Value, path: &str) {
    match part {
        Value::Object(fields) => {
            for (name, field) in fields {
                contains(&whole[name], field, &format!("{path}.{name}"));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                contains(&whole[index], item, &format!("{path}[{index}]"));
            }
        }
        Value::Number(number) if whole.is_string() => {
            assert_eq!(whole, &Value::String(number.to_string()), "{path}");
        }
        _ => assert_eq!(whole, part, "{path}"),
    }
}

#[test]
fn good_input_is_taken() {
    let files = folder("e2e/tests/good-input");
    assert!(files.len() > 5);
    for file in files {
        let objects = objects(&std::fs::read_to_string(&file).unwrap());
        for (index, object) in objects.iter().enumerate() {
            let same = |old: &&Value| old["metadata"]["name"] == object["metadata"]["name"];
            let old = objects[..index].iter().find(same);
            assert_eq!(faults(object, old), [""; 0], "{}", file.display());
            is_read_whole(object);
        }
    }
}

#[test]
fn the_examples_are_taken() {
    let folders = ["first-machine", "first-boot", "images", "networks"];
    let folders = folders.map(|name| folder(&format!("docs/examples/{name}")));
    for file in folders.concat() {
        let sum = "0".repeat(64);
        let text = std::fs::read_to_string(&file).unwrap();
        for object in objects(&text.replace("${GUEST_SHA256}", &sum)) {
            if object["apiVersion"] == "drover.dev/v1alpha1" {
                assert_eq!(faults(&object, None), [""; 0], "{}", file.display());
                is_read_whole(&object);
            }
        }
    }
}
