//! What Secrets have, and why something in them cannot be used.

use std::collections::BTreeMap;

use drover_crds::common::SecretKeyRef;
use drover_crds::virtual_machine::MAX_TEXT;

use super::Sealed;

/// Secrets that were read, by their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Secrets(BTreeMap<String, BTreeMap<String, Sealed>>);

/// Why a guest cannot be given what is declared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A Secret has no such key.
    #[error("{0}")]
    Missing(String),
    /// What is there cannot be used.
    #[error("{0}")]
    Refused(String),
}

impl Unfit {
    pub(super) fn refused(field: &str, words: impl AsRef<str>) -> Self {
        Self::Refused(format!("{field}: {}", words.as_ref()))
    }
}

impl Secrets {
    /// Adds a Secret.
    pub fn add(&mut self, name: &str, data: impl IntoIterator<Item = (String, Vec<u8>)>) {
        let data = data.into_iter().map(|(key, bytes)| (key, bytes.into()));
        self.0.insert(name.to_owned(), data.collect());
    }

    fn secret(&self, field: &str, name: &str) -> Result<&BTreeMap<String, Sealed>, Unfit> {
        let missing = || Unfit::Missing(format!("{field}: there is no Secret {name:?}"));
        self.0.get(name).ok_or_else(missing)
    }

    // The text of one key.
    pub(super) fn key(&self, field: &str, wanted: &SecretKeyRef) -> Result<Sealed, Unfit> {
        let SecretKeyRef { name, key } = wanted;
        let found = self.secret(field, name)?.get(key);
        let missing = || Unfit::Missing(format!("{field}: Secret {name:?} has no key {key:?}"));
        let text = found.ok_or_else(missing)?;
        let of = format!("key {key:?} of Secret {name:?}");
        checked(field, &of, text).map(|()| text.clone())
    }

    // The texts of those of these keys that are there.
    pub(super) fn some(
        &self,
        field: &str,
        name: &str,
        keys: &[&str],
    ) -> Result<Vec<(String, Sealed)>, Unfit> {
        let secret = self.secret(field, name)?;
        let mut found = Vec::new();
        for key in keys {
            if let Some(text) = secret.get(*key) {
                checked(field, &format!("key {key:?} of Secret {name:?}"), text)?;
                found.push(((*key).to_owned(), text.clone()));
            }
        }
        if found.is_empty() {
            let keys = keys.join(" or ");
            let words = format!("{field}: Secret {name:?} has no key {keys}");
            return Err(Unfit::Missing(words));
        }
        Ok(found)
    }

    // The lines of all values, without blank ones and comments.
    pub(super) fn lines(&self, field: &str, name: &str) -> Result<Vec<String>, Unfit> {
        let mut lines = Vec::new();
        for (key, text) in self.secret(field, name)? {
            checked(field, &format!("key {key:?} of Secret {name:?}"), text)?;
            let text = String::from_utf8_lossy(text.open());
            let all = text.lines().map(str::trim);
            lines.extend(
                all.filter(|line| !line.is_empty() && !line.starts_with('#'))
                    .map(str::to_owned),
            );
        }
        if lines.is_empty() {
            let words = format!("{field}: Secret {name:?} has no key with a public SSH key");
            return Err(Unfit::Missing(words));
        }
        Ok(lines)
    }
}

/// Whether it is a text, and not too long.
pub(super) fn checked(field: &str, of: &str, text: &Sealed) -> Result<(), Unfit> {
    let bytes = text.open();
    if bytes.len() > MAX_TEXT {
        let words = format!(
            "{of} has {} bytes, at most {MAX_TEXT} are possible",
            bytes.len()
        );
        return Err(Unfit::refused(field, words));
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        let words = format!("{of} is not UTF-8 at byte {}", error.valid_up_to());
        return Err(Unfit::refused(field, words));
    }
    Ok(())
}
