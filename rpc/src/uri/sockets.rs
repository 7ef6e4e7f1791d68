//! Which unix socket is meant.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::parameters::refused;
use super::{Uri, UriError};

// Not /run: the far side of an SSH connection may have none.
const SYSTEM: &str = "/var/run/libvirt";

/// What of this machine decides which socket is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// Whether we are root, who has no daemon of his own.
    pub(crate) is_root: bool,
    /// Where the sockets of the user's own daemons are.
    pub(crate) user: Option<PathBuf>,
    /// Where the sockets of the system's daemons are.
    pub(crate) system: PathBuf,
}

impl Surroundings {
    /// Those of this process.
    pub(crate) fn real() -> Self {
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|of| of.uid() == 0);
        Self::of(is_root, |name| std::env::var(name).ok())
    }

    pub(super) fn of(is_root: bool, var: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name| {
            var(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let cache = || var("XDG_CACHE_HOME").or_else(|| Some(var("HOME")?.join(".cache")));
        let user = var("XDG_RUNTIME_DIR").or_else(cache);
        Self {
            is_root,
            user: user.map(|folder| folder.join("libvirt")),
            system: SYSTEM.into(),
        }
    }
}

/// Who serves a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Daemon {
    /// Its own daemon, such as `virtqemud`.
    Direct,
    /// The one for all drivers: `libvirtd`, or `virtproxyd` in its place.
    Legacy,
}

impl Uri {
    /// The socket on this machine. Of two the one that exists is taken, the driver's own daemon
    /// first.
    pub(crate) fn socket(&self, here: &Surroundings, read_only: bool) -> Result<PathBuf, UriError> {
        if let Some(socket) = self.parameter("socket") {
            return Ok(socket.into());
        }
        // The test driver without root is the user's too, as libvirt has it for `test+unix`.
        let is_session = (self.is_session() || self.driver == "test") && !here.is_root;
        let folder = match (is_session, &here.user) {
            (false, _) => &here.system,
            (true, Some(user)) => user,
            (true, None) => return Err(UriError::NoFolder),
        };
        // A user's daemon has one socket for both.
        let of = |daemon| folder.join(self.file(daemon, read_only && !is_session));
        let (direct, legacy) = (of(Daemon::Direct), of(Daemon::Legacy));
        Ok(match self.mode()? {
            Some(Daemon::Direct) => direct,
            Some(Daemon::Legacy) => legacy,
            None if !direct.exists() && (legacy.exists() || !self.has_daemon()) => legacy,
            None => direct,
        })
    }

    /// The system's sockets on the far side of an SSH connection, the best first: what exists there is
    /// not known.
    pub(crate) fn far_sockets(&self, read_only: bool) -> Result<Vec<String>, UriError> {
        if let Some(socket) = self.parameter("socket") {
            return Ok(vec![socket.to_owned()]);
        }
        let of = |daemon| format!("{SYSTEM}/{}", self.file(daemon, read_only));
        Ok(match self.mode()? {
            Some(daemon) => vec![of(daemon)],
            None if self.has_daemon() => vec![of(Daemon::Direct), of(Daemon::Legacy)],
            None => vec![of(Daemon::Legacy)],
        })
    }

    fn mode(&self) -> Result<Option<Daemon>, UriError> {
        match self.parameter("mode") {
            Some("direct") if self.driver == "remote" => Err(refused(
                "mode",
                "direct",
                "the driver \"remote\" has no daemon of its own",
            )),
            Some("direct") => Ok(Some(Daemon::Direct)),
            Some("legacy") => Ok(Some(Daemon::Legacy)),
            _ => Ok(None),
        }
    }

    // Some drivers are served by the daemon for all alone.
    fn has_daemon(&self) -> bool {
        !matches!(self.driver.as_str(), "test" | "remote")
    }

    fn file(&self, daemon: Daemon, read_only: bool) -> String {
        let daemon = match daemon {
            Daemon::Direct => &format!("virt{}d", self.driver),
            Daemon::Legacy => "libvirt",
        };
        let suffix = if read_only { "-ro" } else { "" };
        format!("{daemon}-sock{suffix}")
    }
}

/// The address of a socket as the system wants it: a name that begins with `@` is abstract.
///
/// libvirt itself fills such a name up with zero bytes, others do not: both are tried.
pub(crate) fn addresses(socket: &Path) -> Vec<PathBuf> {
    // What the system has room for, after the first byte.
    const ROOM: usize = 107;
    match socket.to_str().and_then(|socket| socket.strip_prefix('@')) {
        None => vec![socket.to_owned()],
        Some(name) => {
            let filled = format!("\0{name:\0<ROOM$}");
            vec![PathBuf::from(format!("\0{name}")), PathBuf::from(filled)]
        }
    }
}
