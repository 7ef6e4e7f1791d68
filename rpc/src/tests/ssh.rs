//! SSH: a server in this process that forwards or does not, with and without libvirt's helper.

mod server;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::keys::agent::client::AgentClient;
use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};

use self::server::{Rules, Server, key};
use super::plain::Plain;
use crate::client::Client;
use crate::connect::ConnectOptions;
use crate::credentials::{Credentials, Secret, SshCredentials};
use crate::error::Error;
use crate::permissions::Permissions;
use crate::prompt::{Prompt, Question, Wanted};
use crate::refusal::Refusal;
use crate::transport::dial;
use crate::uri::UriError;

const DIRECT: &str = "/var/run/libvirt/virtqemud-sock";
const LEGACY: &str = "/var/run/libvirt/libvirt-sock";

fn text(key: &PrivateKey) -> Secret {
    key.to_openssh(LineEnding::LF)
        .unwrap()
        .as_bytes()
        .to_vec()
        .into()
}

/// A server that lets the owner of that key in.
async fn server(key: &PrivateKey, sockets: &[&'static str], programs: &[&'static str]) -> Server {
    Server::start(Rules {
        key: Some(key.public_key().clone()),
        sockets: sockets.to_vec(),
        programs: programs.to_vec(),
        ..Rules::default()
    })
    .await
}

fn knowing(server: &Server) -> SshCredentials {
    SshCredentials {
        known_hosts: Some(server.known_hosts(&server.host_key)),
        ..SshCredentials::default()
    }
}

fn options(ssh: SshCredentials) -> ConnectOptions {
    ConnectOptions {
        keepalive: None,
        credentials: Credentials {
            ssh,
            only_given: true,
            ..Credentials::default()
        },
        ..ConnectOptions::default()
    }
}

async fn try_at(server: &Server, rest: &str, options: &ConnectOptions) -> Result<Plain, Error> {
    let uri = format!("qemu+ssh://me@127.0.0.1:{}/{rest}", server.port);
    dial(&uri.parse().unwrap(), options).await.map(Plain)
}

