//! What every definition must have, whatever it says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use drover_crds::schema::{definitions, yaml};
use serde_json::Value;

// Calls `look` with every schema below `schema` and its path.
fn walk(path: &str, schema: &Value, look: &mut dyn FnMut(&str, &Value)) {
    look(path, schema);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), field, look);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            walk(&format!("{path}[]"), &schema[inner], look);
        }
    }
}

// Every schema that is wrong, by `wrong`.
fn every(wrong: impl Fn(&str, &Value) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (file, definition) in definitions() {
        let definition = serde_json::to_value(definition).unwrap();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        walk(&file, schema, &mut |path, schema| {
            if wrong(path, schema) {
                found.push(path.to_owned());
            }
        });
    }
    found
}

#[test]
fn every_field_has_words() {
    let without = every(|path, schema| {
        !path.ends_with("[]")
            && schema["description"]
                .as_str()
                .unwrap_or_default()
                .is_empty()
    });
    // The API server has words of its own for an object's metadata.
    let without: Vec<_> = without
        .into_iter()
        .filter(|path| !path.ends_with(".yaml.metadata"))
        .collect();
    assert!(without.is_empty(), "no description: {without:#?}");
}

#[test]
fn no_number_is_unsigned_or_has_a_fraction() {
    let wrong = every(|_, schema| {
        schema["type"] == "number"
            || schema["format"]
                .as_str()
                .is_some_and(|format| format.starts_with("uint") || format == "double")
    });
    assert!(wrong.is_empty(), "not for an API: {wrong:#?}");
}

// Without bounds a rule that looks at a field is over the API server's cost budget.
#[test]
fn every_field_of_a_spec_is_bounded() {
    let wrong = every(|path, schema| {
        let ours = path.contains(".yaml.spec") && !path.contains("elector");
        let text =
            schema["type"] == "string" && schema["enum"].is_null() && schema["maxLength"].is_null();
        let list = schema["type"] == "array" && schema["maxItems"].is_null();
        let number = schema["type"] == "integer"
            && (schema["minimum"].is_null() || schema["maximum"].is_null());
        ours && (text || list || number)
    });
    assert!(wrong.is_empty(), "no bound: {wrong:#?}");
}

// Who wrote each field of them is otherwise kept with every object.
#[test]
fn what_is_listed_in_a_status_is_owned_whole() {
    let wrong = every(|path, schema| {
        let whole = schema["items"]["x-kubernetes-map-type"] == "atomic";
        let named = schema["x-kubernetes-list-type"] == "map";
        named && whole != path.contains(".yaml.status")
    });
    assert!(wrong.is_empty(), "owned by its fields: {wrong:#?}");
}

#[test]
fn lists_of_named_things_are_maps() {
    let wrong = every(|_, schema| {
        schema["type"] == "array"
            && !schema["items"]["properties"]["name"].is_null()
            && schema["x-kubernetes-list-type"] != "map"
    });
    assert!(wrong.is_empty(), "not a map: {wrong:#?}");
}

#[test]
fn each_has_a_status_an_age_and_the_category() {
    for (file, definition) in definitions() {
        let definition = serde_json::to_value(definition).unwrap();
        let version = &definition["spec"]["versions"][0];
        // An InstanceType is only looked up.
        let stands_alone = file == "instancetypes.yaml";
        assert_eq!(
            version["subresources"]["status"].is_object(),
            !stands_alone,
            "{file}"
        );
        let columns: Vec<_> = version["additionalPrinterColumns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        assert_eq!(columns.contains(&"Ready"), !stands_alone, "{file}");
        assert_eq!(columns.last(), Some(&"Age"), "{file}");
        let names = &definition["spec"]["names"];
        assert_eq!(names["categories"][0], "drover", "{file}");
        assert!(names["shortNames"][0].is_string(), "{file}");
    }
}

#[test]
fn the_committed_definitions_are_the_generated_ones() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/drover/files/crds");
    for (file, definition) in definitions() {
        let committed = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
        assert_eq!(
            committed,
            yaml(&definition).unwrap(),
            "{file}: cargo crdgen"
        );
    }
}
