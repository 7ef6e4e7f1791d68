//! `kubectl explain` has words for every field, and `kubectl get` columns that read well.

use serde_json::Value;

use crate::support::World;

const KINDS: [&str; 5] = [
    "hosts",
    "storagepools",
    "networks",
    "volumes",
    "virtualmachines",
];

#[test]
#[ignore = "needs the lab: run by cargo lab test"]
fn every_field_has_words() {
    let world = World::new();
    let mut wrong = Vec::new();
    for kind in KINDS {
        let path =
            format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{kind}.drover.dev");
        let definition = world.get_path(&path).unwrap();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        for part in ["spec", "status"] {
            let fields = &schema["properties"][part];
            wordless(&format!("{kind}.{part}"), fields, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "without words: {wrong:?}");
    let said = world.kubectl(&["explain", "virtualmachine.spec.disks"]);
    println!("{said}");
    for words in ["bootOrder", "volumeTemplate", "DESCRIPTION"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(!said.contains("<no description>"), "{said}");
}

/// Kubernetes' own condition and selector come with their words.
fn wordless(path: &str, schema: &Value, wrong: &mut Vec<String>) {
    if schema["description"]
        .as_str()
        .unwrap_or_default()
        .is_empty()
    {
        wrong.push(path.to_owned());
    }
    let below = if schema["items"].is_object() {
        &schema["items"]
    } else {
        schema
    };
    for (name, field) in below["properties"].as_object().into_iter().flatten() {
        wordless(&format!("{path}.{name}"), field, wrong);
    }
}
