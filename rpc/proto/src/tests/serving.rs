//! The client and the server, joined without sockets.

use std::time::Duration;

use drover_xdr::{Encode, Encoder, to_bytes};
use proptest::prelude::*;

use super::{plain, seconds};
use crate::call::{Call, CallId};
use crate::connection::{Config, Connection, Output};
use crate::error::{CallError, LibvirtError, MAX_BODY, code};
use crate::frame::{Header, Kind, Status, write_frame};
use crate::keepalive_timer::Keepalive;
use crate::program::{KEEPALIVE, PONG, REMOTE};
use crate::remote;
use crate::remote::procedures::{
    ConnectDomainEventCallbackRegisterAny, ConnectGetLibVersion, DomainGetXmlDesc,
    DomainLookupByName,
};
use crate::server::{AnswerError, ClientError, Request, Server, failure};

struct Joined {
    client: Connection,
    server: Server,
}

impl Joined {
    fn new() -> Self {
        let keepalive = Some(Keepalive {
            interval: seconds(5),
            count: 5,
        });
        let config = Config {
            keepalive,
            ..Config::default()
        };
        Self {
            client: Connection::new(config, Duration::ZERO),
            server: Server::default(),
        }
    }

    // What the client writes arrives, in pieces.
    fn client_writes(&mut self) -> Vec<Request> {
        let mut bytes = Vec::new();
        while self.client.transmit(&mut bytes) {}
        for piece in bytes.chunks(7) {
            self.server.handle_input(piece).unwrap();
        }
        std::iter::from_fn(|| self.server.poll_request()).collect()
    }

    fn server_writes(&mut self, now: Duration) -> Vec<Output> {
        let mut bytes = Vec::new();
        while self.server.transmit(&mut bytes) {}
        self.client.handle_input(now, &bytes);
        std::iter::from_fn(|| self.client.poll_output()).collect()
    }

    fn raw(&mut self, kind: Kind, status: Status, program: u32, procedure: i32) {
        let mut bytes = Vec::new();
        let header = header(kind, status, program, procedure);
        write_frame(&mut bytes, &header, &[]);
        self.server.handle_input(&bytes).unwrap();
    }
}

fn header(kind: Kind, status: Status, program: u32, procedure: i32) -> Header {
    Header {
        program,
        version: 1,
        procedure,
        kind,
        serial: 9,
        status,
    }
}

