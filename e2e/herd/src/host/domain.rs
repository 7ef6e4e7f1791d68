//! Domains, and what may be done to them in which state.

use drover_rpc_proto::remote;
use uuid::Uuid;

use super::State;
use super::errors::{Failure, only};
use crate::definition::{self, Defined};
use crate::driver::Driver;

// virDomainState and its reasons.
const RUNNING: i32 = 1;
const PAUSED: i32 = 3;
const SHUTOFF: i32 = 5;
const UNKNOWN: i32 = 0;
const BOOTED: i32 = 1;
const UNPAUSED: i32 = 5;
const BY_USER: i32 = 1;
const WAS_SHUT_DOWN: i32 = 1;
const WAS_DESTROYED: i32 = 2;
// virDomainEventType, and details of some.
const DEFINED: i32 = 0;
const UNDEFINED: i32 = 1;
const STARTED: i32 = 2;
const SUSPENDED: i32 = 3;
const RESUMED: i32 = 4;
const STOPPED: i32 = 5;
const SHUTDOWN: i32 = 6;
const UPDATED: i32 = 1;
const BY_THE_HOST: i32 = 2;
const DESTROYED: i32 = 1;
// VIR_DOMAIN_DEFINE_VALIDATE, VIR_DOMAIN_START_PAUSED.
const VALIDATE: u32 = 1;
const START_PAUSED: u32 = 1;
// What else QEMU's driver lets be asked of a start, a shutdown and an end, and changes nothing here.
const STARTS: u32 = 1 | 4 | 8;
const SHUTDOWNS: u32 = 1 | 2;
const BY_AGENT: u32 = 2;
const DESTROYS: u32 = 1 | 2;
const UNDEFINES: [(Driver, u32); 2] = [(Driver::Qemu, 127), (Driver::Test, 3)];
// VIR_DOMAIN_XML_SECURE, _INACTIVE, _UPDATE_CPU.
const DESCRIBES: u32 = 1 | 2 | 4;
const INACTIVE: u32 = 2;
const NOT_RUNNING: &str = "Requested operation is not valid: domain is not running";
const AGENT_UNRESPONSIVE: &str = "Guest agent is not responding: QEMU guest agent is not connected";

/// A domain.
#[derive(Debug)]
pub(crate) struct Domain {
    pub(crate) name: Box<str>,
    pub(crate) uuid: Uuid,
    // Only what runs has one.
    pub(crate) id: Option<i32>,
    pub(crate) state: i32,
    pub(crate) reason: i32,
    pub(crate) autostart: bool,
    pub(crate) memory_kib: u64,
    pub(crate) vcpus: u16,
    /// What its next start takes.
    pub(crate) persistent: Option<Box<str>>,
    /// What runs.
    pub(crate) live: Option<Box<str>>,
    // What is left of a transient one when it is asked for what would be kept.
    transient: Option<Box<str>>,
}

impl Domain {
    /// As the protocol names it.
    pub(crate) fn wire(&self) -> remote::Domain {
        remote::Domain {
            name: (&*self.name).into(),
            uuid: self.uuid.into_bytes(),
            id: self.id.unwrap_or(-1),
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.id.is_some()
    }

    pub(crate) fn must_be_active(&self) -> Result<(), Failure> {
        match self.is_active() {
            true => Ok(()),
            false => Err(Failure::state(NOT_RUNNING)),
        }
    }

    /// Its definition: the one that runs, or the one that its next start takes.
    pub(crate) fn describe(&self, flags: u32) -> Result<&str, Failure> {
        only(flags, DESCRIBES)?;
        let kept = self.persistent.as_deref().or(self.transient.as_deref());
        let live = self.live.as_deref().filter(|_| flags & INACTIVE == 0);
        Ok(live.or(kept).unwrap_or_default())
    }

    /// Whether a list with these flags has it.
    pub(crate) fn is_listed(&self, flags: u32) -> bool {
        let running = self.is_active() && self.state == RUNNING;
        let paused = self.is_active() && self.state == PAUSED;
        // Each group of flags: one of those that are given has to be true.
        let groups: [&[(u32, bool)]; 7] = [
            &[(1, self.is_active()), (2, !self.is_active())],
            &[
                (4, self.persistent.is_some()),
                (8, self.persistent.is_none()),
            ],
            &[
                (16, running),
                (32, paused),
                (64, !self.is_active()),
                (128, false),
            ],
            &[(256, false), (512, true)],
            &[(1024, self.autostart), (2048, !self.autostart)],
            &[(4096, false), (8192, true)],
            &[(1 << 14, false), (1 << 15, true)],
        ];
        groups.iter().all(|group| {
            let mut given = group.iter().filter(|(flag, _)| flags & flag != 0);
            group.iter().all(|(flag, _)| flags & flag == 0) || given.any(|(_, is)| *is)
        })
    }
}

impl State {
    /// The domain that the client names; only its UUID counts.
    pub(crate) fn domain(&mut self, named: &remote::Domain) -> Result<&mut Domain, Failure> {
        let uuid = Uuid::from_bytes(named.uuid);
        self.domains
            .get_mut(&uuid)
            .ok_or_else(|| Failure::no_domain(uuid))
    }

