//! SASL, carried by three procedures of libvirt's.

use drover_rpc_proto::remote::AuthSaslStepRet;

use super::conf;
use super::scram::{Hash, Proved, Scram, ScramError};
use crate::client::Client;
use crate::credentials::{Credentials, SaslCredentials, Secret};
use crate::error::Error;
use crate::prompt::{Question, Wanted};
use crate::refusal::Refusal;
use crate::uri::Transport;

/// What this client can do, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mechanism {
    Scram(Hash),
    Plain,
}

const MECHANISMS: [(&str, Mechanism); 3] = [
    ("SCRAM-SHA-256", Mechanism::Scram(Hash::Sha256)),
    ("SCRAM-SHA-1", Mechanism::Scram(Hash::Sha1)),
    ("PLAIN", Mechanism::Plain),
];

/// Who we say we are, and how.
struct Attempt {
    user: String,
    password: String,
    name: &'static str,
}

/// Proves who we are by a password.
pub(super) async fn authenticate(client: &Client, wanted: Option<&str>) -> Result<(), Error> {
    let uri = &client.shared.uri;
    let offered = client.auth_sasl_init().await?.to_string();
    let (name, mechanism) = choose(&offered, wanted, uri.transport)?;
    let (user, password) = user_and_password(client, name).await?;
    let attempt = Attempt {
        user,
        password,
        name,
    };
    match mechanism {
        Mechanism::Scram(hash) => scram(client, hash, &attempt).await,
        Mechanism::Plain => plain(client, &attempt).await,
    }
}

// A password is not told to whoever listens.
fn choose(
    offered: &str,
    wanted: Option<&str>,
    transport: Transport,
) -> Result<(&'static str, Mechanism), Refusal> {
    let offered: Vec<&str> = offered
        .split([',', ' '])
        .filter(|name| !name.is_empty())
        .collect();
    if let Some(other) = wanted.filter(|wanted| !can(wanted)) {
        return Err(Refusal::unusable(
            format!("the mechanism {other:?} of SASL"),
            "SCRAM-SHA-256, SCRAM-SHA-1 and PLAIN are done here",
        ));
    }
    // What a program of somebody's does with the bytes is not known.
    let secret = !matches!(transport, Transport::Tcp | Transport::Ext);
    let mut allowed = MECHANISMS.iter().filter(|(name, mechanism)| {
        let picked = wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(name));
        picked && (secret || *mechanism != Mechanism::Plain)
    });
    let is_offered = |name: &str| offered.iter().any(|other| other.eq_ignore_ascii_case(name));
    let names: Vec<&str> = allowed.clone().map(|(name, _)| *name).collect();
    let found = allowed.find(|(name, _)| is_offered(name)).copied();
    found.ok_or_else(|| Refusal::NoMechanism {
        offered: offered.iter().map(|name| (*name).to_owned()).collect(),
        allowed: match names.is_empty() {
            true => "nothing".to_owned(),
            false => names.join(", "),
        },
    })
}

fn can(name: &str) -> bool {
    MECHANISMS
        .iter()
        .any(|(mechanism, _)| mechanism.eq_ignore_ascii_case(name))
}

async fn user_and_password(client: &Client, purpose: &str) -> Result<(String, String), Refusal> {
    let credentials = &client.shared.options.credentials;
    let mut sasl = credentials.sasl.clone();
    if !credentials.only_given && (sasl.username.is_none() || sasl.password.is_none()) {
        let found = from_file(client)?;
        sasl.username = sasl.username.or(found.username);
        sasl.password = sasl.password.or(found.password);
    }
    let ask = |wanted, of| Question {
        wanted,
        purpose: purpose.to_owned(),
        host: client.shared.uri.host_or_default().to_owned(),
        of,
    };
    let user = match sasl.username {
        Some(user) => user,
        None => answer(credentials, ask(Wanted::Username, None), "username").await?,
    };
    let password = match sasl.password {
        Some(password) => utf8(&password, "password")?,
        None => {
            let question = ask(Wanted::Password, Some(user.clone()));
            answer(credentials, question, "password").await?
        }
    };
    Ok((user, password))
}

async fn answer(
    credentials: &Credentials,
    question: Question,
    what: &str,
) -> Result<String, Refusal> {
    let answer = match &credentials.prompt {
        Some(prompt) => prompt.ask(question).await,
        None => None,
    };
    let answer = answer.ok_or_else(|| Refusal::missing(format!("a {what} for SASL")))?;
    utf8(&answer, what)
}

fn utf8(secret: &Secret, what: &str) -> Result<String, Refusal> {
    let text = String::from_utf8(secret.expose().to_vec());
    text.map_err(|_| Refusal::unusable(format!("the {what}"), "it is not UTF-8"))
}

fn from_file(client: &Client) -> Result<SaslCredentials, Refusal> {
    let uri = &client.shared.uri;
    let files = conf::files(uri.parameter("authfile"), |name| std::env::var(name).ok());
    let Some(file) = files.into_iter().find(|file| file.is_file()) else {
        return Ok(SaslCredentials::default());
    };
    let text = std::fs::read_to_string(&file)
        .map_err(|error| Refusal::unusable(file.display().to_string(), error))?;
    let host = uri.host.as_deref().unwrap_or("localhost");
    Ok(conf::find(&text, host).unwrap_or_default())
}

