//! The words before the first call.

use super::server::Server;
use super::{keepalive, pair, pair_with};
use crate::connect::ConnectOptions;

const OPEN: i32 = 1;
const FEATURE: i32 = 60;
const AUTH_LIST: i32 = 66;
const AUTH_POLKIT: i32 = 70;

const YES: [u8; 4] = [0, 0, 0, 1];

fn auth(kind: u8) -> [u8; 8] {
    [0, 0, 0, 1, 0, 0, 0, kind]
}

async fn open(server: &mut Server) -> Vec<u8> {
    let open = server.answer(OPEN, &[]).await;
    server.answer(FEATURE, &YES).await;
    open.body
}

#[tokio::test]
async fn each_step_waits_for_the_one_before() {
    let (client, mut server) = pair_with(ConnectOptions {
        keepalive: keepalive(),
        read_only: true,
        ..ConnectOptions::default()
    });
    let serve = async {
        server.answer(AUTH_LIST, &auth(0)).await;
        let feature = server.answer(FEATURE, &YES).await;
        assert_eq!(feature.body, [0, 0, 0, 10]);
        open(&mut server).await
    };
    let (opened, body) = tokio::join!(client.open(), serve);
    opened.unwrap();
    let mut expected = vec![0, 0, 0, 1, 0, 0, 0, 15];
    expected.extend_from_slice(b"test:///default\0");
    expected.extend_from_slice(&[0, 0, 0, 1]);
    assert_eq!(body, expected);
}

#[tokio::test]
async fn polkit_is_asked_where_the_server_wants_it() {
    let (client, mut server) = pair();
    let serve = async {
        server.answer(AUTH_LIST, &auth(2)).await;
        server.answer(AUTH_POLKIT, &YES).await;
        open(&mut server).await
    };
    let (opened, _) = tokio::join!(client.open(), serve);
    opened.unwrap();
}

#[tokio::test]
async fn a_server_without_the_list_needs_no_authentication() {
    let (client, mut server) = pair();
    let serve = async {
        let list = server.expect(AUTH_LIST).await;
        server.refuse(&list, 3, "no").await;
        open(&mut server).await
    };
    let (opened, _) = tokio::join!(client.open(), serve);
    opened.unwrap();
}

#[tokio::test]
async fn a_refused_open_is_told() {
    let (client, mut server) = pair();
    let serve = async {
        server.answer(AUTH_LIST, &auth(0)).await;
        let open = server.expect(OPEN).await;
        server
            .refuse(&open, 5, "no connection driver available")
            .await;
    };
    let (opened, ()) = tokio::join!(client.open(), serve);
    assert_eq!(opened.unwrap_err().code(), Some(5));
}

mod sasl {
    use std::sync::{Arc, Mutex};

    use super::{AUTH_LIST, auth};
    use crate::connect::ConnectOptions;
    use crate::credentials::{Credentials, SaslCredentials};
    use crate::error::Error;
    use crate::prompt::{Prompt, Question, Wanted};
    use crate::refusal::Refusal;
    use crate::tests::pair_with;
    use crate::tests::server::Server;

    const INIT: i32 = 67;
    const START: i32 = 68;
    const STEP: i32 = 69;

    fn options(username: Option<&str>) -> ConnectOptions {
        ConnectOptions {
            keepalive: None,
            credentials: Credentials {
                sasl: SaslCredentials {
                    username: username.map(str::to_owned),
                    password: Some("pencil".into()),
                },
                only_given: true,
                ..Credentials::default()
            },
            ..ConnectOptions::default()
        }
    }

