//! What many hosts or machines share, kept once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::labels::Taint;
use super::hash::{Mixed, Named};
use super::host::{Keep, Profile};
use crate::desired::Consent;

// Kinds of hosts beyond these are one. Half of them are for the images as well.
const KINDS: usize = 32;

// What makes hosts emptier or fuller than others of their size.
#[derive(Debug, Clone)]
struct Kind {
    open: bool,
    taints: Vec<Taint>,
    // Nothing: whatever they are.
    images: Option<Vec<String>>,
}

/// What many hosts or machines share.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    texts: HashSet<Arc<str>, Named>,
    /// Of pools and devices: there are few.
    pub(super) numbers: HashMap<Arc<str>, u32, Mixed>,
    pub(super) names: Vec<Arc<str>>,
    profiles: HashSet<Arc<Profile>, Named>,
    pub(super) consents: Vec<Consent>,
    kinds: Vec<Kind>,
    added: usize,
}

impl Keep for Kept {
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(kept) = self.texts.get(text) {
            return Arc::clone(kept);
        }
        let kept: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&kept));
        self.added += 1;
        kept
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let (number, name) = (self.names.len() as u32, self.text(name));
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    fn profile(&mut self, profile: Profile) -> Arc<Profile> {
        if let Some(kept) = self.profiles.get(&profile) {
            return Arc::clone(kept);
        }
        let kept = Arc::new(profile);
        self.profiles.insert(Arc::clone(&kept));
        self.added += 1;
        kept
    }

    fn consent(&mut self, consent: &Consent) -> u32 {
        let known = self.consents.iter().position(|it| it == consent);
        let at = known.unwrap_or(self.consents.len());
        if at == self.consents.len() {
            self.consents.push(consent.clone());
        }
        at as u32
    }

    fn kind(&mut self, of: &Profile) -> u32 {
        let open = of.reachable && of.schedulable;
        let mut number = |images: Option<&[String]>, most: usize| {
            let is = |it: &Kind| {
                (it.open, &it.taints, it.images.as_deref()) == (open, &of.taints, images)
            };
            let known = self.kinds.iter().position(is);
            let new = known.is_none() && self.kinds.len() < most;
            if new {
                self.kinds.push(Kind {
                    open,
                    taints: of.taints.clone(),
                    images: images.map(<[String]>::to_vec),
                });
            }
            known.or(new.then(|| self.kinds.len() - 1))
        };
        let found = number(Some(&of.images), KINDS / 2).or_else(|| number(None, KINDS));
        found.unwrap_or(KINDS) as u32
    }
}

impl Kept {
    /// What nothing has any longer goes, now and then.
    pub(super) fn sweep(&mut self) {
        if self.added > self.texts.len() / 2 + 4_096 {
            self.added = 0;
            self.texts.retain(|it| Arc::strong_count(it) > 1);
            self.profiles.retain(|it| Arc::strong_count(it) > 1);
        }
    }
}
