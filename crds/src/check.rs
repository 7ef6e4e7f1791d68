//! What the API server checks, without one: types, bounds, patterns and names of fields, and then
//! the rules. Only what Drover's schemas use.

use kube_cel::Validator;
use regex::Regex;
use serde_json::Value;

/// What is wrong with an object, or with its change from `old`, each fault beginning with its path.
/// As in the API server the rules are looked at only when the structure is right.
#[must_use]
pub fn faults(schema: &Value, object: &Value, old: Option<&Value>) -> Vec<String> {
    let faults = structure(schema, object);
    if !faults.is_empty() {
        return faults;
    }
    match Validator::new().validate(schema, object, old) {
        Ok(()) => Vec::new(),
        Err(errors) => errors
            .into_vec()
            .into_iter()
            .map(|error| format!("{}: {}", error.field_path, error.message))
            .collect(),
    }
}

/// What is wrong with an object's structure.
#[must_use]
pub fn structure(schema: &Value, object: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    name(object, &mut faults);
    check("", schema, object, &mut faults);
    faults
}

// Every object's name is a DNS subdomain.
fn name(object: &Value, faults: &mut Vec<String>) {
    let label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    let pattern = Regex::new(&format!(r"^{label}(\.{label})*$"));
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if !pattern.is_ok_and(|pattern| pattern.is_match(name)) {
        faults.push(format!("metadata.name: {:?} is no name", name));
    }
}

fn check(path: &str, schema: &Value, value: &Value, faults: &mut Vec<String>) {
    let mut fault = |text: String| faults.push(format!("{}: {text}", path.trim_start_matches('.')));
    if schema["x-kubernetes-int-or-string"] == true {
        if !value.is_i64() && !value.is_string() {
            fault(format!("Invalid value: {value}"));
        }
        return text(schema, value, &mut fault);
    }
    let right = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    if !right {
        return fault(format!("Invalid value: {value}"));
    }
    text(schema, value, &mut fault);
    number(schema, value, &mut fault);
    match value {
        Value::Object(_) => object(path, schema, value, faults),
        Value::Array(items) => array(path, schema, items, faults),
        _ => {}
    }
}

fn text(schema: &Value, value: &Value, fault: &mut impl FnMut(String)) {
    let Some(text) = value.as_str() else { return };
    if let Some(pattern) = schema["pattern"].as_str()
        && !Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
    {
        fault(format!("Invalid value: {text:?}: should match {pattern}"));
    }
    let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    let least = schema["minLength"].as_u64().unwrap_or(0);
    let most = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
    if !(least..=most).contains(&length) {
        fault(format!("Invalid value: {text:?}: {least} to {most} long"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let allowed: Vec<_> = allowed.iter().map(Value::to_string).collect();
        let allowed = allowed.join(", ");
        fault(format!(
            "Unsupported value: {text:?}: supported values: {allowed}"
        ));
    }
}

fn number(schema: &Value, value: &Value, fault: &mut impl FnMut(String)) {
    let Some(number) = value.as_i64() else { return };
    // schemars writes bounds with a fraction for some types.
    let bound = |name: &str| schema[name].as_f64();
    if bound("minimum").is_some_and(|least| (number as f64) < least) {
        let least = &schema["minimum"];
        fault(format!(
            "Invalid value: {number}: should be greater than or equal to {least}"
        ));
    }
    if let Some(most) = bound("maximum").filter(|most| number as f64 > *most) {
        fault(format!(
            "Invalid value: {number}: should be less than or equal to {most}"
        ));
    }
}

fn object(path: &str, schema: &Value, value: &Value, faults: &mut Vec<String>) {
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap_or_default();
        if value[name].is_null() {
            let path = format!("{path}.{name}");
            faults.push(format!("{}: Required value", path.trim_start_matches('.')));
        }
    }
    let fields = schema["properties"].as_object();
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        // What stands beside the spec and the status is the API server's own.
        if !path.starts_with(".spec") && !path.starts_with(".status") {
            continue;
        }
        match fields.and_then(|fields| fields.get(name)) {
            Some(schema) => check(&path, schema, value, faults),
            None if schema["additionalProperties"].is_object() => {}
            None => faults.push(format!("{}: unknown field", path.trim_start_matches('.'))),
        }
    }
}

fn array(path: &str, schema: &Value, items: &[Value], faults: &mut Vec<String>) {
    if let Some(most) = schema["maxItems"].as_u64()
        && u64::try_from(items.len()).is_ok_and(|count| count > most)
    {
        let path = path.trim_start_matches('.');
        faults.push(format!("{path}: must have at most {most} items"));
    }
    let keys = schema["x-kubernetes-list-map-keys"].as_array();
    let keys = keys.map(Vec::as_slice).unwrap_or_default();
    let names = |item: &Value| -> Vec<Value> {
        let keys = keys.iter().filter_map(Value::as_str);
        keys.map(|key| item[key].clone()).collect()
    };
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let mut before = items[..index].iter();
        if !keys.is_empty() && before.any(|other| names(other) == names(item)) {
            let path = path.trim_start_matches('.');
            let names: Vec<String> = names(item).iter().map(Value::to_string).collect();
            faults.push(format!("{path}: Duplicate value: {}", names.join(", ")));
        }
        check(&path, &schema["items"], item, faults);
    }
}
