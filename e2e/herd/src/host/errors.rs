//! What libvirt says when it does not do something.

use drover_rpc_proto::{code, net, server};

use crate::driver::Driver;

// virErrorDomain: of the test driver and of QEMU's.
const FROM_QEMU: i32 = 10;
const FROM_TEST: i32 = 12;
// virErrorNumber: no name, and XML that cannot be parsed.
const NO_NAME: i32 = 21;
const XML_DETAIL: i32 = 35;
// The system says no.
const SYSTEM_ERROR: i32 = 38;

/// Why a host does not do something, by libvirt's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    code: i32,
    message: String,
}

impl Failure {
    fn new(code: i32, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }

    /// As it goes to the client.
    pub(crate) fn of(&self, driver: Driver) -> net::MessageError {
        let from = match driver {
            Driver::Qemu => FROM_QEMU,
            Driver::Test => FROM_TEST,
        };
        server::failure(self.code, from, &self.message)
    }

    pub(crate) fn no_domain(which: impl std::fmt::Display) -> Self {
        Self::new(code::NO_DOMAIN, format!("Domain not found: {which}"))
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(code::INTERNAL_ERROR, message)
    }

    pub(crate) fn unsupported(what: &str) -> Self {
        Self::new(
            code::NO_SUPPORT,
            format!("this function is not supported by the herd: {what}"),
        )
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_ARG, message)
    }

    pub(crate) fn state(message: impl Into<String>) -> Self {
        Self::new(code::OPERATION_INVALID, message)
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(code::OPERATION_FAILED, message)
    }

    pub(crate) fn xml(message: impl Into<String>) -> Self {
        Self::new(code::XML_ERROR, message)
    }

    pub(crate) fn not_xml(message: impl Into<String>) -> Self {
        Self::new(XML_DETAIL, message)
    }

    pub(crate) fn no_name() -> Self {
        Self::new(NO_NAME, "missing name information")
    }

    pub(crate) fn agent(message: impl Into<String>) -> Self {
        Self::new(code::AGENT_UNRESPONSIVE, message)
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(code::CONFIG_UNSUPPORTED, message)
    }

    /// The test driver calls an error of its own what QEMU's calls the wrong state.
    pub(crate) fn not_in_state(driver: Driver, message: &str) -> Self {
        match driver {
            Driver::Qemu => Self::state(message),
            Driver::Test => Self::internal(message),
        }
    }

    pub(crate) fn no_network(which: impl std::fmt::Display) -> Self {
        Self::new(code::NO_NETWORK, format!("Network not found: {which}"))
    }

    pub(crate) fn no_pool(which: impl std::fmt::Display) -> Self {
        Self::new(
            code::NO_STORAGE_POOL,
            format!("Storage pool not found: {which}"),
        )
    }

    pub(crate) fn no_volume(which: impl std::fmt::Display) -> Self {
        Self::new(
            code::NO_STORAGE_VOL,
            format!("Storage volume not found: {which}"),
        )
    }

    pub(crate) fn volume_exists(name: &str) -> Self {
        let message = format!("storage volume '{name}' exists already");
        Self::new(code::STORAGE_VOL_EXIST, message)
    }

    pub(crate) fn system(message: impl Into<String>) -> Self {
        Self::new(SYSTEM_ERROR, message)
    }
}

/// Refuses flags that are not among these.
pub(crate) fn only(flags: u32, known: u32) -> Result<(), Failure> {
    let unknown = flags & !known;
    if unknown == 0 {
        return Ok(());
    }
    Err(Failure::argument(format!(
        "unsupported flags ({unknown:#x})"
    )))
}