    fn told(&self, uuid: Uuid, events: &[(i32, i32)]) {
        if let Some(domain) = self.domains.get(&uuid) {
            for (event, detail) in events {
                self.tell_life(domain, *event, *detail);
            }
        }
    }

    fn next_id(&mut self) -> i32 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn define(&mut self, xml: &str, flags: u32) -> Result<remote::Domain, Failure> {
        only(flags, VALIDATE)?;
        let defined = definition::read(xml, self.driver, &mut self.random)?;
        let Defined { name, uuid, .. } = &defined;
        let uuid = *uuid;
        if let Some(same) = self.domains.get(&uuid).filter(|it| *it.name != **name) {
            let name = &same.name;
            return Err(Failure::failed(format!(
                "operation failed: domain '{name}' is already defined with uuid {uuid}"
            )));
        }
        let mut all = self.domains.values();
        if let Some(same) = all.find(|it| *it.name == **name && it.uuid != uuid) {
            let uuid = same.uuid;
            return Err(Failure::failed(format!(
                "operation failed: domain '{name}' already exists with uuid {uuid}"
            )));
        }
        let text = defined.root.to_string().into_boxed_str();
        let there = self.domains.get_mut(&uuid);
        let updated = there.as_ref().is_some_and(|it| it.persistent.is_some());
        match there {
            Some(domain) => {
                domain.persistent = Some(text);
                if !domain.is_active() {
                    (domain.memory_kib, domain.vcpus) = (defined.memory_kib, defined.vcpus);
                }
            }
            None => {
                let domain = Domain {
                    name: defined.name.into_boxed_str(),
                    uuid,
                    id: None,
                    state: SHUTOFF,
                    reason: UNKNOWN,
                    autostart: false,
                    memory_kib: defined.memory_kib,
                    vcpus: defined.vcpus,
                    persistent: Some(text),
                    live: None,
                    transient: None,
                };
                self.domains.insert(uuid, domain);
            }
        }
        self.told(uuid, &[(DEFINED, if updated { UPDATED } else { 0 })]);
        self.domains
            .get(&uuid)
            .map(Domain::wire)
            .ok_or_else(|| Failure::no_domain(uuid))
    }

    pub(crate) fn start(
        &mut self,
        named: &remote::Domain,
        flags: u32,
    ) -> Result<remote::Domain, Failure> {
        let driver = self.driver;
        only(flags, driver.flags(STARTS))?;
        let id = self.last_id + 1;
        let domain = self.domain(named)?;
        if domain.is_active() {
            let said = "Requested operation is not valid: domain is already running";
            return Err(Failure::not_in_state(driver, said));
        }
        let kept = domain.persistent.as_deref().unwrap_or_default();
        let (live, defined) = definition::run(kept, driver, id)?;
        domain.live = Some(live.into_boxed_str());
        (domain.memory_kib, domain.vcpus) = defined;
        domain.id = Some(id);
        let paused = flags & START_PAUSED != 0;
        let is = if paused {
            (PAUSED, BY_USER)
        } else {
            (RUNNING, BOOTED)
        };
        (domain.state, domain.reason) = is;
        let (uuid, started) = (domain.uuid, domain.wire());
        self.next_id();
        let events: &[(i32, i32)] = match (driver, paused) {
            (Driver::Test, _) => &[(STARTED, 0)],
            (Driver::Qemu, true) => &[(STARTED, 0), (SUSPENDED, 0)],
            (Driver::Qemu, false) => &[(RESUMED, 0), (STARTED, 0)],
        };
        self.told(uuid, events);
        Ok(started)
    }

