//! Moving running guests from one host to another.
//!
//! [`Domain::migrate`] is a managed migration: this client talks to both hosts, which need not reach
//! each other's libvirtd. [`Domain::migrate_to_uri`] is peer to peer: the source's libvirtd connects
//! to the destination's by itself.
//!
//! ```no_run
//! # async fn example(domain: drover_rpc::Domain, there: drover_rpc::Client)
//! # -> Result<(), drover_rpc::migrate::MigrationError> {
//! use drover_rpc::flags::DomainMigrateFlags;
//! use drover_rpc::migrate::MigrationOptions;
//!
//! let options = MigrationOptions::new(DomainMigrateFlags::LIVE | DomainMigrateFlags::PERSIST_DEST);
//! let moved = domain.migrate(&there, options).await?;
//! println!("{} runs there now", moved.domain);
//! # Ok(())
//! # }
//! ```

mod choreography;
mod drive;
mod peer;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use crate::client::Client;
use crate::error::Error;
use crate::fields;
use crate::flags::DomainMigrateFlags;
use crate::objects::Domain;
use crate::typed::TypedParams;

pub use drive::Migration;

/// How long the source may take to send the guest, unless said otherwise.
const PERFORM: Duration = Duration::from_hours(24);

/// How a guest is moved.
#[derive(Debug, Clone, PartialEq)]
pub struct MigrationOptions {
    /// How, in libvirt's flags.
    pub flags: DomainMigrateFlags,
    /// With what, `fields::MIGRATE_PARAM_*`.
    pub params: TypedParams,
    /// How long the source may take to send the guest. A migration that takes longer is given up.
    pub deadline: Duration,
}

impl MigrationOptions {
    /// With these flags, and nothing else said. The deadline is one day.
    #[must_use]
    pub fn new(flags: DomainMigrateFlags) -> Self {
        Self {
            flags,
            params: TypedParams::new(),
            deadline: PERFORM,
        }
    }

    /// To where the source sends the guest's memory, such as `tcp://10.0.0.2`. Without it the
    /// destination's own host name is taken, which the source must be able to resolve.
    #[must_use]
    pub fn uri(self, uri: &str) -> Self {
        self.with(|params| params.with_str(fields::MIGRATE_PARAM_URI, uri))
    }

    /// The guest's name at the destination.
    #[must_use]
    pub fn destination_name(self, name: &str) -> Self {
        self.with(|params| params.with_str(fields::MIGRATE_PARAM_DEST_NAME, name))
    }

    /// The guest's definition at the destination, where it differs: paths, not devices.
    #[must_use]
    pub fn destination_xml(self, xml: &str) -> Self {
        self.with(|params| params.with_str(fields::MIGRATE_PARAM_DEST_XML, xml))
    }

    /// The definition that the destination keeps, with the flag `PERSIST_DEST`.
    #[must_use]
    pub fn persistent_xml(self, xml: &str) -> Self {
        self.with(|params| params.with_str(fields::MIGRATE_PARAM_PERSIST_XML, xml))
    }

    /// The most that is sent, in MiB/s.
    #[must_use]
    pub fn bandwidth(self, mib_per_second: u64) -> Self {
        self.with(|params| params.with_u64(fields::MIGRATE_PARAM_BANDWIDTH, mib_per_second))
    }

    /// The address on which the destination listens.
    #[must_use]
    pub fn listen_address(self, address: &str) -> Self {
        self.with(|params| params.with_str(fields::MIGRATE_PARAM_LISTEN_ADDRESS, address))
    }

    /// A disk to copy, by its `<target dev=…/>`, with the flag `NON_SHARED_DISK`. May be said of
    /// several; without it, all that are not shared or read-only are copied.
    #[must_use]
    pub fn disk(self, disk: &str) -> Self {
        self.with(|params| params.with_str(fields::MIGRATE_PARAM_MIGRATE_DISKS, disk))
    }

    /// How long the source may take to send the guest.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    fn with(mut self, add: impl FnOnce(TypedParams) -> TypedParams) -> Self {
        self.params = add(self.params);
        self
    }
}

