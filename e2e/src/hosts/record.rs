//! What is known of a host: its name, number and release of Debian.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cache::hex;
use crate::error::Error;
use crate::places::{Lab, read_file, write_file};

/// The Debian release of a host, and so its libvirt and QEMU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Suite {
    /// Debian 12: libvirt 9.0, QEMU 7.2.
    Bookworm,
    /// Debian 13: libvirt 11.3, QEMU 10.0.
    Trixie,
}

impl Suite {
    /// As the archive calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }
}

/// A host of the lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its place on the bridge, from 1.
    pub number: u8,
    /// Its release.
    pub suite: Suite,
}

impl Host {
    /// The hosts that `lab up` makes: host1, host2, ..., of both releases in turn.
    pub fn standard(number: u8) -> Self {
        let suite = if number % 2 == 1 {
            Suite::Bookworm
        } else {
            Suite::Trixie
        };
        let name = format!("host{number}");
        Self {
            name,
            number,
            suite,
        }
    }

    /// Its address on the bridge.
    pub fn address(&self) -> String {
        format!("10.77.0.{}", 10 + u32::from(self.number))
    }

    /// Where its libvirt listens.
    pub fn listen(&self) -> String {
        format!("{}:16509", self.address())
    }

    /// The URI of its QEMU driver.
    pub fn uri(&self) -> String {
        format!("qemu+tcp://{}/system", self.address())
    }

    /// The name of its process.
    pub fn process(&self) -> String {
        format!("host-{}", self.name)
    }

    /// Its network namespace.
    pub fn namespace(&self) -> String {
        format!("drover-lab-{}", self.name)
    }

    /// Its end of the bridge, as the machine sees it.
    pub fn port(&self) -> String {
        format!("drover-lab-p{}", self.number)
    }

    /// Its UUID, which tells libvirt two hosts apart.
    pub fn uuid(&self) -> String {
        let hash = hex(&Sha256::digest(format!("drover lab host {}", self.name)));
        let part = |from: usize, to: usize| hash.get(from..to).unwrap_or_default();
        format!(
            "{}-{}-4{}-8{}-{}",
            part(0, 8),
            part(8, 12),
            part(13, 16),
            part(17, 20),
            part(20, 32)
        )
    }

    /// Its folder.
    pub fn folder(&self, lab: &Lab) -> PathBuf {
        lab.hosts().join(&self.name)
    }

    /// Its root file system, as the machine sees it.
    pub fn root(&self, lab: &Lab) -> PathBuf {
        self.folder(lab).join("root")
    }

    /// The console of one of its guests.
    pub fn console(&self, lab: &Lab, domain: &str) -> PathBuf {
        let log = format!("var/log/libvirt/qemu/{domain}-console.log");
        self.root(lab).join(log)
    }
}

/// All hosts that were made, by number.
///
/// # Errors
/// [`Error::File`], or a record that cannot be read.
pub fn all(lab: &Lab) -> Result<Vec<Host>, Error> {
    let mut hosts = Vec::new();
    for entry in std::fs::read_dir(lab.hosts())
        .into_iter()
        .flatten()
        .flatten()
    {
        let path = entry.path().join("host.json");
        if path.is_file() {
            let host = serde_json::from_str(&read_file(&path)?);
            hosts.push(
                host.map_err(|error| Error::Refused(format!("{}: {error}", path.display())))?,
            );
        }
    }
    hosts.sort_by_key(|host: &Host| host.number);
    Ok(hosts)
}

/// The host of that name.
///
/// # Errors
/// [`Error::Refused`], with the hosts that there are.
pub fn named(lab: &Lab, name: &str) -> Result<Host, Error> {
    let hosts = all(lab)?;
    let names: Vec<_> = hosts.iter().map(|host| host.name.clone()).collect();
    let found = hosts.into_iter().find(|host| host.name == name);
    found
        .ok_or_else(|| Error::Refused(format!("no host {name:?}; there are: {}", names.join(", "))))
}

/// A new host of that name, with the next free number.
///
/// # Errors
/// [`Error::Refused`] for a name that cannot be one.
pub fn new(lab: &Lab, name: &str, suite: Suite) -> Result<Host, Error> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 32 || !name.bytes().all(fits) {
        return Err(Error::Refused(format!(
            "{name:?} cannot be a host's name: up to 32 of a-z, 0-9 and -"
        )));
    }
    let hosts = all(lab)?;
    let standard = name
        .strip_prefix("host")
        .and_then(|number| number.parse().ok());
    let is_free =
        |number: &u8| (1..=200).contains(number) && hosts.iter().all(|host| host.number != *number);
    let number = standard.filter(is_free).or_else(|| (1..=200).find(is_free));
    let number = number.ok_or_else(|| Error::Refused("there are 200 hosts".to_owned()))?;
    let name = name.to_owned();
    Ok(Host {
        name,
        number,
        suite,
    })
}

/// Writes a host's record.
///
/// # Errors
/// [`Error::File`].
pub fn write(lab: &Lab, host: &Host) -> Result<(), Error> {
    let text = serde_json::to_string(host).unwrap_or_default();
    write_file(&host.folder(lab).join("host.json"), text)
}

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn two_hosts_share_nothing() {
        let (one, two) = (Host::standard(1), Host::standard(2));
        assert_eq!(one.uri(), "qemu+tcp://10.77.0.11/system");
        assert_eq!(one.uuid().len(), 36);
        assert_ne!(one.uuid(), two.uuid());
        assert_ne!(one.suite, two.suite);
        // The kernel's limit for an interface's name.
        assert!(Host::standard(200).port().len() < 16);
    }
}
