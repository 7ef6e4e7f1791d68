//! What is remembered of what machines' guests are given. Losing it costs time, never data.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use drover_core::xml::ResolvedSeed;
use uuid::Uuid;

/// What is remembered, by the machine's UUID.
#[derive(Debug, Default)]
pub struct Seeds(Mutex<HashMap<Uuid, Known>>);

#[derive(Debug, Default)]
struct Known {
    key: Option<Uuid>,
    // And its host.
    whole: Option<(String, ResolvedSeed)>,
    swept: Option<String>,
}

impl Seeds {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What names are made with until the machine's domain remembers it.
    pub(super) fn key(&self, machine: Uuid) -> Uuid {
        let mut all = self.lock();
        let known = all.entry(machine).or_default();
        *known.key.get_or_insert_with(Uuid::new_v4)
    }

    /// What is known to be on a host and whole.
    pub(super) fn whole(&self, machine: Uuid, host: &str) -> Option<ResolvedSeed> {
        let all = self.lock();
        let (on, place) = all.get(&machine)?.whole.as_ref()?;
        (on == host).then(|| place.clone())
    }

    pub(super) fn set_whole(&self, machine: Uuid, host: &str, place: &ResolvedSeed) {
        let whole = Some((host.to_owned(), place.clone()));
        self.lock().entry(machine).or_default().whole = whole;
    }

    /// Looks again whether it is there.
    pub(crate) fn doubt(&self, machine: Uuid) {
        if let Some(known) = self.lock().get_mut(&machine) {
            known.whole = None;
        }
    }

    /// Whether what is not named has been removed since this is what is named.
    pub(super) fn was_swept(&self, machine: Uuid, named: &str) -> bool {
        let all = self.lock();
        let swept = all.get(&machine).and_then(|known| known.swept.as_ref());
        swept.is_some_and(|swept| swept == named)
    }

    pub(super) fn set_swept(&self, machine: Uuid, named: String) {
        self.lock().entry(machine).or_default().swept = Some(named);
    }

    pub(super) fn forget(&self, machine: Uuid) {
        self.lock().remove(&machine);
    }
}
