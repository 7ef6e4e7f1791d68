//! Storage pools of the type `dir`, whose volumes have a size and no content.

use std::collections::BTreeMap;

use drover_core::xml::Element;
use drover_rpc_proto::remote;
use uuid::Uuid;

use super::State;
use super::errors::{Failure, only};
use crate::definition::{bytes, identity, rooted};
use crate::driver::Driver;

// virStoragePoolState, virStoragePoolEventLifecycleType.
const INACTIVE: u8 = 0;
const RUNNING: u8 = 2;
const DEFINED: i32 = 0;
const UNDEFINED: i32 = 1;
const STARTED: i32 = 2;
const STOPPED: i32 = 3;
const DELETED: i32 = 5;
// VIR_STORAGE_POOL_CREATE_WITH_BUILD and its variants; VIR_STORAGE_VOL_RESIZE_SHRINK.
const BUILDS: u32 = 1 | 2 | 4;
const WITH_BUILD: u32 = 1;
const SHRINK: u32 = 4;
const CAPACITY: u64 = 1 << 40;

/// A pool.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) name: Box<str>,
    pub(crate) uuid: Uuid,
    pub(crate) active: bool,
    /// Its definition.
    pub(crate) text: Box<str>,
    path: String,
    // Whether its size has been looked at, which the test driver has no need to.
    sized: bool,
    // Whether its folder is there.
    built: bool,
    /// By their names.
    pub(crate) volumes: BTreeMap<String, Volume>,
}

/// A volume.
#[derive(Debug, Clone)]
pub(crate) struct Volume {
    pub(crate) capacity: u64,
    pub(crate) allocation: u64,
    format: String,
}

/// The pools of a host.
pub(crate) type Pools = BTreeMap<Uuid, Pool>;

impl Pool {
    /// As the protocol names it.
    pub(crate) fn wire(&self) -> remote::StoragePool {
        remote::StoragePool {
            name: (&*self.name).into(),
            uuid: self.uuid.into_bytes(),
        }
    }

    pub(crate) fn info(&self) -> remote::StoragePoolGetInfoRet {
        let allocation = match self.active {
            true => self.volumes.values().map(|it| it.allocation).sum(),
            false => 0,
        };
        let capacity = if self.sized { CAPACITY } else { 0 };
        remote::StoragePoolGetInfoRet {
            state: if self.active { RUNNING } else { INACTIVE },
            capacity,
            allocation,
            available: capacity.saturating_sub(allocation),
        }
    }

    /// The path of a volume, which is its key too.
    pub(crate) fn path(&self, volume: &str) -> String {
        format!("{}/{volume}", self.path)
    }

    /// A volume as the protocol names it.
    pub(crate) fn volume(&self, name: &str) -> remote::StorageVol {
        remote::StorageVol {
            pool: (&*self.name).into(),
            name: name.into(),
            key: self.path(name).as_str().into(),
        }
    }

    /// A volume's definition.
    pub(crate) fn describe(&self, name: &str, volume: &Volume) -> String {
        let path = self.path(name);
        let amount = |name: &'static str, amount: u64| {
            Element::text(name, amount.to_string()).attribute("unit", "bytes")
        };
        let format = Element::new("format").attribute("type", volume.format.clone());
        let target = Element::new("target")
            .child(Element::text("path", path.clone()))
            .child(format);
        let root = Element::new("volume")
            .attribute("type", "file")
            .child(Element::text("name", name))
            .child(Element::text("key", path))
            .child(amount("capacity", volume.capacity))
            .child(amount("allocation", volume.allocation))
            .child(amount("physical", volume.allocation))
            .child(target);
        root.to_string()
    }

    fn must_be_active(&self) -> Result<(), Failure> {
        match self.active {
            true => Ok(()),
            false => Err(Failure::state(format!(
                "Requested operation is not valid: storage pool '{}' is not active",
                self.name
            ))),
        }
    }

    fn must_be_inactive(&self) -> Result<(), Failure> {
        match self.active {
            false => Ok(()),
            true => Err(Failure::state(format!(
                "Requested operation is not valid: storage pool '{}' is already active",
                self.name
            ))),
        }
    }
}

