//! The way from the SSH server to libvirt's socket.

use russh::client::Handle;

use super::host_key::HostKey;
use super::program;
use crate::connect::ConnectOptions;
use crate::error::Error;
use crate::transport::Bytes;
use crate::uri::{Uri, refused};

/// Which ways there are to the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Far {
    /// Sockets to which the server itself may forward, the best first.
    forward: Vec<String>,
    /// The URI for libvirt's helper, which finds the socket itself.
    helper: Option<String>,
    /// The socket for netcat.
    netcat: Option<String>,
    /// What netcat is called there.
    program: String,
    read_only: bool,
}

impl Far {
    /// Reads what the URI says.
    ///
    /// The server's own forwarding needs no program on the far side. Where it is forbidden libvirt's
    /// helper does the same, and where there is none netcat does. A socket that is named is reached or
    /// none is: the helper of older versions looks for one itself whatever it is told, so netcat alone
    /// may stand in. The socket of a session is known to the far side alone, and so to the helper.
    pub(super) fn of(uri: &Uri, options: &ConnectOptions) -> Result<Self, Error> {
        let program = uri.parameter("netcat");
        if program.is_some() {
            options.permit.program("the URI's parameter netcat")?;
        }
        let proxy = match uri.parameter("proxy").unwrap_or("auto") {
            "auto" if program.is_some() => "netcat",
            proxy => proxy,
        };
        let is_named = uri.parameter("socket").is_some();
        let is_chosen = is_named || uri.parameter("mode").is_some_and(|mode| mode != "auto");
        let is_unknown = uri.is_session() && !is_named;
        let sockets = match is_unknown {
            true => Vec::new(),
            false => uri.far_sockets(options.read_only)?,
        };
        let only = |allowed| Err(refused("proxy", proxy, allowed).into());
        match proxy {
            "netcat" if is_unknown => {
                return only(
                    "the socket of a session is known to virt-ssh-helper alone: name it with socket=, or leave proxy and netcat out",
                );
            }
            "native" if program.is_some() => {
                return only("virt-ssh-helper has no use for netcat: leave one of the two out");
            }
            "native" if is_chosen => {
                return only(
                    "virt-ssh-helper may reach another socket than the one that socket or mode names: netcat and auto are allowed",
                );
            }
            _ => {}
        }
        let with_helper = proxy != "netcat" && !is_chosen;
        Ok(Self {
            helper: with_helper.then(|| uri.without_host()),
            netcat: sockets.last().cloned().filter(|_| proxy != "native"),
            forward: match proxy {
                "auto" => sockets,
                _ => Vec::new(),
            },
            program: program.unwrap_or("nc").to_owned(),
            read_only: options.read_only,
        })
    }

