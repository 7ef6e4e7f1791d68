//! What a machine's guest is given for its first start: made on its host before the machine is, and
//! removed when nothing names it any more.

pub(crate) mod memory;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use drover_core::desired::machine::{DesiredMachine, FirstBoot};
use drover_core::desired::volume::owner_of;
use drover_core::observed::domain::ObservedDomain;
use drover_core::observed::pool::ObservedPool;
use drover_core::plan::Verdict;
use drover_core::seed::{Names, Secrets, Seed, Unfit};
use drover_core::xml::ResolvedSeed;
use drover_crds::condition::Reason;
use drover_crds::storage_pool::PoolScope;
use kube::ResourceExt;

use super::needs::Volumes;
use crate::controllers::storage;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::hosts::inventory::Slot;
use crate::hosts::volumes::PoolOnHost;
use crate::hosts::{HostError, HostHandle};
use crate::reconcile::Again;
use crate::secrets::Found;

/// No event tells that a Secret has changed.
const LOOK_AGAIN: Duration = Duration::from_secs(300);

/// Where it is, what keeps the machine from having it, and when to look again.
pub(super) struct Given {
    pub(super) seed: Option<ResolvedSeed>,
    pub(super) blocked: Option<Verdict>,
    pub(super) again: Again,
}

impl Given {
    fn nothing() -> Self {
        Self {
            seed: None,
            blocked: None,
            again: Again::WhenHinted,
        }
    }

    fn blocked(verdict: Verdict, again: Again) -> Self {
        Self {
            blocked: Some(verdict),
            again,
            ..Self::nothing()
        }
    }
}

/// A machine's seed, and whose.
pub(super) struct Work<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) host: &'a HostHandle,
    pub(super) desired: &'a DesiredMachine,
    // Of Shared pools, the hosts that write there.
    writers: HashMap<String, Arc<HostHandle>>,
}

impl<'a> Work<'a> {
    /// Of a machine on this host.
    pub(super) fn new(ctx: &'a Ctx, host: &'a HostHandle, desired: &'a DesiredMachine) -> Self {
        let pools = ctx.cache.pools.all();
        let shared = pools
            .iter()
            .filter(|pool| pool.spec.scope == PoolScope::Shared);
        let writers = shared.filter_map(|pool| {
            let writer = ctx.hosts.get(&storage::writer(pool)?)?;
            Some((pool.name_any(), writer))
        });
        Self {
            writers: writers.collect(),
            ctx,
            host,
            desired,
        }
    }
}