impl State {
    /// The pool that the client names; only its UUID counts.
    pub(crate) fn pool(&mut self, named: &remote::StoragePool) -> Result<&mut Pool, Failure> {
        let uuid = Uuid::from_bytes(named.uuid);
        self.pools
            .get_mut(&uuid)
            .ok_or_else(|| Failure::no_pool(uuid))
    }

    /// One that is running.
    pub(crate) fn running_pool(
        &mut self,
        named: &remote::StoragePool,
    ) -> Result<&mut Pool, Failure> {
        let pool = self.pool(named)?;
        pool.must_be_active()?;
        Ok(pool)
    }

    /// The pool of a volume, running.
    pub(crate) fn pool_of(&mut self, named: &remote::StorageVol) -> Result<&mut Pool, Failure> {
        let name = named.pool.to_string_lossy();
        let mut all = self.pools.values_mut();
        let pool = all.find(|it| *it.name == *name);
        let pool = pool.ok_or_else(|| Failure::no_pool(&name))?;
        pool.must_be_active()?;
        Ok(pool)
    }

    fn told_pool(&self, uuid: Uuid, event: i32) {
        if let Some(pool) = self.pools.get(&uuid) {
            self.tell_pool(pool, event);
        }
    }

    pub(crate) fn define_pool(&mut self, xml: &str) -> Result<remote::StoragePool, Failure> {
        let mut root = rooted(xml, "pool")?;
        match root.get("type") {
            Some("dir") => {}
            Some(other) => return Err(Failure::unsupported(&format!("pools of type {other}"))),
            None => {
                return Err(Failure::internal(
                    "internal error: unknown storage pool type",
                ));
            }
        }
        let missing = (
            Failure::xml("XML error: missing pool source name element"),
            Failure::xml("XML error: malformed uuid element"),
        );
        let (name, uuid) = identity(&mut root, &mut self.random, missing)?;
        let driver = self.driver;
        let path = root.find("target").and_then(|it| it.find("path"));
        let Some(path) = path.map(Element::to_text) else {
            return Err(Failure::xml("XML error: missing storage pool target path"));
        };
        let same = |it: &&Pool| (it.uuid == uuid) != (*it.name == *name);
        if let Some(other) = self.pools.values().find(same) {
            let (name, uuid) = (&other.name, other.uuid);
            return Err(Failure::failed(format!(
                "operation failed: pool '{name}' is already defined with uuid {uuid}"
            )));
        }
        let text = root.to_string().into_boxed_str();
        let pool = self.pools.entry(uuid).or_insert_with(|| Pool {
            name: name.into_boxed_str(),
            uuid,
            active: false,
            text: "".into(),
            path: String::new(),
            sized: driver == Driver::Test,
            built: false,
            volumes: BTreeMap::new(),
        });
        (pool.text, pool.path) = (text, path.trim_end_matches('/').to_owned());
        let wire = pool.wire();
        self.told_pool(uuid, DEFINED);
        Ok(wire)
    }

    pub(crate) fn start_pool(
        &mut self,
        named: &remote::StoragePool,
        flags: u32,
    ) -> Result<(), Failure> {
        let driver = self.driver;
        only(flags, driver.flags(BUILDS))?;
        let pool = self.pool(named)?;
        pool.must_be_inactive()?;
        let builds = flags & BUILDS != 0;
        if flags & !WITH_BUILD != 0 && builds {
            return Err(Failure::unsupported("to overwrite"));
        }
        if driver == Driver::Qemu && !builds && !pool.built {
            return Err(Failure::failed(format!(
                "cannot open directory '{}'",
                pool.path
            )));
        }
        (pool.active, pool.built, pool.sized) = (true, true, true);
        let uuid = pool.uuid;
        self.told_pool(uuid, STARTED);
        Ok(())
    }