    /// Goes the first way that is open.
    pub(super) async fn reach(
        &self,
        handle: &Handle<HostKey>,
    ) -> Result<Box<dyn Bytes>, russh::Error> {
        for socket in &self.forward {
            // An abstract one cannot be named there.
            if socket.starts_with('@') {
                continue;
            }
            match handle.channel_open_direct_streamlocal(socket).await {
                Ok(channel) => return Ok(Box::new(channel.into_stream())),
                Err(russh::Error::ChannelOpenFailure(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let channel = handle.channel_open_session().await?;
        channel.exec(true, self.script()).await?;
        Ok(Box::new(program::stream(channel)))
    }

    /// What is run on the far side, whatever shell the user has there.
    pub(super) fn script(&self) -> String {
        let helper = self.helper.as_ref().map(|uri| {
            let readonly = if self.read_only { "-r " } else { "" };
            format!("exec virt-ssh-helper {readonly}{}", quoted(uri))
        });
        let netcat = self.netcat.as_ref().map(|socket| self.with_netcat(socket));
        let script = match (helper, netcat) {
            (Some(helper), None) => helper,
            (None, netcat) => netcat.unwrap_or_default(),
            (Some(helper), Some(netcat)) => {
                let there = "command -v virt-ssh-helper >/dev/null 2>&1";
                format!("if {there}; then {helper}; fi; {netcat}")
            }
        };
        format!("sh -c {}", quoted(&script))
    }

    // Some stay when their input ends, and one of them can be told not to.
    fn with_netcat(&self, socket: &str) -> String {
        let (program, socket) = (quoted(&self.program), quoted(socket));
        let can = format!("{program} -q 2>&1 | grep -q 'requires an argument'");
        format!(
            "if {can}; then exec {program} -q0 -U {socket}; else exec {program} -U {socket}; fi"
        )
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permissions::Permissions;

    fn far(uri: &str, programs: bool) -> Result<Far, Error> {
        let options = ConnectOptions {
            read_only: true,
            permit: Permissions {
                programs,
                ..Permissions::default()
            },
            ..ConnectOptions::default()
        };
        Far::of(&uri.parse().unwrap(), &options)
    }

    const DIRECT: &str = "/var/run/libvirt/virtqemud-sock-ro";
    const LEGACY: &str = "/var/run/libvirt/libvirt-sock-ro";

    #[test]
    fn the_ways_that_a_uri_leaves_open() {
        let all = ["qemu:///system", DIRECT, LEGACY];
        let [system, direct, legacy] = all;
        for (parameters, forward, helper, netcat) in [
            ("system", vec![direct, legacy], Some(system), Some(legacy)),
            ("system?proxy=native", vec![], Some(system), None),
            ("system?proxy=netcat", vec![], None, Some(legacy)),
            ("system?mode=legacy", vec![legacy], None, Some(legacy)),
            ("system?mode=direct", vec![direct], None, Some(direct)),
            (
                "system?mode=auto",
                vec![direct, legacy],
                Some(system),
                Some(legacy),
            ),
            ("system?socket=/s", vec!["/s"], None, Some("/s")),
            ("system?socket=/s&proxy=netcat", vec![], None, Some("/s")),
            ("session", vec![], Some("qemu:///session"), None),
            (
                "session?proxy=native",
                vec![],
                Some("qemu:///session"),
                None,
            ),
            ("session?socket=/s", vec!["/s"], None, Some("/s")),
            (
                "system?name=lxc:///",
                vec![direct, legacy],
                Some(system),
                Some(legacy),
            ),
        ] {
            let found = far(&format!("qemu+ssh://h/{parameters}"), false).unwrap();
            assert_eq!(found.forward, forward, "{parameters}");
            assert_eq!(found.helper.as_deref(), helper, "{parameters}");
            assert_eq!(found.netcat.as_deref(), netcat, "{parameters}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (parameters, words) in [
            ("session?proxy=netcat", "known to virt-ssh-helper alone"),
            ("system?socket=/s&proxy=native", "may reach another socket"),
            (
                "system?mode=direct&proxy=native",
                "may reach another socket",
            ),
            ("system?netcat=ncat", "netcat is not permitted"),
        ] {
            let said = far(&format!("qemu+ssh://h/{parameters}"), false).unwrap_err();
            assert!(matches!(said, Error::Uri(_)), "{said:?}");
            assert!(said.to_string().contains(words), "{said}");
        }
        let said = far("qemu+ssh://h/session?netcat=ncat", true).unwrap_err();
        assert!(said.to_string().contains("proxy and netcat out"), "{said}");
        let both = far("qemu+ssh://h/system?netcat=ncat&proxy=native", true);
        assert!(both.unwrap_err().to_string().contains("no use for netcat"));
    }

    #[test]
    fn what_is_run_on_the_far_side() {
        let script = |uri: &str| far(uri, true).unwrap().script();
        assert_eq!(
            script("qemu+ssh://h/system?proxy=native"),
            r"sh -c 'exec virt-ssh-helper -r '\''qemu:///system'\'''"
        );
        let evil = script("qemu+ssh://h/system?proxy=netcat&socket=/a'%3b%20reboot%3b%20'");
        assert!(
            evil.contains(r"nc'\'' -U '\''/a'\''\'\'''\''; reboot;"),
            "{evil}"
        );
        let other = script("qemu+ssh://h/system?netcat=/opt/my%20nc");
        assert!(other.contains(r"exec '\''/opt/my nc'\'' -q0 -U"), "{other}");
        assert!(!other.contains("helper"), "{other}");
    }
}
