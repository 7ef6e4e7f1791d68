//! A host: a libvirt in memory, whose objects are gone with it.

mod domain;
mod errors;
mod events;
mod metadata;
mod networks;
mod pools;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::{Builder, Uuid};

pub(crate) use self::domain::Domain;
pub(crate) use self::errors::Failure;
pub(crate) use self::events::{Listener, Of};
pub(crate) use self::networks::{Network, Networks};
pub(crate) use self::pools::{Pool, Pools, Volume};
use crate::driver::Driver;
use crate::options::Options;
use crate::random::Random;

/// A host.
#[derive(Debug)]
pub struct Host {
    pub(crate) number: usize,
    pub(crate) driver: Driver,
    pub(crate) uuid: Uuid,
    pub(crate) cpus: u32,
    pub(crate) memory_gib: u64,
    state: Mutex<State>,
}

/// What changes of it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) driver: Driver,
    pub(crate) domains: BTreeMap<Uuid, Domain>,
    pub(crate) networks: Networks,
    pub(crate) pools: Pools,
    last_id: i32,
    listeners: Vec<Listener>,
    last_callback: i32,
    pub(crate) random: Random,
}

impl Host {
    pub(crate) fn new(options: &Options, number: usize) -> Self {
        let mut random = Random::of(options.weather.seed, &[number as u64, u64::MAX]);
        Self {
            number,
            driver: options.driver,
            uuid: Builder::from_random_bytes(random.bytes()).into_uuid(),
            cpus: options.cpus,
            memory_gib: options.memory,
            state: Mutex::new(State {
                driver: options.driver,
                domains: BTreeMap::new(),
                networks: Networks::new(),
                pools: Pools::new(),
                last_id: 0,
                listeners: Vec::new(),
                last_callback: 0,
                random,
            }),
        }
    }

    /// What changes of it, for one call.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// A client has gone, and with it what it listened to.
    pub(crate) fn forget(&self, connection: u64) {
        self.state().forget(connection);
    }
}

// What a panic elsewhere left is still a host.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
