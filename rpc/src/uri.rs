//! libvirt's connection URIs: `driver[+transport]://[user@][host][:port]/[path][?key=value&...]`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

/// The port of plain TCP.
const TCP_PORT: u16 = 16509;
/// The port of TLS.
const TLS_PORT: u16 = 16514;
/// The port of SSH.
const SSH_PORT: u16 = 22;

// What is for the client, and is not sent to the server.
const OURS: [&str; 16] = [
    "name",
    "command",
    "socket",
    "auth",
    "sshauth",
    "netcat",
    "keyfile",
    "pkipath",
    "known_hosts",
    "known_hosts_verify",
    "tls_priority",
    "mode",
    "proxy",
    "no_sanity",
    "no_verify",
    "no_tty",
];

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

/// Why a URI makes no sense.
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
    /// Nobody to connect to.
    #[error("the transport {0} needs a host")]
    NoHost(&'static str),
}

/// A connection URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri {
    /// The driver: `qemu`, `test`, `lxc`, `network`, `remote`, ...
    pub driver: String,
    /// How the bytes reach the server.
    pub transport: Transport,
    /// The user, for SSH.
    pub user: Option<String>,
    /// The host, without the brackets of an IPv6 address.
    pub host: Option<String>,
    /// The port, if one is given.
    pub port: Option<u16>,
    /// The path, such as `/system`.
    pub path: String,
    /// The parameters, in order.
    pub parameters: Vec<(String, String)>,
}

impl Uri {
    /// The value of a parameter; its name in any case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value.as_str()))
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
        let theirs: Vec<String> = self
            .parameters
            .iter()
            .filter(|(key, _)| {
                let key = key.to_ascii_lowercase();
                !OURS.contains(&key.as_str()) && key != "authfile"
            })
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let mut name = format!("{}://{}", self.driver, self.path);
        if !theirs.is_empty() {
            name.push('?');
            name.push_str(&theirs.join("&"));
        }
        name
    }

    /// The port, given or usual.
    #[must_use]
    pub fn port_or_default(&self) -> Option<u16> {
        self.port.or_else(|| self.transport.port())
    }

    /// Whether a daemon of the user, and not of the system, is meant.
    #[must_use]
    pub fn is_session(&self) -> bool {
        self.path == "/session"
    }

    /// The sockets to try, the best first. The daemon of the driver itself goes before the one
    /// that serves all drivers, as with libvirt's own `mode=auto`.
    #[must_use]
    pub fn sockets(&self, runtime_dir: Option<&str>, read_only: bool) -> Vec<PathBuf> {
        if let Some(socket) = self.parameter("socket") {
            return vec![PathBuf::from(socket)];
        }
        let system = PathBuf::from("/var/run/libvirt");
        let folder = match runtime_dir {
            Some(runtime) if self.is_session() => PathBuf::from(runtime).join("libvirt"),
            _ => system,
        };
        let suffix = if read_only && !self.is_session() {
            "-sock-ro"
        } else {
            "-sock"
        };
        let direct = folder.join(format!("virt{}d{suffix}", self.driver));
        let legacy = folder.join(format!("libvirt{suffix}"));
        match self.parameter("mode") {
            Some("direct") => vec![direct],
            Some("legacy") => vec![legacy],
            // virtqemud and its like do not know the test driver.
            _ if matches!(self.driver.as_str(), "test" | "remote") => vec![legacy],
            _ => vec![direct, legacy],
        }
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let malformed = |reason: String| UriError::Malformed {
            uri: text.to_owned(),
            reason,
        };
        let url = Url::parse(text).map_err(|error| malformed(error.to_string()))?;
        let (driver, transport) = match url.scheme().split_once('+') {
            Some((driver, word)) => {
                let transport = Transport::parse(word);
                let unknown = || UriError::Transport(word.to_owned());
                (driver, Some(transport.ok_or_else(unknown)?))
            }
            None => (url.scheme(), None),
        };
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .map(|host| host.trim_matches(['[', ']']).to_owned());
        let transport = match (transport, &host) {
            (Some(Transport::Unix), Some(host)) => {
                return Err(UriError::HostOfUnix(host.clone()));
            }
            (Some(transport @ (Transport::Tcp | Transport::Tls | Transport::Ssh)), None) => {
                return Err(UriError::NoHost(transport.as_str()));
            }
            (Some(transport), _) => transport,
            (None, Some(_)) => Transport::Tls,
            (None, None) => Transport::Unix,
        };
        Ok(Self {
            driver: driver.to_owned(),
            transport,
            user: Some(url.username())
                .filter(|user| !user.is_empty())
                .map(str::to_owned),
            host,
            port: url.port(),
            path: url.path().to_owned(),
            parameters: parameters(&url),
        })
    }
}

