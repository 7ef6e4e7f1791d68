//! SSH: to libvirt's socket on the far side, by the server's own forwarding or by a program there.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use russh::ChannelStream;
use russh::client::{self, AuthResult, Handle, Msg};
use russh::keys::PublicKeyOrCertificate;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, decode_secret_key};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::known_hosts::{self, Judgement};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::refusal::Refusal;
use crate::uri::Uri;

/// Connects to libvirt's socket on the far side of a TCP connection to its SSH server.
pub(super) async fn over(
    socket: TcpStream,
    uri: &Uri,
    read_only: bool,
    credentials: &Credentials,
) -> Result<SshStream, Error> {
    for name in ["command", "netcat"] {
        if uri.parameter(name).is_some() {
            return Err(Error::Unsupported(format!(
                "the URI's parameter {name} would run a program, which is not done"
            )));
        }
    }
    let target = Target::of(uri, credentials)?;
    let mut handle = target.greet(socket).await?;
    target.log_in(&mut handle, credentials, uri).await?;
    let stream = target.reach(&handle, uri, read_only).await?;
    Ok(SshStream {
        stream,
        _handle: handle,
    })
}

/// Bytes to and from libvirt's socket.
pub(super) struct SshStream {
    stream: ChannelStream<Msg>,
    // The connection ends with it.
    _handle: Handle<HostKey>,
}

impl AsyncRead for SshStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Judges the key that the server shows, and keeps what there is against it.
struct HostKey {
    host: String,
    port: u16,
    known_hosts: String,
    against: Arc<Mutex<Option<Refusal>>>,
}

impl client::Handler for HostKey {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else {
            return Ok(false);
        };
        let server = self.host.clone();
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let against = match known_hosts::judge(&self.known_hosts, &self.host, self.port, key) {
            Judgement::Known => return Ok(true),
            Judgement::Unknown => Refusal::HostKeyUnknown {
                server,
                fingerprint,
            },
            Judgement::Changed => Refusal::HostKeyChanged {
                server,
                fingerprint,
            },
        };
        *self.against.lock().unwrap_or_else(PoisonError::into_inner) = Some(against);
        Ok(false)
    }
}

/// Who is talked to, and as whom.
struct Target {
    host: String,
    port: u16,
    user: String,
    known_hosts: String,
}

impl Target {
    fn of(uri: &Uri, credentials: &Credentials) -> Result<Self, Error> {
        let ours = |name: &str| match credentials.only_given {
            true => None,
            false => std::env::var(name).ok(),
        };
        let given = uri
            .user
            .clone()
            .or_else(|| credentials.ssh.username.clone());
        let user = given
            .or_else(|| ours("USER"))
            .ok_or_else(|| Refusal::missing("the SSH user, before the host in the URI,"))?;
        let known_hosts = match &credentials.ssh.known_hosts {
            Some(text) => text.clone(),
            None if credentials.only_given => {
                return Err(Refusal::missing("the host's SSH key (known_hosts)").into());
            }
            None => {
                let home = ours("HOME").map(|home| format!("{home}/.ssh/known_hosts"));
                let file = uri.parameter("known_hosts").map(str::to_owned).or(home);
                file.and_then(|file| std::fs::read_to_string(file).ok())
                    .unwrap_or_default()
            }
        };
        Ok(Self {
            host: uri.host.clone().unwrap_or_default(),
            port: uri.port_or_default().unwrap_or_default(),
            user,
            known_hosts,
        })
    }

    async fn greet(&self, socket: TcpStream) -> Result<Handle<HostKey>, Error> {
        let against = Arc::new(Mutex::new(None));
        let handler = HostKey {
            host: self.host.clone(),
            port: self.port,
            known_hosts: self.known_hosts.clone(),
            against: Arc::clone(&against),
        };
        let mut config = client::Config::default();
        // A server has several keys: it shows one that we may know.
        let known = known_hosts::algorithms(&self.known_hosts, &self.host, self.port);
        let mut kinds = config.preferred.key.to_vec();
        kinds.sort_by_key(|kind| !known.iter().any(|known| same_kind(known, kind)));
        config.preferred.key = kinds.into();
        let greeted = client::connect_stream(Arc::new(config), socket, handler).await;
        greeted.map_err(|error| {
            let against = against
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            against.map_or_else(|| self.failed(&error), Error::Identity)
        })
    }

    async fn log_in(
        &self,
        handle: &mut Handle<HostKey>,
        credentials: &Credentials,
        uri: &Uri,
    ) -> Result<(), Error> {
        let mut tried = Vec::new();
        for (name, key) in keys(credentials, uri)? {
            tried.push(name);
            let hash = handle.best_supported_rsa_hash().await;
            let hash = hash.map_err(|error| self.failed(&error))?.flatten();
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
            let answer = handle.authenticate_publickey(&self.user, key).await;
            if let AuthResult::Success = answer.map_err(|error| self.failed(&error))? {
                return Ok(());
            }
        }
        if !credentials.only_given && self.by_agent(handle, &mut tried).await {
            return Ok(());
        }
        if tried.is_empty() {
            return Err(Refusal::missing("an SSH key (ssh-privatekey)").into());
        }
        Err(Error::Identity(Refusal::Ssh {
            server: self.host.clone(),
            user: self.user.clone(),
            tried: tried.join(", "),
        }))
    }

