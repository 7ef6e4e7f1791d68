//! As whom one comes in, and how it is proved.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use russh::keys::PrivateKey;
use russh::keys::agent::client::AgentClient;
use russh::keys::key::safe_rng;
use tokio::net::UnixListener;

use super::server::{Rules, Server, key};
use super::{LEGACY, knowing, line, options, text, try_at};
use crate::connect::ConnectOptions;
use crate::credentials::{Secret, SshCredentials};
use crate::error::Error;
use crate::prompt::{Prompt, Question, Wanted};
use crate::refusal::Refusal;
use crate::uri::UriError;

/// What comes of credentials with a server that accepts a key, and the password "sesame".
pub(super) async fn enters(
    accepted: Option<&PrivateKey>,
    rest: &str,
    options: impl Fn(&Server) -> ConnectOptions,
) -> Result<(), Error> {
    let server = Server::start(Rules {
        key: accepted.map(|key| key.public_key().clone()),
        password: Some("sesame"),
        sockets: vec![LEGACY],
        ..Rules::default()
    })
    .await;
    enters_at(&server, rest, &options(&server)).await
}

async fn enters_at(server: &Server, rest: &str, options: &ConnectOptions) -> Result<(), Error> {
    let mut socket = try_at(server, rest, options).await?;
    assert_eq!(line(&mut socket).await, format!("forwarded to {LEGACY}"));
    Ok(())
}

fn refused(tried: &str) -> Result<(), Error> {
    Err(Error::Identity(Refusal::Ssh {
        server: "127.0.0.1".to_owned(),
        user: "me".to_owned(),
        tried: tried.to_owned(),
    }))
}

#[tokio::test]
async fn by_a_key() {
    let mine = key();
    let with = |key: &PrivateKey, passphrase: Option<&str>| {
        let (key, passphrase) = (text(key), passphrase.map(Secret::from));
        move |server: &Server| {
            options(SshCredentials {
                private_key: Some(key.clone()),
                passphrase: passphrase.clone(),
                ..knowing(server)
            })
        }
    };
    let locked = mine.encrypt(&mut safe_rng(), "open").unwrap();
    let enters = |options| enters(Some(&mine), "system", options);
    assert_eq!(enters(with(&mine, None)).await, Ok(()));
    assert_eq!(enters(with(&locked, Some("open"))).await, Ok(()));
    let said = enters(with(&locked, Some("shut"))).await.unwrap_err();
    assert!(matches!(said, Error::Identity(Refusal::Unusable { .. })));
    let said = enters(with(&locked, None)).await.unwrap_err().to_string();
    assert_eq!(
        said,
        "the passphrase of the key that is given is needed and not given"
    );
    assert_eq!(
        enters(with(&key(), None)).await,
        refused("the key that is given")
    );
}

/// Somebody who answers each question with the same words, and remembers the questions.
fn somebody(answer: Option<&'static str>) -> (Prompt, Arc<Mutex<Vec<Question>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let remember = Arc::clone(&asked);
    let prompt = Prompt::new(move |question| {
        remember.lock().unwrap().push(question);
        async move { answer.map(Secret::from) }
    });
    (prompt, asked)
}

fn question(wanted: Wanted, of: &str) -> Question {
    Question {
        wanted,
        purpose: "SSH".to_owned(),
        host: "127.0.0.1".to_owned(),
        of: Some(of.to_owned()),
    }
}

#[tokio::test]
async fn what_is_missing_is_asked_for() {
    let mine = key();
    let locked = mine.encrypt(&mut safe_rng(), "open").unwrap();
    let asking = |key: Option<&PrivateKey>, answer| {
        let (prompt, asked) = somebody(answer);
        let key = key.map(text);
        let options = move |server: &Server| {
            let mut options = options(SshCredentials {
                private_key: key.clone(),
                ..knowing(server)
            });
            options.credentials.prompt = Some(prompt.clone());
            options
        };
        (options, asked)
    };
    let (options, asked) = asking(Some(&locked), Some("open"));
    assert_eq!(enters(Some(&mine), "system", options).await, Ok(()));
    let expected = [question(Wanted::Passphrase, "the key that is given")];
    assert_eq!(*asked.lock().unwrap(), expected);

    // Nothing is missing, so nobody is asked.
    let (options, asked) = asking(Some(&mine), Some("?"));
    assert_eq!(enters(Some(&mine), "system", options).await, Ok(()));
    assert!(asked.lock().unwrap().is_empty());

    let (options, asked) = asking(None, Some("sesame"));
    assert_eq!(enters(None, "system", options).await, Ok(()));
    assert_eq!(*asked.lock().unwrap(), [question(Wanted::Password, "me")]);

    let (options, asked) = asking(None, Some("sesame"));
    let silent = enters(None, "system?no_tty=1", options).await;
    assert!(matches!(
        silent,
        Err(Error::Identity(Refusal::Missing { .. }))
    ));
    assert!(asked.lock().unwrap().is_empty());

    let (options, _) = asking(None, Some("wrong"));
    assert_eq!(
        enters(None, "system", options).await,
        refused("the password")
    );
    let (options, _) = asking(None, None);
    let said = enters(None, "system", options).await;
    assert!(matches!(
        said,
        Err(Error::Identity(Refusal::Missing { .. }))
    ));
}

