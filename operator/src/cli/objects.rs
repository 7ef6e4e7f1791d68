//! The objects of a command without a cluster: kept in memory, behind the same interface as an API
//! server, so that what works on them is the same in both.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

/// An object's place: its plural, its namespace (empty for one of the cluster) and its name.
pub(super) type Place = (String, String, String);

/// What is answered to a request.
pub(super) type Answer = Result<Value, StatusCode>;

/// One change, as a watch tells it.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// The version of the objects after it.
    pub(super) version: u64,
    /// The plural of the object.
    pub(super) plural: String,
    /// ADDED, MODIFIED or DELETED.
    pub(super) kind: &'static str,
    /// The object.
    pub(super) object: Value,
}

/// The objects.
#[derive(Debug, Default)]
pub(super) struct Objects {
    state: Mutex<State>,
    /// Wakes watches.
    pub(super) changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<Place, Value>,
    version: u64,
    changes: Vec<Change>,
}

impl Objects {
    /// No objects.
    #[must_use]
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let done = work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_waiters();
        done
    }

    /// The object at a place.
    pub(super) fn get(&self, place: &Place) -> Answer {
        self.with(|state| state.objects.get(place).cloned())
            .ok_or(StatusCode::NOT_FOUND)
    }

    /// All objects of a kind, in one namespace or in all, and the version that this is.
    #[must_use]
    pub(super) fn list(&self, plural: &str, namespace: &str) -> (Vec<Value>, u64) {
        self.with(|state| {
            let all = state.objects.iter();
            let chosen = all.filter(|((kind, within, _), _)| {
                kind == plural && (namespace.is_empty() || namespace == within)
            });
            (
                chosen.map(|(_, object)| object.clone()).collect(),
                state.version,
            )
        })
    }

    /// What has changed of a kind after a version.
    #[must_use]
    pub(super) fn changes(&self, plural: &str, after: u64) -> Vec<Change> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen = state.changes.iter();
        chosen
            .filter(|change| change.version > after && change.plural == plural)
            .cloned()
            .collect()
    }

    /// Makes an object. Its UID is the same in every run, as its namespace and its name are.
    pub(super) fn create(&self, place: Place, mut object: Value) -> Answer {
        self.with(|state| {
            if state.objects.contains_key(&place) {
                return Err(StatusCode::CONFLICT);
            }
            let (plural, namespace, name) = &place;
            let identity = format!("{plural}/{namespace}/{name}");
            let uid = Uuid::new_v5(&Uuid::NAMESPACE_OID, identity.as_bytes());
            let meta = &mut object["metadata"];
            meta["uid"] = uid.to_string().into();
            meta["generation"] = 1.into();
            meta["creationTimestamp"] = jiff::Timestamp::now().to_string().into();
            Ok(state.put(place, object, "ADDED"))
        })
    }

    /// Changes an object by a patch of server-side apply, or by a merge patch.
    pub(super) fn patch(&self, place: &Place, status: bool, apply: bool, patch: &Value) -> Answer {
        self.with(|state| {
            let old = state.objects.get(place).ok_or(StatusCode::NOT_FOUND)?;
            let meta = &patch["metadata"];
            for name in ["uid", "resourceVersion"] {
                if !meta[name].is_null() && meta[name] != old["metadata"][name] {
                    return Err(StatusCode::CONFLICT);
                }
            }
            let mut new = old.clone();
            if status {
                new["status"] = patch["status"].clone();
            } else if apply {
                add_finalizers(&mut new, &meta["finalizers"]);
            } else {
                let mut patch = patch.clone();
                if let Some(meta) = patch.get_mut("metadata").and_then(Value::as_object_mut) {
                    meta.remove("resourceVersion");
                }
                merge(&mut new, &patch);
            }
            if new == *old {
                return Ok(new);
            }
            Ok(state.put_or_end(place, new))
        })
    }

    /// Deletes an object: at once, or when its last finalizer is gone.
    pub(super) fn delete(&self, place: &Place) {
        self.with(|state| state.delete(place));
    }
}