    pub(crate) fn stop_pool(&mut self, named: &remote::StoragePool) -> Result<(), Failure> {
        let pool = self.running_pool(named)?;
        pool.active = false;
        let uuid = pool.uuid;
        self.told_pool(uuid, STOPPED);
        Ok(())
    }

    pub(crate) fn undefine_pool(&mut self, named: &remote::StoragePool) -> Result<(), Failure> {
        let pool = self.pool(named)?;
        pool.must_be_inactive()?;
        let uuid = pool.uuid;
        self.told_pool(uuid, UNDEFINED);
        self.pools.remove(&uuid);
        Ok(())
    }

    /// Its folder goes, if nothing is in it.
    pub(crate) fn delete_pool(&mut self, named: &remote::StoragePool) -> Result<(), Failure> {
        let pool = self.pool(named)?;
        pool.must_be_inactive()?;
        if !pool.volumes.is_empty() || !pool.built {
            let path = &pool.path;
            return Err(Failure::system(format!("failed to remove pool '{path}'")));
        }
        pool.built = false;
        let uuid = pool.uuid;
        self.told_pool(uuid, DELETED);
        Ok(())
    }

    /// Nothing changes behind a host's back here.
    pub(crate) fn refresh_pool(
        &mut self,
        named: &remote::StoragePool,
        flags: u32,
    ) -> Result<(), Failure> {
        only(flags, 0)?;
        let uuid = self.running_pool(named)?.uuid;
        if let Some(pool) = self.pools.get(&uuid) {
            self.tell_refresh(pool);
        }
        Ok(())
    }

    pub(crate) fn create_volume(
        &mut self,
        args: &remote::StorageVolCreateXmlArgs,
    ) -> Result<remote::StorageVol, Failure> {
        only(args.flags, 0)?;
        let (xml, driver) = (args.xml.to_string_lossy(), self.driver);
        let pool = self.running_pool(&args.pool)?;
        let root = rooted(&xml, "volume")?;
        let name = root.find("name").map(Element::to_text).unwrap_or_default();
        if name.is_empty() {
            return Err(Failure::xml("XML error: missing volume name element"));
        }
        let amount = |name: &str| root.find(name).and_then(bytes);
        let capacity = amount("capacity");
        let capacity =
            capacity.ok_or_else(|| Failure::xml("XML error: missing capacity element"))?;
        let format = root.find("target").and_then(|it| it.find("format"));
        let format = format.and_then(|it| it.get("type")).unwrap_or("raw");
        if pool.volumes.contains_key(&name) {
            return Err(match driver {
                Driver::Qemu => Failure::volume_exists(&name),
                Driver::Test => Failure::failed(format!("operation failed: {name} exists")),
            });
        }
        let volume = Volume {
            capacity,
            allocation: amount("allocation").unwrap_or(capacity),
            format: format.to_owned(),
        };
        let wire = pool.volume(&name);
        pool.volumes.insert(name, volume);
        Ok(wire)
    }

    pub(crate) fn delete_volume(
        &mut self,
        named: &remote::StorageVol,
        flags: u32,
    ) -> Result<(), Failure> {
        only(flags, 0)?;
        let name = named.name.to_string_lossy();
        let gone = self.pool_of(named)?.volumes.remove(&*name);
        gone.map(drop).ok_or_else(|| Failure::no_volume(&name))
    }

    pub(crate) fn resize_volume(
        &mut self,
        args: &remote::StorageVolResizeArgs,
    ) -> Result<(), Failure> {
        if self.driver == Driver::Test {
            return Err(Failure::unsupported("volumes that change their size"));
        }
        only(args.flags, SHRINK)?;
        let name = args.vol.name.to_string_lossy();
        let pool = self.pool_of(&args.vol)?;
        let volume = pool.volumes.get_mut(&*name);
        let volume = volume.ok_or_else(|| Failure::no_volume(&name))?;
        if args.capacity < volume.capacity && args.flags & SHRINK == 0 {
            return Err(Failure::argument(
                "invalid argument: can't shrink capacity below current capacity unless shrink flag explicitly specified",
            ));
        }
        volume.capacity = args.capacity;
        Ok(())
    }
}