#[tokio::test]
async fn by_a_password_that_is_given() {
    let with = |server: &Server| {
        options(SshCredentials {
            private_key: Some(text(&key())),
            password: Some("sesame".into()),
            ..knowing(server)
        })
    };
    assert_eq!(enters(None, "system", with).await, Ok(()));
    let only_key = enters(None, "system?sshauth=privkey", with).await;
    assert_eq!(only_key, refused("the key that is given"));
    let unknown = enters(None, "system?sshauth=gssapi", with).await;
    assert!(matches!(
        unknown,
        Err(Error::Uri(UriError::Parameter {
            name: "sshauth",
            ..
        }))
    ));
}

#[tokio::test]
async fn what_the_server_asks_is_answered() {
    let questions = vec![("Password: ", false, "sesame"), ("Code: ", true, "123")];
    let with = async |password: Option<&str>, answer, rest| {
        let server = Server::start(Rules {
            questions: questions.clone(),
            sockets: vec![LEGACY],
            ..Rules::default()
        })
        .await;
        let (prompt, asked) = somebody(answer);
        let mut options = options(SshCredentials {
            password: password.map(Secret::from),
            ..knowing(&server)
        });
        options.credentials.prompt = Some(prompt);
        let entered = enters_at(&server, rest, &options).await;
        let asked = asked.lock().unwrap().clone();
        (entered, asked)
    };
    let of_code = [question(Wanted::Answer, "Code:")];
    let interactive = "system?sshauth=keyboard-interactive";
    let good = with(Some("sesame"), Some("123"), interactive).await;
    assert_eq!(good, (Ok(()), of_code.to_vec()));
    // Nobody is asked for a password that the server would not take by itself.
    let (entered, asked) = with(None, Some("sesame"), "system").await;
    let tried = "answers to its questions";
    assert_eq!(entered, refused(tried));
    let of_password = question(Wanted::Answer, "Password:");
    assert_eq!(asked, [of_password, of_code[0].clone()]);
    let (entered, asked) = with(Some("wrong"), Some("123"), interactive).await;
    assert_eq!((entered, asked), (refused(tried), Vec::new()));
    let (entered, _) = with(Some("sesame"), None, interactive).await;
    assert_eq!(entered, refused(tried));
    // What nobody answers has not been tried.
    let (entered, _) = with(None, None, interactive).await;
    assert!(matches!(
        entered,
        Err(Error::Identity(Refusal::Missing { .. }))
    ));
}

/// An agent with that key; its socket.
async fn agent(key: &PrivateKey) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("drover-agent-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let socket = folder.join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let incoming = futures::stream::unfold(listener, |listener| async move {
        let accepted = listener.accept().await.map(|(stream, _)| stream);
        Some((accepted, listener))
    });
    tokio::spawn(russh::keys::agent::server::serve(Box::pin(incoming), ()));
    let mut client = AgentClient::connect_uds(&socket).await.unwrap();
    client.add_identity(key, &[]).await.unwrap();
    socket
}

#[tokio::test]
async fn by_an_agent() {
    let mine = key();
    let socket = agent(&mine).await;
    let with = |server: &Server| {
        options(SshCredentials {
            agent: Some(socket.clone()),
            ..knowing(server)
        })
    };
    assert_eq!(enters(Some(&mine), "system", with).await, Ok(()));
    assert_eq!(
        enters(Some(&mine), "system?sshauth=agent", with).await,
        Ok(())
    );
    let other = enters(Some(&key()), "system", with).await.unwrap_err();
    assert!(
        other.to_string().contains("tried the agent's key"),
        "{other}"
    );
    let without = enters(Some(&mine), "system?sshauth=privkey", with).await;
    assert!(matches!(
        without,
        Err(Error::Identity(Refusal::Missing { .. }))
    ));
    std::fs::remove_dir_all(socket.parent().unwrap()).unwrap();
}