impl Work<'_> {
    /// Makes what is declared, unless it is there. Nothing is made before the machine's disks are. As
    /// long as nobody can say what it is, it is what the machine has.
    pub(super) async fn make(&self, volumes: &Volumes) -> Result<Given, Error> {
        let mut given = self.try_make(volumes).await?;
        if given.seed.is_none() {
            given.seed = self.as_it_is().await?;
        }
        Ok(given)
    }

    async fn as_it_is(&self) -> Result<Option<ResolvedSeed>, HostError> {
        let domain = self.host.domain(self.desired.uuid).await?;
        let found = || {
            let (declared, domain) = (self.desired.first_boot.as_ref()?, domain.as_deref()?);
            let key = domain.mark()?.recorded.seed_key?;
            let definition = domain.inactive.as_ref().or(domain.live.as_ref())?;
            let place = definition.seed_of(declared.path())?;
            // A path is one whole, a pool and a volume are two.
            let (pool, volume) = place.split_once('/')?;
            Some(ResolvedSeed {
                pool: pool.to_owned(),
                volume: volume.to_owned(),
                path: place.to_owned(),
                key,
            })
        };
        Ok(found())
    }

    async fn try_make(&self, volumes: &Volumes) -> Result<Given, Error> {
        let Some((declared, pool)) = self.wanted(volumes) else {
            return Ok(Given::nothing());
        };
        let seed = match self.read(declared).await? {
            Ok(seed) => seed,
            Err(given) => return Ok(given),
        };
        let domain = self.host.domain(self.desired.uuid).await?;
        let again = match declared.secrets().is_empty() {
            true => Again::WhenHinted,
            false => Again::After(LOOK_AGAIN),
        };
        let mut place = self.place(&seed, pool, domain.as_deref());
        if volumes.blocked.is_some() {
            return Ok(Given {
                again,
                ..Given::nothing()
            });
        }
        let known = self
            .ctx
            .memory
            .seeds
            .whole(self.desired.uuid, &self.host.name);
        if let Some(known) =
            known.filter(|it| (&it.pool, &it.volume) == (&place.pool, &place.volume))
        {
            place.path = known.path;
        } else {
            match self.put(&seed, &place, domain.as_deref()).await {
                Ok(Ok(path)) => place.path = path,
                Ok(Err(verdict)) => return Ok(Given::blocked(verdict, Again::Failed)),
                Err(error) => {
                    let verdict = super::refusal(&error, None);
                    return Ok(Given::blocked(verdict, Again::Failed));
                }
            }
            self.ctx
                .memory
                .seeds
                .set_whole(self.desired.uuid, &self.host.name, &place);
        }
        Ok(Given {
            seed: Some(place),
            blocked: None,
            again,
        })
    }

    /// Where what is declared will be, or why it cannot be.
    pub(super) async fn foreseen(
        &self,
        volumes: &Volumes,
    ) -> Result<Result<Option<ResolvedSeed>, Verdict>, HostError> {
        let Some((declared, pool)) = self.wanted(volumes) else {
            return self.as_it_is().await.map(Ok);
        };
        let domain = self.host.domain(self.desired.uuid).await?;
        let had = domain.as_deref().is_some_and(has_any);
        let seed = match self.read(declared).await {
            Ok(Ok(seed)) => seed,
            Ok(Err(_)) if had => return self.as_it_is().await.map(Ok),
            Ok(Err(given)) => return Ok(given.blocked.map_or(Ok(None), Err)),
            Err(error) => return Ok(Err(Verdict::new(Reason::RetryLater, error.to_string()))),
        };
        let mut place = self.place(&seed, pool, domain.as_deref());
        let target = self
            .host
            .pool(pool)
            .await?
            .and_then(|pool| pool.target.clone());
        place.path = format!("{}/{}", target.unwrap_or_default(), place.volume);
        Ok(Ok(Some(place)))
    }

    // What is declared, and in which pool it is kept, if that is known.
    fn wanted<'v>(&'v self, volumes: &'v Volumes) -> Option<(&'v FirstBoot, &'v str)> {
        let declared = self.desired.first_boot.as_ref()?;
        let home = self.desired.seed_home().filter(|_| !self.desired.observe)?;
        let place = volumes.disks.iter().find(|place| place.name == home.name)?;
        Some((declared, &place.pool))
    }

    async fn read(&self, declared: &FirstBoot) -> Result<Result<Seed, Given>, Error> {
        let (ctx, namespace) = (self.ctx, &self.desired.namespace);
        let named = declared.secrets();
        let names: Vec<_> = named.iter().map(|(_, name)| *name).collect();
        let again = || Again::After(ctx.secrets.again(namespace, &names));
        let mut secrets = Secrets::default();
        for (field, name) in &named {
            match ctx.secrets.read(&ctx.client, namespace, name).await? {
                Found::Data(data) => secrets.add(name, data.iter().cloned()),
                // The field that names it is named.
                Found::Missing => {}
                denied @ (Found::Denied | Found::Closed) => {
                    let words = match denied {
                        Found::Closed => "the operator's own Secrets are given to no guest",
                        _ => "its service account needs the verb get there",
                    };
                    let message = format!(
                        "{field}: the operator may not read Secret {name:?} in namespace \
                         {namespace}: {words}"
                    );
                    let verdict = Verdict::new(Reason::SecretMissing, message);
                    return Ok(Err(Given::blocked(verdict, again())));
                }
            }
        }
        Ok(
            Seed::new(self.desired, declared, &secrets).map_err(|unfit| {
                let reason = match unfit {
                    Unfit::Missing(_) => Reason::SecretMissing,
                    Unfit::Refused(_) => Reason::SourceRefused,
                };
                let again = if named.is_empty() {
                    Again::WhenHinted
                } else {
                    again()
                };
                Given::blocked(Verdict::new(reason, unfit.to_string()), again)
            }),
        )
    }

    // Its name is made with what the domain remembers.
    fn place(&self, seed: &Seed, pool: &str, domain: Option<&ObservedDomain>) -> ResolvedSeed {
        let mark = domain.and_then(ObservedDomain::mark);
        let remembered = mark.and_then(|mark| mark.recorded.seed_key);
        let key = remembered.unwrap_or_else(|| self.ctx.memory.seeds.key(self.desired.uuid));
        ResolvedSeed {
            pool: pool.to_owned(),
            volume: Names::of(self.desired).volume(&seed.digest(key)),
            path: String::new(),
            key,
        }
    }

    // What a definition names was whole before it was named.
    async fn put(
        &self,
        seed: &Seed,
        place: &ResolvedSeed,
        domain: Option<&ObservedDomain>,
    ) -> Result<Result<String, Verdict>, HostError> {
        let unready = |words: String| Ok(Err(Verdict::new(Reason::VolumeNotReady, words)));
        let Some(pool) = self.pool(&place.pool) else {
            return unready(format!("pool {} is gone", place.pool));
        };
        if let Some(domain) = domain
            && let Some(facts) = pool.facts(&place.volume).await?
            && uses(domain, &place.pool, &place.volume, &facts.key)
        {
            return Ok(Ok(facts.key));
        }
        let (record, owner) = (Names::of(self.desired).owner(), self.owner());
        match pool.record(&record).await? {
            Some(found) if found == owner => {}
            None => {
                pool.create_record(&record, &owner).await?;
                // There is nothing older to be removed.
                let made = format!("{}/{}", place.pool, place.volume);
                self.ctx.memory.seeds.set_swept(self.desired.uuid, made);
            }
            Some(found) if found.is_empty() => pool.create_record(&record, &owner).await?,
            Some(found) => {
                let message = format!("volume {record} belongs to {found}");
                return Ok(Err(Verdict::new(Reason::NameConflict, message)));
            }
        }
        let image = match seed.image() {
            Ok(image) => image,
            Err(error) => {
                let verdict = Verdict::new(Reason::SourceRefused, error.to_string());
                return Ok(Err(verdict));
            }
        };
        tracing::info!(
            host = self.host.name,
            domain = self.desired.domain_name,
            pool = place.pool,
            "what its guest is given is being written"
        );
        let path = pool.put_seed(&place.volume, &image).await?;
        if pool.host.name != self.host.name {
            // The machine's own host sees it when it looks.
            self.host.refresh_pool(&place.pool, pool.uuid).await?;
        }
        Ok(Ok(path))
    }

    /// Removes what no definition names any more, once after each change of what they name.
    pub(super) async fn sweep(
        &self,
        wanted: Option<&ResolvedSeed>,
        domain: Option<&ObservedDomain>,
    ) -> Result<(), HostError> {
        let Some(domain) = domain else { return Ok(()) };
        let mark = domain.mark();
        let had = mark.is_some_and(|mark| mark.recorded.seed_key.is_some());
        // Somebody who waits for a Secret may still have what they had.
        let unknown = self.desired.first_boot.is_some() && wanted.is_none();
        if !had || unknown || self.desired.observe {
            return Ok(());
        }
        let kept = Kept::of(wanted, domain);
        if self
            .ctx
            .memory
            .seeds
            .was_swept(self.desired.uuid, &kept.words())
        {
            return Ok(());
        }
        for pool in self.pools() {
            self.sweep_pool(&pool, &kept).await?;
        }
        self.ctx
            .memory
            .seeds
            .set_swept(self.desired.uuid, kept.words());
        Ok(())
    }

    /// Removes all of it, of a machine that is not on the host any more.
    pub(super) async fn remove(&self) -> Result<(), HostError> {
        for pool in self.pools() {
            self.sweep_pool(&pool, &Kept::default()).await?;
        }
        self.ctx.memory.seeds.forget(self.desired.uuid);
        Ok(())
    }

    async fn sweep_pool(&self, name: &str, kept: &Kept) -> Result<(), HostError> {
        let names = Names::of(self.desired);
        let (record, owner) = (names.owner(), self.owner());
        let Some(pool) = self.pool(name) else {
            return Ok(());
        };
        let Some(seen) = pool.host.pool(name).await? else {
            return Ok(());
        };
        let recorded = seen.volumes.contains(&record);
        if !recorded
            || pool
                .record(&record)
                .await?
                .is_none_or(|found| found != owner)
        {
            return Ok(());
        }
        let seeds = seen.volumes.iter().filter(|volume| names.is_one(volume));
        let (kept, gone): (Vec<_>, Vec<_>) = seeds.partition(|volume| kept.has(name, volume));
        for volume in gone {
            if self.is_used(name, volume, &pool).await? {
                return Ok(());
            }
            pool.delete(volume).await?;
        }
        if kept.is_empty() {
            pool.delete(&record).await?;
        }
        Ok(())
    }

    // By a domain of which nobody thought.
    async fn is_used(
        &self,
        pool_name: &str,
        volume: &str,
        pool: &PoolOnHost<'_>,
    ) -> Result<bool, HostError> {
        let Some(facts) = pool.facts(volume).await? else {
            return Ok(false);
        };
        let domains = self.host.all_domains().await?;
        Ok(domains
            .iter()
            .any(|it| uses(it, pool_name, volume, &facts.key)))
    }

    // Those that have, or may have by now, something of the machine's.
    fn pools(&self) -> Vec<String> {
        let record = Names::of(self.desired).owner();
        let unsure = self.desired.first_boot.is_some();
        let has = |slot: &Slot<ObservedPool>| {
            let seen = slot.value.as_ref();
            let listed = seen.is_some_and(|pool| pool.volumes.contains(&record));
            listed || (unsure && slot.stale)
        };
        let mut pools: Vec<String> = self.host.read(|inventory| {
            let ours = inventory.pools.iter().filter(|(_, (_, slot))| has(slot));
            ours.map(|(name, _)| name.clone()).collect()
        });
        // What another host has made there this one may not have seen.
        let shared = self.writers.iter().filter(|(name, writer)| {
            writer.read(|inventory| inventory.pools.get(*name).is_some_and(|(_, it)| has(it)))
        });
        pools.extend(shared.map(|(name, _)| name.clone()));
        pools.sort();
        pools.dedup();
        pools
    }

    fn pool<'p>(&'p self, name: &'p str) -> Option<PoolOnHost<'p>> {
        let host = self.writers.get(name).map_or(self.host, |it| &**it);
        let uuid = host.read(|inventory| inventory.pools.get(name).map(|(uuid, _)| *uuid))?;
        Some(PoolOnHost { host, name, uuid })
    }

    fn owner(&self) -> String {
        let it = self.desired;
        owner_of(&it.fleet, &it.namespace, &it.name)
    }
}