impl State {
    fn put(&mut self, place: Place, mut object: Value, kind: &'static str) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.changes.push(Change {
            version: self.version,
            plural: place.0.clone(),
            kind,
            object: object.clone(),
        });
        match kind {
            "DELETED" => self.objects.remove(&place),
            _ => self.objects.insert(place, object.clone()),
        };
        object
    }

    // An object that is being deleted ends with its last finalizer, and then what it owns.
    fn put_or_end(&mut self, place: &Place, object: Value) -> Value {
        let deleted = !object["metadata"]["deletionTimestamp"].is_null();
        let held = object["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|all| !all.is_empty());
        if !deleted || held {
            return self.put(place.clone(), object, "MODIFIED");
        }
        let uid = object["metadata"]["uid"].clone();
        let ended = self.put(place.clone(), object, "DELETED");
        let owned: Vec<Place> = self
            .objects
            .iter()
            .filter(|(_, object)| {
                let owners = object["metadata"]["ownerReferences"].as_array();
                owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == uid))
            })
            .map(|(place, _)| place.clone())
            .collect();
        for place in owned {
            self.delete(&place);
        }
        ended
    }

    fn delete(&mut self, place: &Place) {
        let Some(object) = self.objects.get(place) else {
            return;
        };
        let mut object = object.clone();
        if object["metadata"]["deletionTimestamp"].is_null() {
            let now = jiff::Timestamp::now().to_string();
            object["metadata"]["deletionTimestamp"] = now.into();
            self.put_or_end(place, object);
        }
    }
}

fn add_finalizers(object: &mut Value, added: &Value) {
    let all = &mut object["metadata"]["finalizers"];
    if !all.is_array() {
        *all = json!([]);
    }
    let (Some(all), Some(added)) = (all.as_array_mut(), added.as_array()) else {
        return;
    };
    for finalizer in added {
        if !all.contains(finalizer) {
            all.push(finalizer.clone());
        }
    }
}

// RFC 7386.
fn merge(object: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    for (name, field) in fields {
        if field.is_null() {
            if let Some(object) = object.as_object_mut() {
                object.remove(name);
            }
        } else {
            merge(&mut object[name], field);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn place(plural: &str, name: &str) -> Place {
        (plural.to_owned(), "demo".to_owned(), name.to_owned())
    }

    #[test]
    fn what_is_written_is_read_and_told() {
        let objects = Objects::new();
        let at = place("volumes", "a");
        let made = objects.create(at.clone(), json!({"metadata": {}})).unwrap();
        assert_eq!(
            objects.create(at.clone(), json!({})),
            Err(StatusCode::CONFLICT)
        );
        let status = json!({"status": {"host": "h"}, "metadata": {"resourceVersion": "1"}});
        objects.patch(&at, true, true, &status).unwrap();
        assert_eq!(
            objects.patch(&at, true, true, &status),
            Err(StatusCode::CONFLICT),
            "somebody has written in between"
        );
        assert_eq!(objects.get(&at).unwrap()["status"]["host"], "h");
        let spec = json!({"spec": {"host": "h"}});
        let merged = objects.patch(&at, false, false, &spec).unwrap();
        assert_eq!(merged["metadata"]["uid"], made["metadata"]["uid"]);
        assert_eq!(
            objects.get(&at).unwrap()["metadata"]["uid"],
            made["metadata"]["uid"]
        );
        let kinds: Vec<_> = objects
            .changes("volumes", 0)
            .iter()
            .map(|it| it.kind)
            .collect();
        assert_eq!(kinds, ["ADDED", "MODIFIED", "MODIFIED"]);
        assert_eq!(objects.changes("volumes", 3).len(), 0);
    }

    #[test]
    fn what_is_owned_goes_with_its_owner() {
        let objects = Objects::new();
        let (owner, owned) = (place("virtualmachines", "a"), place("volumes", "a-root"));
        let made = objects
            .create(owner.clone(), json!({"metadata": {}}))
            .unwrap();
        let uid = &made["metadata"]["uid"];
        let child = json!({"metadata": {"ownerReferences": [{"uid": uid}]}});
        objects.create(owned.clone(), child).unwrap();
        let finalizers = json!({"metadata": {"finalizers": ["f"]}});
        objects.patch(&owner, false, true, &finalizers).unwrap();
        objects.delete(&owner);
        assert!(objects.get(&owner).is_ok() && objects.get(&owned).is_ok());
        let none = json!({"metadata": {"finalizers": []}});
        objects.patch(&owner, false, false, &none).unwrap();
        assert!(objects.get(&owner).is_err() && objects.get(&owned).is_err());
    }
}