    pub(crate) fn suspend(&mut self, named: &remote::Domain) -> Result<(), Failure> {
        let driver = self.driver;
        let domain = self.domain(named)?;
        if driver == Driver::Test && domain.state != RUNNING {
            return Err(Failure::internal(NOT_RUNNING));
        }
        domain.must_be_active()?;
        if domain.state == PAUSED {
            return Ok(());
        }
        (domain.state, domain.reason) = (PAUSED, BY_USER);
        let uuid = domain.uuid;
        self.told(uuid, &[(SUSPENDED, 0)]);
        Ok(())
    }

    pub(crate) fn resume(&mut self, named: &remote::Domain) -> Result<(), Failure> {
        let driver = self.driver;
        let domain = self.domain(named)?;
        if domain.state != PAUSED {
            let said = "Requested operation is not valid: domain is not paused";
            return Err(Failure::not_in_state(driver, said));
        }
        (domain.state, domain.reason) = (RUNNING, UNPAUSED);
        let uuid = domain.uuid;
        self.told(uuid, &[(RESUMED, 0)]);
        Ok(())
    }

    pub(crate) fn reset(&mut self, named: &remote::Domain, flags: u32) -> Result<(), Failure> {
        only(flags, 0)?;
        self.domain(named)?.must_be_active()
    }

    /// No guest of QEMU's is there to hear of it; the test driver's go at once.
    pub(crate) fn shut_down(&mut self, named: &remote::Domain, flags: u32) -> Result<(), Failure> {
        let driver = self.driver;
        only(flags, driver.flags(SHUTDOWNS))?;
        let domain = self.domain(named)?;
        if domain.state != RUNNING {
            return Err(Failure::not_in_state(driver, NOT_RUNNING));
        }
        if flags & BY_AGENT != 0 {
            return Err(Failure::agent(AGENT_UNRESPONSIVE));
        }
        if driver == Driver::Test {
            let uuid = domain.uuid;
            self.stop(uuid, WAS_SHUT_DOWN, &[(STOPPED, 0)]);
        }
        Ok(())
    }

    pub(crate) fn destroy(&mut self, named: &remote::Domain, flags: u32) -> Result<(), Failure> {
        let driver = self.driver;
        only(flags, driver.flags(DESTROYS))?;
        let domain = self.domain(named)?;
        domain.must_be_active()?;
        let uuid = domain.uuid;
        let events: &[(i32, i32)] = match driver {
            Driver::Qemu => &[(SHUTDOWN, BY_THE_HOST), (STOPPED, DESTROYED)],
            Driver::Test => &[(STOPPED, DESTROYED)],
        };
        self.stop(uuid, WAS_DESTROYED, events);
        Ok(())
    }

    // What is not persistent is gone then.
    fn stop(&mut self, uuid: Uuid, reason: i32, events: &[(i32, i32)]) {
        if let Some(domain) = self.domains.get_mut(&uuid) {
            (domain.state, domain.reason) = (SHUTOFF, reason);
            (domain.live, domain.id) = (None, None);
        }
        self.told(uuid, events);
        let kept = |domain: &Domain| domain.persistent.is_some();
        if !self.domains.get(&uuid).is_some_and(kept) {
            self.domains.remove(&uuid);
        }
    }

    pub(crate) fn undefine(&mut self, named: &remote::Domain, flags: u32) -> Result<(), Failure> {
        let driver = self.driver;
        let known = UNDEFINES.iter().find(|(of, _)| *of == driver);
        only(flags, known.map_or(0, |(_, known)| *known))?;
        let domain = self.domain(named)?;
        if domain.persistent.is_none() && driver == Driver::Qemu {
            let said = "Requested operation is not valid: cannot undefine transient domain";
            return Err(Failure::state(said));
        }
        let uuid = domain.uuid;
        if domain.persistent.is_some() {
            domain.transient = domain.persistent.take();
        }
        domain.autostart = false;
        let active = domain.is_active();
        self.told(uuid, &[(UNDEFINED, 0)]);
        if !active {
            self.domains.remove(&uuid);
        }
        Ok(())
    }

    pub(crate) fn set_autostart(
        &mut self,
        named: &remote::Domain,
        autostart: bool,
    ) -> Result<(), Failure> {
        let driver = self.driver;
        let domain = self.domain(named)?;
        if domain.persistent.is_none() && driver == Driver::Qemu {
            let said =
                "Requested operation is not valid: cannot set autostart for transient domain";
            return Err(Failure::state(said));
        }
        domain.autostart = autostart;
        Ok(())
    }
}
