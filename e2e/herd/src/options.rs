//! How large a herd is, where it stands, and how it behaves.

use std::path::{Path, PathBuf};

use clap::Parser;

use crate::driver::Driver;
use crate::weather::Weather;

/// A herd of simulated libvirt hosts, each at a unix socket of its own.
#[derive(Debug, Clone, Parser)]
#[command(name = "herd")]
pub struct Options {
    /// The folder of the sockets, and of the one by which the herd is told what to do.
    pub folder: PathBuf,
    /// How many hosts.
    #[arg(long, default_value_t = 10)]
    pub hosts: usize,
    /// Which of libvirt's drivers they have.
    #[arg(long, value_enum, default_value_t = Driver::Qemu)]
    pub driver: Driver,
    /// The CPUs of each.
    #[arg(long, default_value_t = 64)]
    pub cpus: u32,
    /// The memory of each, in GiB.
    #[arg(long, default_value_t = 256)]
    pub memory: u64,
    /// How it behaves.
    #[command(flatten)]
    pub weather: Weather,
}

impl Options {
    /// A herd of so many hosts in this folder, with everything else as it usually is.
    #[must_use]
    pub fn new(folder: &Path, hosts: usize, driver: Driver) -> Self {
        Self {
            folder: folder.to_owned(),
            hosts,
            driver,
            cpus: 64,
            memory: 256,
            weather: Weather::default(),
        }
    }

    /// The name of a host.
    #[must_use]
    pub fn name(number: usize) -> String {
        format!("herd{number:05}")
    }

    /// The socket of a host.
    #[must_use]
    pub fn socket(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{}.sock", Self::name(number)))
    }

    /// The URI at which a host is reached.
    #[must_use]
    pub fn uri(&self, number: usize) -> String {
        let socket = self.socket(number);
        let uri = self.driver.uri().replacen(':', "+unix:", 1);
        format!("{uri}?socket={}", socket.display())
    }

    /// The socket by which the herd is told what to do.
    #[must_use]
    pub fn control(&self) -> PathBuf {
        self.folder.join("control")
    }
}