/// A step of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MigrationStep {
    /// Looking at what was asked for and what both hosts can do.
    Check,
    /// The source begins (`DOMAIN_MIGRATE_BEGIN3_PARAMS`).
    Begin,
    /// The destination prepares (`DOMAIN_MIGRATE_PREPARE3_PARAMS`).
    Prepare,
    /// The source sends (`DOMAIN_MIGRATE_PERFORM3_PARAMS`).
    Perform,
    /// The destination takes over (`DOMAIN_MIGRATE_FINISH3_PARAMS`).
    Finish,
}

impl fmt::Display for MigrationStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Check => "before it began",
            Self::Begin => "when the source began",
            Self::Prepare => "when the destination prepared",
            Self::Perform => "when the source sent the guest",
            Self::Finish => "when the destination took over",
        })
    }
}

/// Why a guest was not moved, and where it is now.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// It failed. The guest is at the source, and as it was unless `unconfirmed` says otherwise.
    #[error("the migration failed {step}: {error}{}{}",
        also(", the destination says: ", destination.as_deref()),
        also(", the guest may be left paused: ", unconfirmed.as_deref()))]
    Failed {
        /// Where it failed.
        step: MigrationStep,
        /// Why.
        error: Error,
        /// What the destination says, if it failed too.
        destination: Option<Box<Error>>,
        /// Why the source could not be told to go on. The guest may be left paused there.
        unconfirmed: Option<Box<Error>>,
    },
    /// It was cancelled. The guest is at the source, likewise.
    #[error("the migration was cancelled{}",
        also(", the guest may be left paused: ", unconfirmed.as_deref()))]
    Cancelled {
        /// Why the source could not be told to go on. The guest may be left paused there.
        unconfirmed: Option<Box<Error>>,
    },
    /// It is not known whether the guest runs at the destination. At the source it was left paused,
    /// and must not be resumed before that is known.
    #[error(
        "{step} the connection failed: {error}: look at the destination before the source is resumed"
    )]
    Unknown {
        /// Where it failed.
        step: MigrationStep,
        /// Why.
        error: Error,
    },
}

fn also(words: &str, error: Option<&Error>) -> String {
    error.map_or_else(String::new, |error| format!("{words}{error}"))
}

impl MigrationError {
    fn check(error: Error) -> Self {
        Self::Failed {
            step: MigrationStep::Check,
            error,
            destination: None,
            unconfirmed: None,
        }
    }
}

/// A guest that has been moved.
#[derive(Debug, Clone)]
pub struct Migrated {
    /// The guest, at the destination.
    pub domain: Domain,
    /// Why the source could not be told. A paused leftover of the guest may still be there.
    pub unconfirmed: Option<Error>,
}

impl Domain {
    /// Moves it to another host, and waits for it. This client talks to both hosts.
    ///
    /// A future that is dropped cancels the migration; what is under way is undone behind it.
    ///
    /// libvirt's `virDomainMigrate3`. Both hosts need libvirt 1.1 or newer. Other than libvirt's
    /// own library, a lost answer of the destination does not make the source go on with the guest:
    /// it is looked at, and if that gives no certainty, [`MigrationError::Unknown`] says so.
    ///
    /// # Errors
    /// [`MigrationError`], which says where the guest is.
    pub async fn migrate(
        &self,
        destination: &Client,
        options: MigrationOptions,
    ) -> Result<Migrated, MigrationError> {
        self.begin_migration(destination, options)
            .await?
            .wait()
            .await
    }

    /// Moves it to another host in the background: see [`Migration`].
    ///
    /// libvirt's `virDomainMigrate3`.
    ///
    /// # Errors
    /// When the flags make no sense together, or one of the hosts cannot do this.
    pub async fn begin_migration(
        &self,
        destination: &Client,
        options: MigrationOptions,
    ) -> Result<Migration, MigrationError> {
        drive::begin(self, destination, options)
            .await
            .map_err(MigrationError::check)
    }

    /// Has its host move it to the host of this libvirt URI, as that host's libvirtd reaches it, and
    /// waits for it.
    ///
    /// A future that is dropped cancels the migration.
    ///
    /// libvirt's `virDomainMigrateToURI3` with the flag `PEER2PEER`, which is set.
    ///
    /// # Errors
    /// When the flags make no sense together, the source cannot do this, or the migration fails.
    pub async fn migrate_to_uri(&self, uri: &str, options: MigrationOptions) -> Result<(), Error> {
        peer::to_uri(self, uri, options).await
    }
}
