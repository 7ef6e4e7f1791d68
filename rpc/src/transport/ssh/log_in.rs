//! As whom, and how it is proved.

use std::path::PathBuf;
use std::sync::Arc;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, decode_secret_key};
use russh::{MethodKind, MethodSet};

use super::Target;
use super::host_key::HostKey;
use crate::credentials::Secret;
use crate::error::Error;
use crate::prompt::{Question, Wanted};
use crate::refusal::Refusal;
use crate::uri::{Uri, UriError, refused};

/// A way to prove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Agent,
    Key,
    Password,
    Answers,
}

/// A key that may be of use.
struct Candidate {
    /// What to call it when it is refused.
    name: String,
    text: String,
    /// Whether it was named, and not only found.
    named: bool,
}

impl Target<'_> {
    /// Tries all ways, one after the other.
    pub(super) async fn log_in(&self, handle: &mut Handle<HostKey>) -> Result<(), Error> {
        let mut tried = Vec::new();
        for method in self.methods()? {
            let is_in = match method {
                Method::Agent => self.by_agent(handle, &mut tried).await,
                Method::Key => self.by_key(handle, &mut tried).await?,
                Method::Password => self.by_password(handle, &mut tried).await?,
                Method::Answers => self.by_answers(handle, &mut tried).await?,
            };
            if is_in {
                return Ok(());
            }
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

    // A key that is named goes first, as servers do not let one try for long.
    fn methods(&self) -> Result<Vec<Method>, UriError> {
        if let Some(methods) = methods(self.uri)? {
            return Ok(methods);
        }
        let ssh = &self.options.credentials.ssh;
        let named = ssh.private_key.is_some() || self.uri.parameter("keyfile").is_some();
        let [first, second] = match named {
            true => [Method::Key, Method::Agent],
            false => [Method::Agent, Method::Key],
        };
        Ok(vec![first, second, Method::Password, Method::Answers])
    }

    async fn by_key(
        &self,
        handle: &mut Handle<HostKey>,
        tried: &mut Vec<String>,
    ) -> Result<bool, Error> {
        for candidate in self.candidates()? {
            let Some(key) = self.open(&candidate).await? else {
                continue;
            };
            tried.push(candidate.name);
            let hash = handle.best_supported_rsa_hash().await;
            let hash = hash.map_err(|error| self.failed(&error))?.flatten();
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
            let answer = handle.authenticate_publickey(&self.user, key).await;
            if let AuthResult::Success = answer.map_err(|error| self.failed(&error))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The key that is given or named, or else those that a user has.
    fn candidates(&self) -> Result<Vec<Candidate>, Refusal> {
        let credentials = &self.options.credentials;
        let named = |name: &str, text: String| {
            vec![Candidate {
                name: name.to_owned(),
                text,
                named: true,
            }]
        };
        if let Some(key) = &credentials.ssh.private_key {
            return Ok(named("the key that is given", text_of(key, "the SSH key")?));
        }
        if credentials.only_given {
            return Ok(Vec::new());
        }
        if let Some(file) = self.uri.parameter("keyfile") {
            let text = std::fs::read_to_string(file);
            return Ok(named(
                file,
                text.map_err(|error| Refusal::unusable(file, error))?,
            ));
        }
        let home = std::env::var("HOME").unwrap_or_default();
        let usual = ["id_ed25519", "id_ecdsa", "id_rsa"];
        let files = usual.map(|name| format!("{home}/.ssh/{name}"));
        let readable = files.into_iter().filter_map(|name| {
            let text = std::fs::read_to_string(&name).ok()?;
            Some(Candidate {
                name,
                text,
                named: false,
            })
        });
        Ok(readable.collect())
    }

    // One that was only found and does not open is the agent's.
    async fn open(&self, candidate: &Candidate) -> Result<Option<PrivateKey>, Refusal> {
        let given = self.options.credentials.ssh.passphrase.as_ref();
        let mut result = decode(candidate, given);
        if let (None, Err(russh::keys::Error::KeyIsEncrypted)) = (given, &result) {
            let asked = self.ask(Wanted::Passphrase, &candidate.name).await;
            if asked.is_none() && candidate.named {
                let what = format!("the passphrase of {}", candidate.name);
                return Err(Refusal::missing(what));
            }
            if asked.is_some() {
                result = decode(candidate, asked.as_ref());
            }
        }
        match result {
            Ok(key) => Ok(Some(key)),
            Err(error) if candidate.named => Err(Refusal::unusable(&*candidate.name, error)),
            Err(_) => Ok(None),
        }
    }

    // An agent that does not answer is none.
    async fn by_agent(&self, handle: &mut Handle<HostKey>, tried: &mut Vec<String>) -> bool {
        let credentials = &self.options.credentials;
        let ours = || match credentials.only_given {
            true => None,
            false => std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from),
        };
        let Some(socket) = credentials.ssh.agent.clone().or_else(ours) else {
            return false;
        };
        let Ok(mut agent) = AgentClient::connect_uds(socket).await else {
            return false;
        };
        let identities = agent.request_identities().await.unwrap_or_default();
        for identity in identities {
            let AgentIdentity::PublicKey { key, comment } = identity else {
                continue;
            };
            tried.push(format!("the agent's key {comment}"));
            let hash = handle.best_supported_rsa_hash().await;
            let hash = hash.ok().flatten().flatten();
            let answer = handle
                .authenticate_publickey_with(&self.user, key, hash, &mut agent)
                .await;
            if let Ok(AuthResult::Success) = answer {
                return true;
            }
        }
        false
    }

    async fn by_password(
        &self,
        handle: &mut Handle<HostKey>,
        tried: &mut Vec<String>,
    ) -> Result<bool, Error> {
        let given = self.options.credentials.ssh.password.clone();
        let password = match given {
            Some(password) => Some(password),
            // Nobody is to be asked in vain.
            None => match self.offered(handle).await? {
                None => return Ok(true),
                Some(offered) if offered.contains(&MethodKind::Password) => {
                    self.ask(Wanted::Password, &self.user).await
                }
                Some(_) => None,
            },
        };
        let Some(password) = password else {
            return Ok(false);
        };
        tried.push("the password".to_owned());
        let password = text_of(&password, "the SSH password")?;
        let answer = handle.authenticate_password(&self.user, password).await;
        let answer = answer.map_err(|error| self.failed(&error))?;
        Ok(matches!(answer, AuthResult::Success))
    }

    // What the server takes; none if it has let us in without anything.
    async fn offered(&self, handle: &mut Handle<HostKey>) -> Result<Option<MethodSet>, Error> {
        let asked = handle.authenticate_none(&self.user).await;
        Ok(match asked.map_err(|error| self.failed(&error))? {
            AuthResult::Success => None,
            AuthResult::Failure {
                remaining_methods, ..
            } => Some(remaining_methods),
        })
    }

    pub(super) async fn ask(&self, wanted: Wanted, of: &str) -> Option<Secret> {
        if self.uri.switch("no_tty") {
            return None;
        }
        let question = Question {
            wanted,
            purpose: "SSH".to_owned(),
            host: self.host.clone(),
            of: Some(of.to_owned()),
        };
        self.options
            .credentials
            .prompt
            .as_ref()?
            .ask(question)
            .await
    }
}

fn decode(
    candidate: &Candidate,
    passphrase: Option<&Secret>,
) -> Result<PrivateKey, russh::keys::Error> {
    let passphrase = passphrase.map(|secret| String::from_utf8_lossy(secret.expose()).into_owned());
    decode_secret_key(&candidate.text, passphrase.as_deref())
}

pub(super) fn text_of(secret: &Secret, what: &str) -> Result<String, Refusal> {
    let text = String::from_utf8(secret.expose().to_vec());
    text.map_err(|_| Refusal::unusable(what, "it is no text"))
}

/// What `sshauth` says, if it says anything.
fn methods(uri: &Uri) -> Result<Option<Vec<Method>>, UriError> {
    let Some(value) = uri.parameter("sshauth") else {
        return Ok(None);
    };
    let method = |name: &str| match name.trim() {
        "agent" => Some(Method::Agent),
        "privkey" => Some(Method::Key),
        "password" => Some(Method::Password),
        "keyboard-interactive" => Some(Method::Answers),
        _ => None,
    };
    let methods: Option<Vec<_>> = value.split(',').map(method).collect();
    match methods {
        Some(methods) => Ok(Some(methods)),
        None => Err(refused(
            "sshauth",
            value,
            "agent, privkey, password and keyboard-interactive are allowed, with commas between",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uri_picks_and_orders() {
        let of = |value: &str| {
            let uri: Uri = format!("qemu+ssh://h/system?sshauth={value}")
                .parse()
                .unwrap();
            methods(&uri)
        };
        assert_eq!(
            of("privkey,agent"),
            Ok(Some(vec![Method::Key, Method::Agent]))
        );
        assert_eq!(
            of("password,keyboard-interactive"),
            Ok(Some(vec![Method::Password, Method::Answers]))
        );
        for value in ["", "agent,", "privkey,gssapi"] {
            let said = of(value).unwrap_err().to_string();
            assert!(
                said.contains("sshauth") && said.contains("privkey"),
                "{said}"
            );
        }
        assert_eq!(methods(&"qemu+ssh://h/".parse().unwrap()), Ok(None));
    }
}