async fn line(socket: &mut Plain) -> String {
    let mut said = Vec::new();
    while said.last() != Some(&b'\n') {
        said.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8(said).unwrap().trim_end().to_owned()
}

/// What is reached by a URI.
async fn reached(
    rest: &str,
    sockets: &[&'static str],
    programs: &[&'static str],
    permit: Permissions,
) -> String {
    let mine = key();
    let server = server(&mine, sockets, programs).await;
    let options = ConnectOptions {
        read_only: rest.starts_with("ro-"),
        permit,
        ..options(SshCredentials {
            private_key: Some(text(&mine)),
            ..knowing(&server)
        })
    };
    let rest = rest.trim_start_matches("ro-");
    let mut socket = try_at(&server, rest, &options).await.unwrap();
    let said = line(&mut socket).await;
    if !said.starts_with("forwarded") {
        socket.write_all(b"and back\n").await.unwrap();
        assert_eq!(line(&mut socket).await, "and back");
    }
    drop(socket);
    let gone = tokio::time::timeout(Duration::from_secs(10), server.ended());
    gone.await.expect("the connection and its program end");
    said
}

const BOTH: &[&str] = &["helper", "netcat"];

/// A URI's end, the sockets to which the server forwards, the programs there, and what is reached.
type Way = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

#[rustfmt::skip]
const WAYS: [Way; 14] = [
    ("system", &[DIRECT, LEGACY], BOTH, "forwarded to /var/run/libvirt/virtqemud-sock"),
    ("system", &[LEGACY], BOTH, "forwarded to /var/run/libvirt/libvirt-sock"),
    ("system", &[], BOTH, "helper qemu:///system"),
    ("ro-system", &[], BOTH, "helper -r qemu:///system"),
    ("system?x='$(a)%20b", &[], BOTH, "helper qemu:///system?x=%27%24%28a%29%20b"),
    ("system", &[], &["netcat"], "nc -q0 -U /var/run/libvirt/libvirt-sock"),
    ("system", &[], &["plain-netcat"], "plain nc -U /var/run/libvirt/libvirt-sock"),
    ("system?mode=direct", &[LEGACY], BOTH, "nc -q0 -U /var/run/libvirt/virtqemud-sock"),
    ("system?proxy=native", &[DIRECT], BOTH, "helper qemu:///system"),
    ("system?proxy=netcat", &[DIRECT], BOTH, "nc -q0 -U /var/run/libvirt/libvirt-sock"),
    // The socket that is named, and no other.
    ("system?socket=/my%20own", &["/my own"], BOTH, "forwarded to /my own"),
    ("system?socket=/my%20own", &[DIRECT, LEGACY], BOTH, "nc -q0 -U /my own"),
    ("session?socket=/own", &[], BOTH, "nc -q0 -U /own"),
    // A session is never the system's daemon.
    ("session", &[DIRECT, LEGACY], BOTH, "helper qemu:///session"),
];

#[tokio::test]
async fn the_first_way_that_is_open_is_gone() {
    let not = Permissions::default();
    for (rest, sockets, programs, expected) in WAYS {
        let found = reached(rest, sockets, programs, not).await;
        assert_eq!(found, expected, "{rest}");
    }
    let may = Permissions {
        programs: true,
        ..not
    };
    let found = reached("system?netcat=nc", &[DIRECT], BOTH, may).await;
    assert_eq!(found, "nc -q0 -U /var/run/libvirt/libvirt-sock");
}

#[tokio::test]
async fn what_the_far_side_complains_about_is_told() {
    let mine = key();
    let server = server(&mine, &[], &[]).await;
    let uri = format!("qemu+ssh://me@127.0.0.1:{}/system", server.port);
    let options = options(SshCredentials {
        private_key: Some(text(&mine)),
        ..knowing(&server)
    });
    let failed = Client::connect(&uri.parse().unwrap(), options).await;
    let said = failed.unwrap_err().to_string();
    assert!(said.starts_with("the far side says: "), "{said}");
    assert!(said.contains("nc: not found"), "{said}");
}

/// What comes of credentials with a server that accepts a key, and the password "sesame".
async fn enters(
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

#[tokio::test]
async fn who_the_server_is() {
    let mine = key();
    let with = |known_hosts: fn(&Server) -> String, unverified| {
        let mine = text(&mine);
        move |server: &Server| ConnectOptions {
            permit: Permissions {
                unverified,
                ..Permissions::default()
            },
            ..options(SshCredentials {
                private_key: Some(mine.clone()),
                known_hosts: Some(known_hosts(server)),
                ..SshCredentials::default()
            })
        }
    };
    let enters = |rest: &'static str, options| enters(Some(&mine), rest, options);
    let none = |_: &Server| String::new();
    let other = |server: &Server| server.known_hosts(key().public_key());
    let said = enters("system", with(none, false)).await;
    assert!(matches!(
        said,
        Err(Error::Identity(Refusal::HostKeyUnknown { .. }))
    ));
    let said = enters("system", with(other, false)).await;
    assert!(matches!(
        said,
        Err(Error::Identity(Refusal::HostKeyChanged { .. }))
    ));
    for rest in ["system?no_verify=1", "system?known_hosts_verify=ignore"] {
        let said = enters(rest, with(other, false)).await;
        assert!(matches!(
            said,
            Err(Error::Uri(UriError::NotPermitted { .. }))
        ));
        assert_eq!(enters(rest, with(other, true)).await, Ok(()));
    }
    let said = enters("system?no_verify=0", with(other, true)).await;
    assert!(matches!(
        said,
        Err(Error::Identity(Refusal::HostKeyChanged { .. }))
    ));
}

/// A server's side of the first words of SSH, with these kinds of host keys.
fn greeting(kinds: &str) -> Vec<u8> {
    let lists = [
        "curve25519-sha256",
        kinds,
        "aes256-ctr",
        "aes256-ctr",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ];
    let mut payload = vec![20];
    payload.extend([7; 16]);
    for list in lists {
        payload.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
        payload.extend(list.bytes());
    }
    payload.extend([0; 5]);
    let padding = 16 - (payload.len() + 5) % 8;
    let length = u32::try_from(payload.len() + padding + 1).unwrap();
    let mut greeting = b"SSH-2.0-test\r\n".to_vec();
    greeting.extend(length.to_be_bytes());
    greeting.push(u8::try_from(padding).unwrap());
    greeting.extend(payload);
    greeting.resize(greeting.len() + padding, 0);
    greeting
}

#[tokio::test]
async fn a_host_key_certificate_is_named() {
    for (kinds, is_named) in [
        (
            "ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com",
            true,
        ),
        ("ssh-dss", false),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(&greeting(kinds)).await.unwrap();
            socket.read_to_end(&mut Vec::new()).await.ok();
        });
        let uri = format!("qemu+ssh://me@127.0.0.1:{port}/system");
        let options = options(SshCredentials {
            private_key: Some(text(&key())),
            known_hosts: Some(String::new()),
            ..SshCredentials::default()
        });
        let said = dial(&uri.parse().unwrap(), &options).await.err().unwrap();
        let named = Error::Identity(Refusal::HostKeyCertificate {
            server: "127.0.0.1".to_owned(),
        });
        assert_eq!(said == named, is_named, "{said}");
        assert!(is_named || matches!(said, Error::Connect { .. }), "{said}");
    }
}
