//! libvirt's connection URIs: `driver[+transport]://[user@][host][:port]/[path][?key=value&...]`.

mod escape;
mod parameters;
mod parse;
mod sockets;
#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use parameters::refused;
pub(crate) use sockets::{Surroundings, addresses};

/// The port of plain TCP.
const TCP_PORT: u16 = 16509;
/// The port of TLS.
const TLS_PORT: u16 = 16514;
/// The port of SSH.
const SSH_PORT: u16 = 22;

/// How the bytes reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A socket of this machine.
    Unix,
    /// TCP without encryption or authentication.
    Tcp,
    /// TLS.
    Tls,
    /// SSH, in libvirt's three ways to do it.
    Ssh,
    /// A command of one's own.
    Ext,
}

impl Transport {
    /// As it is written in a URI.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ssh => "ssh",
            Self::Ext => "ext",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "unix" => Self::Unix,
            "tcp" => Self::Tcp,
            "tls" => Self::Tls,
            "ssh" | "libssh" | "libssh2" => Self::Ssh,
            "ext" => Self::Ext,
            _ => return None,
        })
    }

    fn port(self) -> Option<u16> {
        match self {
            Self::Tcp => Some(TCP_PORT),
            Self::Tls => Some(TLS_PORT),
            Self::Ssh => Some(SSH_PORT),
            Self::Unix | Self::Ext => None,
        }
    }
}

/// Why a URI makes no sense, or is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// It is no URI at all.
    #[error("{uri:?} is no URI: {reason}")]
    Malformed {
        /// What was given.
        uri: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The word after the `+` is none of the transports.
    #[error("unknown transport {0:?}: unix, tcp, tls, ssh, libssh, libssh2 and ext are known")]
    Transport(String),
    /// A unix socket is on this machine.
    #[error("a unix socket has no host, and {0:?} is given")]
    HostOfUnix(String),
    /// A parameter has a value that it cannot have, or not with the others.
    #[error("the URI's parameter {name} is {value:?}: {allowed}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A parameter, or the transport `ext`, asks for what the caller has to agree to first, by
    /// [`Permissions`](crate::Permissions).
    #[error("{what} is not permitted: it would {effect}")]
    NotPermitted {
        /// What asks for it.
        what: &'static str,
        /// What would happen.
        effect: &'static str,
    },
    /// A file of libvirt's configuration that would say what is meant cannot be read.
    #[error("libvirt.conf: {0}")]
    Config(String),
    /// The socket of a user's own daemon is in a folder that nobody names.
    #[error("the user's daemon has no folder: neither XDG_RUNTIME_DIR nor HOME is set")]
    NoFolder,
}

/// A connection URI, read as libvirt reads it.
///
/// Percent signs are undone in all parts. `&` separates parameters, and `;` does where no `&`
/// follows; `+` is a plus. The text of a URI is read by [`str::parse`]; where a user names a
/// connection, [`Uri::resolve`] knows the short names of `libvirt.conf` too.
///
/// | parameter | what it does here |
/// |---|---|
/// | `name` | what the server is asked to open, instead of the URI without its host |
/// | `socket` | the unix socket to reach, here or behind SSH; `@name` is an abstract one |
/// | `mode` | `auto`, `direct` (the driver's own daemon) or `legacy` (`libvirtd`) |
/// | `auth` | `none`, `polkit`, `sasl` or `sasl.MECHANISM` |
/// | `authfile` | the file with passwords, instead of `auth.conf` |
/// | `pkipath` | the folder with certificates |
/// | `keyfile`, `known_hosts` | files for SSH |
/// | `sshauth` | how to log in by SSH, in order: `agent`, `privkey`, `password`, `keyboard-interactive` |
/// | `known_hosts_verify` | `normal`, or `ignore` with [`Permissions::unverified`]; `auto` is refused |
/// | `no_verify` | with [`Permissions::unverified`], anybody may be the server (TLS, SSH) |
/// | `no_tty` | nobody is asked for what SSH needs |
/// | `no_sanity` | accepted: there is no check of one's own certificates to leave out |
/// | `proxy` | behind SSH: `auto`, `native` (`virt-ssh-helper`) or `netcat` |
/// | `netcat` | with [`Permissions::programs`], the netcat of the far side |
/// | `command` | with [`Permissions::programs`], the program to run (`ext`), or one to use as `ssh` |
/// | `tls_priority` | refused with TLS: it is for GnuTLS |
///
/// All others are the driver's, and are sent.
///
/// [`Permissions::programs`]: crate::Permissions::programs
/// [`Permissions::unverified`]: crate::Permissions::unverified
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri {
    /// The driver: `qemu`, `test`, `lxc`, `network`, `remote`, ...
    pub driver: String,
    /// How the bytes reach the server.
    pub transport: Transport,
    /// The user, for SSH.
    pub user: Option<String>,
    /// The host, without the brackets of an IPv6 address; its zone after a `%`. None is this machine.
    pub host: Option<String>,
    /// The port, if one is given.
    pub port: Option<u16>,
    /// The path, such as `/system`.
    pub path: String,
    /// The parameters, in order.
    pub parameters: Vec<(String, String)>,
    /// What is after the `#`: the driver's.
    pub fragment: Option<String>,
}

impl Uri {
    /// The value of a parameter; its name in any case. The last one counts.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .rfind(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// What the server is asked to open: the URI as it would be on the host itself.
    #[must_use]
    pub fn name(&self) -> String {
        if let Some(name) = self.parameter("name") {
            return name.to_owned();
        }
        if self.driver == "remote" {
            return String::new();
        }
        self.without_host()
    }

    /// The URI as it would be on the host itself, whatever `name` says.
    pub(crate) fn without_host(&self) -> String {
        let mut name = format!("{}://{}", self.driver, escape::path(&self.path));
        let theirs: Vec<String> = self
            .parameters
            .iter()
            .filter(|(key, _)| !parameters::is_ours(key))
            .map(|(key, value)| format!("{}={}", escape::part(key), escape::part(value)))
            .collect();
        if !theirs.is_empty() {
            name.push('?');
            name.push_str(&theirs.join("&"));
        }
        if let Some(fragment) = &self.fragment {
            name.push('#');
            name.push_str(&escape::part(fragment));
        }
        name
    }

    /// The port, given or usual.
    #[must_use]
    pub fn port_or_default(&self) -> Option<u16> {
        self.port.or_else(|| self.transport.port())
    }

    /// The host, or the name of this machine.
    #[must_use]
    pub fn host_or_default(&self) -> &str {
        self.host.as_deref().unwrap_or("localhost")
    }

    /// Whether a daemon of the user, and not of the system, is meant.
    #[must_use]
    pub fn is_session(&self) -> bool {
        self.path == "/session"
    }
}

impl fmt::Display for Uri {
    /// Without user and parameters: they may name files.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}://", self.driver, self.transport.as_str())?;
        match &self.host {
            Some(host) if host.contains(':') => write!(f, "[{}]", host.replace('%', "%25"))?,
            Some(host) => f.write_str(&escape::part(host))?,
            None => {}
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&escape::path(&self.path))
    }
}