    // An agent that does not answer is none.
    async fn by_agent(&self, handle: &mut Handle<HostKey>, tried: &mut Vec<String>) -> bool {
        let Ok(mut agent) = AgentClient::connect_env().await else {
            return false;
        };
        let identities = agent.request_identities().await.unwrap_or_default();
        for identity in identities {
            let AgentIdentity::PublicKey { key, comment } = identity else {
                continue;
            };
            tried.push(format!("the agent's key {comment}"));
            let hash = handle
                .best_supported_rsa_hash()
                .await
                .ok()
                .flatten()
                .flatten();
            let answer = handle
                .authenticate_publickey_with(&self.user, key, hash, &mut agent)
                .await;
            if let Ok(AuthResult::Success) = answer {
                return true;
            }
        }
        false
    }

    // The server's own forwarding needs no program on the far side. Where it is forbidden libvirt's
    // helper does the same, and where there is none netcat does.
    async fn reach(
        &self,
        handle: &Handle<HostKey>,
        uri: &Uri,
        read_only: bool,
    ) -> Result<ChannelStream<Msg>, Error> {
        let paths = uri.sockets(None, read_only);
        let proxy = uri.parameter("proxy").unwrap_or("auto");
        if proxy == "auto" && !uri.is_session() {
            for path in &paths {
                let path = path.display().to_string();
                if let Ok(channel) = handle.channel_open_direct_streamlocal(path).await {
                    return Ok(channel.into_stream());
                }
            }
        }
        let path = paths.last().map(|path| path.display().to_string());
        let script = script(proxy, &uri.name(), &path.unwrap_or_default(), read_only)?;
        let run = async {
            let channel = handle.channel_open_session().await?;
            channel.exec(true, script).await?;
            Ok(channel.into_stream())
        };
        run.await.map_err(|error: russh::Error| self.failed(&error))
    }

    fn failed(&self, error: &russh::Error) -> Error {
        Error::Connect {
            target: format!("{} port {} by SSH", self.host, self.port),
            reason: error.to_string(),
        }
    }
}

fn same_kind(one: &russh::keys::Algorithm, other: &russh::keys::Algorithm) -> bool {
    one == other || (one.clone().is_rsa() && other.clone().is_rsa())
}

/// What is run on the far side when its server does not forward.
fn script(proxy: &str, name: &str, path: &str, read_only: bool) -> Result<String, Error> {
    let readonly = if read_only { "-r " } else { "" };
    let helper = format!("exec virt-ssh-helper {readonly}{}", quoted(name));
    let netcat = format!("exec nc -U {}", quoted(path));
    let script = match proxy {
        "native" => helper,
        "netcat" => netcat,
        "auto" => {
            let there = "command -v virt-ssh-helper >/dev/null 2>&1";
            format!("if {there}; then {helper}; else {netcat}; fi")
        }
        other => {
            return Err(Error::Unsupported(format!(
                "the URI's parameter proxy is {other:?}: auto, native and netcat are allowed"
            )));
        }
    };
    // Whatever shell the user has there.
    Ok(format!("sh -c {}", quoted(&script)))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Our keys, and what to call them when they are refused.
fn keys(credentials: &Credentials, uri: &Uri) -> Result<Vec<(String, PrivateKey)>, Refusal> {
    let passphrase = credentials.ssh.passphrase.as_ref();
    let passphrase = passphrase.map(|secret| String::from_utf8_lossy(secret.expose()).into_owned());
    let decode = |what: &str, text: &str| {
        decode_secret_key(text, passphrase.as_deref())
            .map_err(|error| Refusal::unusable(what, error))
    };
    if let Some(key) = &credentials.ssh.private_key {
        const WHAT: &str = "the SSH key";
        let text = std::str::from_utf8(key.expose());
        let text = text.map_err(|error| Refusal::unusable(WHAT, error))?;
        return Ok(vec![(
            "the key that is given".to_owned(),
            decode(WHAT, text)?,
        )]);
    }
    if credentials.only_given {
        return Ok(Vec::new());
    }
    if let Some(file) = uri.parameter("keyfile") {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|error| Refusal::unusable(file, error))?;
        return Ok(vec![(file.to_owned(), decode(file, &text)?)]);
    }
    let home = std::env::var("HOME").unwrap_or_default();
    let usual = ["id_ed25519", "id_ecdsa", "id_rsa"];
    let files = usual.map(|name| format!("{home}/.ssh/{name}"));
    // One that has a passphrase is the agent's.
    let readable = files.into_iter().filter_map(|file| {
        let text = std::fs::read_to_string(&file).ok()?;
        Some((file.clone(), decode(&file, &text).ok()?))
    });
    Ok(readable.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_run_on_the_far_side() {
        let made = |proxy, name, path| script(proxy, name, path, true);
        assert_eq!(
            made("native", "qemu:///system", "/s").unwrap(),
            r"sh -c 'exec virt-ssh-helper -r '\''qemu:///system'\'''"
        );
        let evil = made("netcat", "x", "/a'; reboot; '").unwrap();
        assert!(
            evil.starts_with(r"sh -c 'exec nc -U '\''/a'\''\'\'''\''; reboot;"),
            "{evil}"
        );
        assert!(made("auto", "x", "/s").unwrap().contains("virt-ssh-helper"));
        assert!(made("rsh", "x", "/s").is_err());
    }
}
