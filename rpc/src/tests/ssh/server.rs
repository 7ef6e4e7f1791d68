//! An SSH server in this process. What it is asked to run it runs, with programs that only say how they
//! were called.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, OnceLock};

use russh::keys::key::safe_rng;
use russh::keys::{Algorithm, PrivateKey, PublicKey};
use russh::server::{self, Auth, ChannelOpenHandle, Msg, Response, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc;

pub(super) fn key() -> PrivateKey {
    PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap()
}

/// What the server allows.
#[derive(Clone, Default)]
pub(super) struct Rules {
    /// Whose key is accepted.
    pub(super) key: Option<PublicKey>,
    /// Which password is accepted.
    pub(super) password: Option<&'static str>,
    /// What it asks by itself, each with whether the answer may be seen, and what it wants to hear.
    pub(super) questions: Vec<(&'static str, bool, &'static str)>,
    /// The sockets to which it forwards.
    pub(super) sockets: Vec<&'static str>,
    /// The folders beside this file with programs that can be run.
    pub(super) programs: Vec<&'static str>,
}

/// A server that runs.
pub(super) struct Server {
    pub(super) port: u16,
    pub(super) host_key: PublicKey,
    ended: mpsc::Receiver<()>,
}

impl Server {
    pub(super) async fn start(rules: Rules) -> Self {
        let host_key = key();
        let public = host_key.public_key().clone();
        let mut methods = MethodSet::from(&[MethodKind::PublicKey][..]);
        if rules.password.is_some() {
            methods.push(MethodKind::Password);
        }
        if !rules.questions.is_empty() {
            methods.push(MethodKind::KeyboardInteractive);
        }
        let config = Arc::new(server::Config {
            keys: vec![host_key],
            methods,
            auth_rejection_time: std::time::Duration::ZERO,
            ..server::Config::default()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (alive, ended) = mpsc::channel(1);
        tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            let handler = Handler {
                rules,
                answered: 0,
                channels: HashMap::new(),
                _alive: alive,
            };
            if let Ok(session) = server::run_stream(config, socket, handler).await {
                session.await.ok();
            }
        });
        Self {
            port,
            host_key: public,
            ended,
        }
    }

    /// The line of `known_hosts` for it.
    pub(super) fn known_hosts(&self, key: &PublicKey) -> String {
        format!("[127.0.0.1]:{} {}", self.port, key.to_openssh().unwrap())
    }

    /// Waits until the connection and all it ran are gone.
    pub(super) async fn ended(mut self) {
        assert_eq!(self.ended.recv().await, None);
    }
}

struct Handler {
    rules: Rules,
    // How many of its questions are answered.
    answered: usize,
    channels: HashMap<ChannelId, Channel<Msg>>,
    _alive: mpsc::Sender<()>,
}

fn judge(is_good: bool) -> Auth {
    match is_good {
        true => Auth::Accept,
        false => Auth::reject(),
    }
}

impl server::Handler for Handler {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        user: &str,
        shown: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        let known = self.rules.key.as_ref().map(PublicKey::key_data);
        Ok(judge(
            user == "me" && known == Some(shown.public_key.key_data()),
        ))
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        Ok(judge(user == "me" && self.rules.password == Some(password)))
    }

    // One after the other, as a server does that asks for a password and then for a code.
    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let answers: Vec<_> = response.into_iter().flatten().collect();
        let asked = match answers.is_empty() {
            true => 0,
            false => self.answered + 1,
        };
        if asked > 0 {
            let wanted = self.rules.questions[self.answered].2;
            if user != "me" || answers != [wanted.as_bytes()] {
                return Ok(Auth::reject());
            }
        }
        self.answered = asked;
        Ok(match self.rules.questions.get(asked) {
            Some((words, seen, _)) => Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![((*words).into(), *seen)].into(),
            },
            None => judge(asked > 0),
        })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        channel: Channel<Msg>,
        path: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if !self.rules.sockets.contains(&path) {
            reply
                .reject(ChannelOpenFailure::AdministrativelyProhibited)
                .await;
            return Ok(());
        }
        reply.accept().await;
        let words = format!("forwarded to {path}\n");
        tokio::spawn(async move {
            let mut stream = channel.into_stream();
            stream.write_all(words.as_bytes()).await.ok();
            // Until the client has gone.
            stream.read_to_end(&mut Vec::new()).await.ok();
        });
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        script: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let channel = self.channels.remove(&id).unwrap();
        session.channel_success(id)?;
        let script = String::from_utf8(script.to_vec()).unwrap();
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/ssh");
        let folders = self.rules.programs.iter().map(|name| here.join(name));
        let path: Vec<_> = folders.chain([plain_programs().clone()]).collect();
        let mut child = Command::new("/bin/sh")
            .args(["-c", &script])
            .env("PATH", std::env::join_paths(path).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (handle, alive) = (session.handle(), self._alive.clone());
        tokio::spawn(async move {
            let (mut reader, writer) = channel.split();
            let mut stdin = child.stdin.take().unwrap();
            let input = async move {
                tokio::io::copy(&mut reader.make_reader(), &mut stdin)
                    .await
                    .ok();
            };
            let mut stdout = child.stdout.take().unwrap();
            let output = async {
                tokio::io::copy(&mut stdout, &mut writer.make_writer())
                    .await
                    .ok();
            };
            let mut stderr = child.stderr.take().unwrap();
            let complaints = async {
                let mut words = Vec::new();
                stderr.read_to_end(&mut words).await.ok();
                handle.extended_data(id, 1, words).await.ok();
            };
            let input = tokio::spawn(input);
            tokio::join!(output, complaints);
            child.wait().await.ok();
            input.abort();
            handle.close(id).await.ok();
            drop(alive);
        });
        Ok(())
    }
}

// What scripts need, and nothing else that may be on this machine.
fn plain_programs() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("drover-ssh-{}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["sh", "cat", "grep"] {
            let found = ["/bin", "/usr/bin"].map(|bin| Path::new(bin).join(name));
            let found = found.iter().find(|file| file.exists()).unwrap();
            std::os::unix::fs::symlink(found, folder.join(name)).unwrap();
        }
        folder
    })
}