fn unusable(reason: &str) -> Refusal {
    Refusal::unusable("the password", reason)
}

async fn plain(client: &Client, attempt: &Attempt) -> Result<(), Error> {
    if attempt.user.contains('\0') || attempt.password.contains('\0') {
        return Err(unusable("it contains a zero byte").into());
    }
    let message = format!("\0{}\0{}", attempt.user, attempt.password);
    let said = start(client, attempt, &message).await?;
    match said.complete {
        0 => Err(attempt.refused().into()),
        _ => Ok(()),
    }
}

async fn scram(client: &Client, hash: Hash, attempt: &Attempt) -> Result<(), Error> {
    let unusable = |error: ScramError| unusable(&error.to_string());
    let (user, password) = (&attempt.user, &attempt.password);
    let (scram, first) = Scram::begin(hash, user, password, nonce()?).map_err(unusable)?;
    let said = start(client, attempt, &first).await?;
    let (proved, answer) = prove(scram, text(&said), attempt.name).await?;
    let said = attempt.judge(step(client, Some(&answer)).await)?;
    // The server may say its last word and be done, or wait for us to have heard it.
    verify(&proved, text(&said), attempt)?;
    if said.complete != 0 {
        return Ok(());
    }
    match attempt.judge(step(client, None).await)?.complete {
        0 => Err(Refusal::SaslServer(attempt.name.to_owned()).into()),
        _ => Ok(()),
    }
}

// Many rounds take long: others have work to do meanwhile.
async fn prove(scram: Scram, first: String, name: &str) -> Result<(Proved, String), Error> {
    let proving = tokio::task::spawn_blocking(move || scram.prove(&first)).await;
    let refusal =
        |reason: String| Error::Identity(Refusal::SaslServer(format!("{name}: {reason}")));
    match proving {
        Ok(proved) => proved.map_err(|error| refusal(error.to_string())),
        Err(error) => Err(refusal(error.to_string())),
    }
}

fn verify(proved: &Proved, last: String, attempt: &Attempt) -> Result<(), Refusal> {
    proved.verify(&last).map_err(|error| match error {
        ScramError::Refused(_) => attempt.refused(),
        other => Refusal::SaslServer(format!("{}: {other}", attempt.name)),
    })
}

impl Attempt {
    fn refused(&self) -> Refusal {
        Refusal::Sasl {
            user: self.user.clone(),
            mechanism: self.name.to_owned(),
        }
    }

    // libvirt does not say whether it was the user or the password, or anything else.
    fn judge<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|error| match error.libvirt() {
            Some(_) => self.refused().into(),
            None => error,
        })
    }
}

async fn start(
    client: &Client,
    attempt: &Attempt,
    message: &str,
) -> Result<AuthSaslStepRet, Error> {
    let started = client
        .auth_sasl_start(attempt.name, 0, bytes(message))
        .await;
    let said = attempt.judge(started)?;
    Ok(AuthSaslStepRet {
        complete: said.complete,
        nil: said.nil,
        data: said.data,
    })
}

// None and empty are not the same to SASL.
async fn step(client: &Client, message: Option<&str>) -> Result<AuthSaslStepRet, Error> {
    let nil = i32::from(message.is_none());
    client
        .auth_sasl_step(nil, bytes(message.unwrap_or_default()))
        .await
}

// The protocol's bytes are signed.
fn bytes(text: &str) -> Vec<i8> {
    text.bytes().map(u8::cast_signed).collect()
}

fn text(said: &AuthSaslStepRet) -> String {
    let bytes: Vec<u8> = said.data.iter().map(|byte| byte.cast_unsigned()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn nonce() -> Result<String, Error> {
    use base64::Engine as _;
    use ring::rand::SecureRandom as _;
    let mut random = [0; 18];
    ring::rand::SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| unusable("this machine has no random numbers"))?;
    Ok(base64::engine::general_purpose::STANDARD.encode(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_that_both_can() {
        let chosen = |offered: &str, wanted, transport| {
            choose(offered, wanted, transport).map(|(name, _)| name)
        };
        let tls = Transport::Tls;
        let all = "plain,scram-sha-1,scram-sha-256,gssapi";
        assert_eq!(chosen(all, None, tls), Ok("SCRAM-SHA-256"));
        assert_eq!(chosen(all, Some("plain"), tls), Ok("PLAIN"));
        assert_eq!(chosen("PLAIN GSSAPI", None, Transport::Unix), Ok("PLAIN"));
        let said = chosen("PLAIN", None, Transport::Tcp).unwrap_err();
        assert_eq!(
            said.to_string(),
            "the server offers [\"PLAIN\"]; SCRAM-SHA-256, SCRAM-SHA-1 can be used here"
        );
        assert!(chosen("gssapi", None, tls).is_err());
        assert_eq!(
            chosen(all, Some("gssapi"), tls).unwrap_err().to_string(),
            "the mechanism \"gssapi\" of SASL cannot be used: \
             SCRAM-SHA-256, SCRAM-SHA-1 and PLAIN are done here"
        );
        assert!(chosen("scram-sha-1", Some("scram-sha-256"), tls).is_err());
        assert!(chosen("plain", None, Transport::Ext).is_err());
        assert!(chosen("", None, tls).is_err());
    }
}