    fn string(text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap();
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// An answer to START or STEP: each byte takes four.
    fn said(complete: u8, text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap();
        let head = [u32::from(complete), u32::from(text.is_empty()), length];
        let bytes = text.bytes().map(u32::from);
        head.into_iter()
            .chain(bytes)
            .flat_map(u32::to_be_bytes)
            .collect()
    }

    fn heard(body: &[u8], after: usize) -> String {
        let words = body[after..].chunks_exact(4).skip(2);
        words.map(|word| char::from(word[3])).collect()
    }

    /// Begins as a server does, and answers the client's first message with a nonce of its own.
    async fn begin(server: &mut Server) -> String {
        server.answer(AUTH_LIST, &auth(1)).await;
        server.answer(INIT, &string("scram-sha-256")).await;
        let request = server.expect(START).await;
        let first = heard(&request.body, string("SCRAM-SHA-256").len());
        let nonce = first.rsplit_once("r=").unwrap().1;
        let answer = format!("r={nonce}more,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        server.reply(&request, &said(0, &answer)).await;
        first
    }

    #[tokio::test]
    async fn a_server_that_does_not_know_the_password_is_refused() {
        let (client, mut server) = pair_with(options(Some("user")));
        let serve = async {
            let first = begin(&mut server).await;
            assert!(first.starts_with("n,,n=user,r="), "{first}");
            let proof = server.answer(STEP, &said(1, "v=AAAA")).await;
            assert!(heard(&proof.body, 0).contains(",p="));
        };
        let (opened, ()) = tokio::join!(client.open(), serve);
        let expected = "SCRAM-SHA-256: the server does not know the password".to_owned();
        assert_eq!(opened, Err(Error::Identity(Refusal::SaslServer(expected))));
    }

    #[tokio::test]
    async fn a_server_that_skips_its_proof_is_refused() {
        let (client, mut server) = pair_with(options(Some("user")));
        let serve = async {
            begin(&mut server).await;
            server.answer(STEP, &said(1, "")).await;
        };
        let (opened, ()) = tokio::join!(client.open(), serve);
        assert!(matches!(
            opened,
            Err(Error::Identity(Refusal::SaslServer(_)))
        ));
    }

    /// What somebody is asked, who says "pencil" each time, or nothing.
    async fn asked(username: Option<&str>, password: Option<&str>, answers: bool) -> Vec<Question> {
        let questions = Arc::new(Mutex::new(Vec::new()));
        let remember = Arc::clone(&questions);
        let mut options = options(username);
        options.credentials.sasl.password = password.map(Into::into);
        options.credentials.prompt = Some(Prompt::new(move |question| {
            remember.lock().unwrap().push(question);
            async move { answers.then(|| "pencil".into()) }
        }));
        let (client, mut server) = pair_with(options);
        let serve = async {
            if answers || (username.is_some() && password.is_some()) {
                let first = begin(&mut server).await;
                let name = username.unwrap_or("pencil");
                assert!(first.starts_with(&format!("n,,n={name},r=")), "{first}");
                server.answer(STEP, &said(1, "v=AAAA")).await;
            } else {
                server.answer(AUTH_LIST, &auth(1)).await;
                server.answer(INIT, &string("scram-sha-256")).await;
            }
        };
        let (opened, ()) = tokio::join!(client.open(), serve);
        let refusal = opened.unwrap_err();
        let is_missing = matches!(refusal, Error::Identity(Refusal::Missing { .. }));
        assert_eq!(is_missing, !answers, "{refusal}");
        let questions = questions.lock().unwrap();
        questions.clone()
    }

    #[tokio::test]
    async fn only_what_is_missing_is_asked_for() {
        let question = |wanted, of: Option<&str>| Question {
            wanted,
            purpose: "SCRAM-SHA-256".to_owned(),
            host: "nowhere".to_owned(),
            of: of.map(str::to_owned),
        };
        let password = |of| question(Wanted::Password, Some(of));
        assert_eq!(asked(Some("fred"), Some("x"), true).await, []);
        assert_eq!(asked(Some("fred"), None, true).await, [password("fred")]);
        let asked_first = || question(Wanted::Username, None);
        assert_eq!(asked(None, Some("x"), true).await, [asked_first()]);
        let both = [asked_first(), password("pencil")];
        assert_eq!(asked(None, None, true).await, both);
        assert_eq!(asked(None, None, false).await, [asked_first()]);
    }

    #[tokio::test]
    async fn a_password_that_is_not_given_is_asked_for() {
        let (client, mut server) = pair_with(options(None));
        let serve = async {
            server.answer(AUTH_LIST, &auth(1)).await;
            server.answer(INIT, &string("scram-sha-256")).await;
        };
        let (opened, ()) = tokio::join!(client.open(), serve);
        let said = opened.unwrap_err().to_string();
        assert_eq!(said, "a username for SASL is needed and not given");
    }

    #[tokio::test]
    async fn a_password_is_not_told_to_whoever_listens() {
        let (client, mut server) = pair_with(options(Some("user")));
        let serve = async {
            server.answer(AUTH_LIST, &auth(1)).await;
            server.answer(INIT, &string("PLAIN")).await;
        };
        let (opened, ()) = tokio::join!(client.open(), serve);
        let said = opened.unwrap_err();
        assert!(matches!(said, Error::Identity(Refusal::NoMechanism { .. })));
    }
}
