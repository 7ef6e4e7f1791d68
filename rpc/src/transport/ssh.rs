//! SSH: to libvirt's socket on the far side, by the server's own forwarding or by a program there.

mod far;
mod host_key;
mod interactive;
mod log_in;
mod program;

use std::sync::Arc;

use russh::client::{self, Handle};
use russh::keys::Algorithm;
use tokio::net::TcpStream;
use tokio::process::Command;

use self::far::Far;
use self::host_key::{Against, HostKey};
use super::ext::{self, Program};
use super::held::Held;
use super::{Bytes, known_hosts};
use crate::connect::ConnectOptions;
use crate::error::Error;
use crate::refusal::Refusal;
use crate::uri::Uri;

/// Bytes to and from libvirt's socket, and the connection that they flow through.
pub(super) type SshStream = Held<Box<dyn Bytes>, Handle<HostKey>>;

/// Who is talked to, as whom, and what is reached there.
pub(super) struct Target<'a> {
    uri: &'a Uri,
    options: &'a ConnectOptions,
    host: String,
    port: u16,
    user: String,
    /// The text of `known_hosts`; none where anybody may be the server.
    known_hosts: Option<String>,
    far: Far,
}

impl<'a> Target<'a> {
    /// Reads what the URI and the options say, and refuses what cannot be done.
    pub(super) fn of(uri: &'a Uri, options: &'a ConnectOptions) -> Result<Self, Error> {
        let credentials = &options.credentials;
        let ours = |name: &str| match credentials.only_given {
            true => None,
            false => std::env::var(name).ok(),
        };
        let far = Far::of(uri, options)?;
        let given = uri
            .user
            .clone()
            .or_else(|| credentials.ssh.username.clone());
        let user = given
            .or_else(|| ours("USER"))
            .ok_or_else(|| Refusal::missing("the SSH user, before the host in the URI,"))?;
        let known_hosts = match anybody(uri, options)? {
            true => None,
            false => Some(known_hosts(uri, options, ours("HOME"))?),
        };
        Ok(Self {
            uri,
            options,
            host: uri.host_or_default().to_owned(),
            port: uri.port_or_default().unwrap_or_default(),
            user,
            known_hosts,
            far,
        })
    }

    /// Connects to libvirt's socket on the far side of a TCP connection to its SSH server.
    pub(super) async fn over(&self, socket: TcpStream) -> Result<SshStream, Error> {
        let mut handle = self.greet(socket).await?;
        self.log_in(&mut handle).await?;
        let stream = self.far.reach(&handle).await;
        Ok(Held {
            stream: stream.map_err(|error| self.failed(&error))?,
            _held: handle,
        })
    }

    async fn greet(&self, socket: TcpStream) -> Result<Handle<HostKey>, Error> {
        let against = Against::default();
        let handler = HostKey {
            host: self.host.clone(),
            port: self.port,
            known_hosts: self.known_hosts.clone(),
            against: against.clone(),
        };
        let mut config = client::Config::default();
        // A server has several keys: it shows one that we may know.
        let known = self.known_hosts.as_deref().unwrap_or_default();
        let known = known_hosts::algorithms(known, &self.host, self.port);
        let mut kinds = config.preferred.key.to_vec();
        kinds.sort_by_key(|kind| !known.iter().any(|known| same_kind(known, kind)));
        config.preferred.key = kinds.into();
        let greeted = client::connect_stream(Arc::new(config), socket, handler).await;
        greeted.map_err(|error| {
            let refusal = against
                .take()
                .or_else(|| host_key::only_certificates(&self.host, &error));
            refusal.map_or_else(|| self.failed(&error), Error::Identity)
        })
    }

    fn failed(&self, error: &russh::Error) -> Error {
        Error::Connect {
            target: format!("{} port {} by SSH", self.host, self.port),
            reason: error.to_string(),
        }
    }
}

fn same_kind(one: &Algorithm, other: &Algorithm) -> bool {
    one == other || (one.clone().is_rsa() && other.clone().is_rsa())
}

/// Whether the server need not prove who it is.
fn anybody(uri: &Uri, options: &ConnectOptions) -> Result<bool, Error> {
    let what = if uri.switch("no_verify") {
        "the URI's parameter no_verify"
    } else if uri.parameter("known_hosts_verify") == Some("ignore") {
        "the URI's parameter known_hosts_verify=ignore"
    } else {
        return Ok(false);
    };
    options.permit.anybody(what)?;
    Ok(true)
}

// A file that is named must be there; the usual one need not.
fn known_hosts(
    uri: &Uri,
    options: &ConnectOptions,
    home: Option<String>,
) -> Result<String, Refusal> {
    let credentials = &options.credentials;
    if let Some(text) = &credentials.ssh.known_hosts {
        return Ok(text.clone());
    }
    if credentials.only_given {
        return Err(Refusal::missing("the host's SSH key (known_hosts)"));
    }
    if let Some(file) = uri.parameter("known_hosts") {
        return std::fs::read_to_string(file).map_err(|error| Refusal::unusable(file, error));
    }
    let file = home.map(|home| format!("{home}/.ssh/known_hosts"));
    Ok(file
        .and_then(|file| std::fs::read_to_string(file).ok())
        .unwrap_or_default())
}

/// Leaves SSH to the program that the URI names, which takes arguments as OpenSSH's does.
pub(super) fn by_program(uri: &Uri, options: &ConnectOptions) -> Result<Program, Error> {
    options.permit.program("the URI's parameter command")?;
    let far = Far::of(uri, options)?;
    let mut command = Command::new(uri.parameter("command").unwrap_or("ssh"));
    if let Some(port) = uri.port {
        command.arg("-p").arg(port.to_string());
    }
    if let Some(user) = &uri.user {
        command.args(["-l", user]);
    }
    if let Some(file) = uri.parameter("keyfile") {
        command.args(["-i", file]);
    }
    command.args(["-T", "-e", "none"]);
    if uri.switch("no_tty") {
        command.args(["-o", "BatchMode=yes"]);
    }
    if anybody(uri, options)? {
        command.args(["-o", "StrictHostKeyChecking=no"]);
    }
    command.args(["--", uri.host_or_default(), &far.script()]);
    ext::start(command)
}