fn of_reply(output: &Output) -> (CallId, Result<&[u8], &LibvirtError>) {
    match output {
        Output::Reply { call, result } => match result {
            Ok(body) => (*call, Ok(body)),
            Err(CallError::Libvirt(error)) => (*call, Err(error)),
            Err(error) => panic!("{error}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn calls_are_answered_in_any_order() {
    let mut joined = Joined::new();
    let version = Call::of::<ConnectGetLibVersion>(&()).unwrap();
    let name = remote::DomainLookupByNameArgs { name: "web".into() };
    let lookup = Call::of::<DomainLookupByName>(&name).unwrap();
    let version = joined.client.call(version).unwrap();
    let lookup = joined.client.call(lookup).unwrap();
    let requests = joined.client_writes();
    let asked = |id| usize::from(id != requests[0].is::<ConnectGetLibVersion>());
    let (of_version, of_lookup) = (&requests[asked(true)], &requests[asked(false)]);
    assert_eq!(of_lookup.args::<DomainLookupByName>().unwrap(), name);
    assert_eq!(of_lookup.info().unwrap().name, "DOMAIN_LOOKUP_BY_NAME");
    let error = failure(code::NO_DOMAIN, 12, "Domain not found");
    joined.server.refuse(of_lookup, &error);
    let reply = remote::ConnectGetLibVersionRet {
        lib_ver: 11_003_000,
    };
    let answered = joined
        .server
        .reply::<ConnectGetLibVersion>(of_version, &reply);
    answered.unwrap();
    let told = joined.server_writes(Duration::ZERO);
    assert_eq!(of_reply(&told[0]), (lookup, Err(&error.into())));
    let body = to_bytes(&reply).unwrap();
    assert_eq!(of_reply(&told[1]), (version, Ok(&body[..])));
}

#[test]
fn what_the_protocol_does_not_have_is_not_supported() {
    let mut joined = Joined::new();
    for procedure in [0, -1, 318, 454, i32::MAX] {
        let call = joined.client.call(plain(procedure)).unwrap();
        assert_eq!(joined.client_writes(), []);
        let told = joined.server_writes(Duration::ZERO);
        let (of, result) = of_reply(&told[0]);
        assert_eq!(of, call);
        assert!(result.unwrap_err().not_supported(), "{procedure}");
    }
    let other = Call::new(7, 1, 1, &()).unwrap();
    joined.client.call(other).unwrap();
    joined.client_writes();
    let told = joined.server_writes(Duration::ZERO);
    assert_eq!(of_reply(&told[0]).1.unwrap_err().code, code::RPC);
    assert!(joined.server.takes_more());
}

#[test]
fn keepalive_is_answered_at_once() {
    let mut joined = Joined::new();
    let mut now = Duration::ZERO;
    for _ in 0..20 {
        now = joined.client.poll_timeout().unwrap();
        joined.client.handle_timeout(now);
        assert_eq!(joined.client_writes(), []);
        assert_eq!(joined.server_writes(now), []);
    }
    assert!(now > seconds(60) && joined.client.closed().is_none());
    let pong = header(Kind::Message, Status::Ok, KEEPALIVE, PONG);
    let mut bytes = Vec::new();
    write_frame(&mut bytes, &pong, &[]);
    joined.server.handle_input(&bytes).unwrap();
    assert!(
        !joined.server.transmit(&mut Vec::new()),
        "it is no question"
    );
}

#[test]
fn events_find_their_registration() {
    let mut joined = Joined::new();
    let args = remote::ConnectDomainEventCallbackRegisterAnyArgs {
        event_id: 0,
        dom: None,
    };
    let call = Call::of::<ConnectDomainEventCallbackRegisterAny>(&args).unwrap();
    let call = joined.client.call(call).unwrap();
    let requests = joined.client_writes();
    let dom = remote::Domain {
        name: "web".into(),
        uuid: [7; 16],
        id: 1,
    };
    let msg = remote::DomainEventLifecycleMsg {
        dom,
        event: 2,
        detail: 0,
    };
    let event = remote::DomainEventCallbackLifecycleMsg {
        callback_id: 3,
        msg,
    };
    // The first event may come before the reply.
    joined.server.event(318, &event).unwrap();
    let reply = remote::ConnectDomainEventCallbackRegisterAnyRet { callback_id: 3 };
    let answered = joined
        .server
        .reply::<ConnectDomainEventCallbackRegisterAny>(&requests[0], &reply);
    answered.unwrap();
    let told = joined.server_writes(Duration::ZERO);
    let heard = told.iter().find_map(|output| match output {
        Output::Event {
            registration,
            event,
        } => Some((*registration, event)),
        _ => None,
    });
    let (registration, heard) = heard.unwrap();
    assert_eq!(registration, Some(call));
    let read = remote::Event::decode(heard.procedure, &heard.body).unwrap();
    assert_eq!(
        read,
        Some(remote::Event::DomainEventCallbackLifecycle(event))
    );
}

#[test]
fn it_reads_on_when_it_has_answered() {
    let mut joined = Joined::new();
    for _ in 0..5 {
        assert!(joined.server.takes_more());
        joined.raw(Kind::Call, Status::Ok, REMOTE, 157);
    }
    assert!(!joined.server.takes_more());
    let request = joined.server.poll_request().unwrap();
    joined.server.refuse(&request, &failure(1, 0, ""));
    assert!(joined.server.takes_more());
}

#[test]
fn what_is_no_call_is_passed_over() {
    let mut joined = Joined::new();
    for kind in [
        Kind::Reply,
        Kind::Message,
        Kind::Stream,
        Kind::ReplyWithFds,
        Kind::StreamHole,
    ] {
        joined.raw(kind, Status::Ok, REMOTE, 16);
    }
    assert!(!joined.server.transmit(&mut Vec::new()));
    assert_eq!(joined.server.poll_request(), None);
    joined.raw(Kind::Call, Status::Continue, REMOTE, 16);
    assert!(
        joined.server.transmit(&mut Vec::new()),
        "a call goes on never"
    );
    assert_eq!(joined.server.poll_request(), None);
}

#[test]
fn file_descriptors_end_it() {
    let mut server = Server::default();
    let mut bytes = Vec::new();
    let header = header(Kind::CallWithFds, Status::Ok, REMOTE, 249);
    write_frame(&mut bytes, &header, &[0, 0, 0, 1]);
    assert_eq!(server.handle_input(&bytes), Err(ClientError::Fds));
    assert!(!server.takes_more());
    assert_eq!(server.handle_input(&[]), Err(ClientError::Fds));
}

#[test]
fn an_answer_is_written_whole_or_not_at_all() {
    let mut joined = Joined::new();
    joined.raw(Kind::Call, Status::Ok, REMOTE, 14);
    let request = joined.server.poll_request().unwrap();
    let xml = "x".repeat(5 << 20);
    let reply = remote::DomainGetXmlDescRet {
        xml: xml.as_str().into(),
    };
    let answered = joined.server.reply::<DomainGetXmlDesc>(&request, &reply);
    assert!(matches!(answered, Err(AnswerError::Encode(_))));
    let told = joined.server.event(318, &Large);
    assert!(matches!(told, Err(AnswerError::TooLarge(_))));
    assert!(!joined.server.transmit(&mut Vec::new()));
    joined.server.refuse(&request, &failure(1, 0, &xml));
    let mut bytes = Vec::new();
    assert!(joined.server.transmit(&mut bytes) && bytes.len() < 100);
}

struct Large;

impl Encode for Large {
    fn encode(&self, out: &mut Encoder) -> Result<(), drover_xdr::Error> {
        out.raw(&vec![0; MAX_BODY + 4]);
        Ok(())
    }
}

proptest! {
    #[test]
    fn no_bytes_do_harm(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16)) {
        let mut server = Server::default();
        for piece in &pieces {
            let _ = server.handle_input(piece);
            server.transmit(&mut Vec::new());
        }
    }

    #[test]
    fn no_well_formed_frames_do_harm(
        frames in prop::collection::vec((0..5_usize, -1..500_i32, 0..7_i32, any::<u32>(), 0..3_i32, prop::collection::vec(any::<u8>(), 0..64)), 0..32),
    ) {
        let mut server = Server::default();
        for (program, procedure, kind, serial, status, body) in frames {
            let header = Header {
                program: [REMOTE, crate::program::QEMU, crate::program::LXC, KEEPALIVE, 7][program],
                version: 1,
                procedure,
                kind: Kind::try_from(kind).unwrap(),
                serial,
                status: Status::try_from(status).unwrap(),
            };
            let mut bytes = Vec::new();
            write_frame(&mut bytes, &header, &body);
            let _ = server.handle_input(&bytes);
            while let Some(request) = server.poll_request() {
                let _ = request.args::<DomainLookupByName>();
                server.refuse(&request, &failure(3, 0, "no"));
            }
            server.transmit(&mut Vec::new());
        }
    }
}
