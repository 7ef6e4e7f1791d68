//! What a guest says of itself. It is asked beside everything else, when its agent is connected, and the
//! machine is looked at again when it has answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drover_core::observed::domain::ObservedDomain;
use drover_crds::virtual_machine::GuestStatus;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::hosts::HostHandle;
use crate::reconcile::Key;

/// How long to wait before an agent that did not answer is asked again.
const WAITS: [Duration; 3] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
];

/// What guests said, by their machine's UUID. Losing it costs a question.
#[derive(Debug, Clone, Default)]
pub struct Guests(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    // Which question of its machine's it is.
    last: u64,
    all: HashMap<Uuid, (u64, Option<GuestStatus>)>,
}

impl Guests {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // The answer, or the number of a question that is to be asked now.
    fn answer_or_ask(&self, machine: Uuid) -> Result<Option<GuestStatus>, u64> {
        let mut known = self.lock();
        if let Some((_, answer)) = known.all.get(&machine) {
            return Ok(answer.clone());
        }
        known.last += 1;
        let question = known.last;
        known.all.insert(machine, (question, None));
        Err(question)
    }

    // Whether the question still stands: an agent that came back is asked anew.
    fn stands(&self, machine: Uuid, question: u64) -> bool {
        let known = self.lock();
        let asked = known.all.get(&machine);
        asked.is_some_and(|(number, _)| *number == question)
    }

    fn answered(&self, machine: Uuid, question: u64, answer: GuestStatus) -> bool {
        let mut known = self.lock();
        let Some(asked) = known.all.get_mut(&machine) else {
            return false;
        };
        let stands = asked.0 == question;
        if stands {
            asked.1 = Some(answer);
        }
        stands
    }

    /// Forgets what a guest said.
    pub(super) fn forget(&self, machine: Uuid) {
        self.lock().all.remove(&machine);
    }
}

/// What the guest said, if its agent is connected and has answered.
pub(super) fn look(
    ctx: &Ctx,
    key: &Key,
    host: &Arc<HostHandle>,
    domain: Option<&ObservedDomain>,
) -> Option<GuestStatus> {
    let domain = domain?;
    let live = domain.live.as_ref();
    if !live.is_some_and(|live| live.agent) {
        ctx.memory.guests.forget(domain.uuid);
        return None;
    }
    let question = match ctx.memory.guests.answer_or_ask(domain.uuid) {
        Ok(answer) => return answer,
        Err(question) => question,
    };
    let (guests, hints) = (ctx.memory.guests.clone(), ctx.hints.clone());
    let (key, host) = (key.clone(), Arc::clone(host));
    let (name, uuid) = (domain.name.clone(), domain.uuid);
    tokio::spawn(async move {
        for wait in std::iter::once(Duration::ZERO).chain(WAITS) {
            tokio::time::sleep(wait).await;
            if !guests.stands(uuid, question) {
                return;
            }
            match host.guest(&name, uuid).await {
                Ok(answer) => {
                    if guests.answered(uuid, question, answer) {
                        hints.hint(key);
                    }
                    return;
                }
                Err(error) => tracing::debug!(domain = name, %error, "its agent does not answer"),
            }
        }
    });
    None
}