fn parameters(url: &Url) -> Vec<(String, String)> {
    url.query_pairs()
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

impl fmt::Display for Uri {
    /// Without parameters: they may name files.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}://", self.driver, self.transport.as_str())?;
        if let Some(host) = &self.host {
            if host.contains(':') {
                write!(f, "[{host}]")?;
            } else {
                f.write_str(host)?;
            }
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn transports_are_found() {
        for (text, expected) in [
            ("qemu:///system", Transport::Unix),
            ("qemu+unix:///system", Transport::Unix),
            ("qemu://host/system", Transport::Tls),
            ("qemu+TCP://host/system", Transport::Tcp),
            ("qemu+ssh://root@host/system", Transport::Ssh),
            ("test:///default", Transport::Unix),
        ] {
            assert_eq!(uri(text).transport, expected, "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "qemu",
            "qemu+carrier-pigeon://host/system",
            "qemu+unix://host/system",
            "qemu+tcp:///system",
        ] {
            assert!(text.parse::<Uri>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_name_is_what_the_host_would_use() {
        for (text, expected) in [
            ("qemu+tcp://10.77.0.11/system", "qemu:///system"),
            ("test+tcp://[::1]:16509/default", "test:///default"),
            ("remote+tcp://host/", ""),
            ("qemu:///system?socket=/tmp/s&x=1", "qemu:///system?x=1"),
            (
                "qemu+tcp://host/system?name=test:///default",
                "test:///default",
            ),
        ] {
            assert_eq!(uri(text).name(), expected, "{text}");
        }
    }

    #[test]
    fn hosts_and_ports() {
        let parsed = uri("test+tcp://[fd00::1]:17000/default");
        assert_eq!(parsed.host.as_deref(), Some("fd00::1"));
        assert_eq!(parsed.port_or_default(), Some(17000));
        assert_eq!(parsed.to_string(), "test+tcp://[fd00::1]:17000/default");
        assert_eq!(uri("qemu+tcp://h/system").port_or_default(), Some(16509));
        assert_eq!(uri("qemu://h/system").port_or_default(), Some(16514));
        assert_eq!(uri("qemu+ssh://u@h/system").user.as_deref(), Some("u"));
    }

    #[test]
    fn sockets_of_daemons() {
        let paths = |text: &str, runtime, read_only| -> Vec<String> {
            let sockets = uri(text).sockets(runtime, read_only);
            sockets
                .iter()
                .map(|path| path.display().to_string())
                .collect()
        };
        assert_eq!(
            paths("qemu:///system", None, false),
            [
                "/var/run/libvirt/virtqemud-sock",
                "/var/run/libvirt/libvirt-sock"
            ]
        );
        assert_eq!(
            paths("test:///default", None, true),
            ["/var/run/libvirt/libvirt-sock-ro"]
        );
        assert_eq!(
            paths("qemu:///session?mode=legacy", Some("/run/user/7"), true),
            ["/run/user/7/libvirt/libvirt-sock"]
        );
        assert_eq!(
            paths("qemu:///system?socket=/tmp/s", None, false),
            ["/tmp/s"]
        );
    }
}