fn uses(domain: &ObservedDomain, pool: &str, volume: &str, path: &str) -> bool {
    domain
        .definitions()
        .any(|found| found.uses(pool, volume, Some(path)))
}

/// Whether a domain has something that its guest was given.
pub(super) fn has_any(domain: &ObservedDomain) -> bool {
    domain
        .definitions()
        .any(|found| found.seeds().next().is_some())
}

// What is not removed: `POOL/VOLUME`, or a path.
#[derive(Default)]
struct Kept(Vec<String>);

impl Kept {
    fn of(wanted: Option<&ResolvedSeed>, domain: &ObservedDomain) -> Self {
        let wanted = wanted.map(|seed| format!("{}/{}", seed.pool, seed.volume));
        let named = domain.definitions().flat_map(|found| found.seeds());
        let mut all: Vec<_> = wanted.into_iter().chain(named.map(str::to_owned)).collect();
        all.sort();
        all.dedup();
        Self(all)
    }

    // No two volumes end alike that are not the same.
    fn has(&self, pool: &str, volume: &str) -> bool {
        let ends = |place: &String| {
            place
                .rsplit_once('/')
                .is_some_and(|(_, name)| name == volume)
        };
        let place = format!("{pool}/{volume}");
        self.0
            .iter()
            .any(|kept| *kept == place || (kept.starts_with('/') && ends(kept)))
    }

    fn words(&self) -> String {
        self.0.join(" ")
    }
}
