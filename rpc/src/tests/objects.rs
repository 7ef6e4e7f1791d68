//! What the C library does behind its API, and these handles do too.

use drover_rpc_proto::remote;
use drover_xdr::{from_bytes, to_bytes};

use super::pair;
use super::server::Server;
use crate::enums::{DomainState, NetworkUpdateCommand, NetworkUpdateSection};
use crate::flags::{ConnectListAllDomainsFlags, DomainModificationImpact, NetworkUpdateFlags};
use crate::objects::{Domain, Network, StateReason};
use crate::{Client, Error, Feature, fields};

const DOMAIN_GET_STATE: i32 = 212;
const SUPPORTS_FEATURE: i32 = 60;
const GET_MEMORY_PARAMETERS: i32 = 198;
const LIST_ALL_DOMAINS: i32 = 273;
const NETWORK_UPDATE: i32 = 291;

fn wire_domain() -> remote::Domain {
    remote::Domain {
        name: "one".into(),
        uuid: [7; 16],
        id: -1,
    }
}

fn domain(client: &Client) -> Domain {
    Domain::from_wire(client, wire_domain())
}

async fn feature(server: &mut Server, number: i32, has: bool) {
    let answer = i32::from(has).to_be_bytes();
    let request = server.answer(SUPPORTS_FEATURE, &answer).await;
    assert_eq!(request.body, number.to_be_bytes());
}

async fn memory_parameters(server: &mut Server, flags: u32) {
    let param = remote::TypedParam {
        field: fields::DOMAIN_MEMORY_HARD_LIMIT.into(),
        value: remote::TypedParamValue::Ullong(5),
    };
    let counted = remote::DomainGetMemoryParametersRet {
        params: Vec::new(),
        nparams: 1,
    };
    let told = remote::DomainGetMemoryParametersRet {
        params: vec![param],
        nparams: 0,
    };
    for (asked, answer) in [(0, counted), (1, told)] {
        let body = to_bytes(&answer).unwrap();
        let request = server.answer(GET_MEMORY_PARAMETERS, &body).await;
        let args: remote::DomainGetMemoryParametersArgs = from_bytes(&request.body).unwrap();
        assert_eq!((args.nparams, args.flags), (asked, flags));
    }
}

#[tokio::test]
async fn parameters_are_asked_for_twice_and_with_strings_if_the_server_can() {
    for (has, flags) in [(true, 1 | 4), (false, 1)] {
        let (client, mut server) = pair();
        let domain = domain(&client);
        let serve = async {
            feature(&mut server, 9, has).await;
            // The feature is asked for once.
            memory_parameters(&mut server, flags).await;
            memory_parameters(&mut server, flags).await;
        };
        let ask = async {
            let first = domain
                .memory_parameters(DomainModificationImpact::LIVE)
                .await;
            assert_eq!(
                first.unwrap(),
                domain
                    .memory_parameters(DomainModificationImpact::LIVE)
                    .await
                    .unwrap()
            );
            domain.client().supports(Feature::TYPED_PARAM_STRING).await
        };
        let (known, ()) = tokio::join!(ask, serve);
        assert_eq!(known.unwrap(), has);
    }
}

#[tokio::test]
async fn no_parameters_are_not_asked_for() {
    let (client, mut server) = pair();
    let serve = async {
        feature(&mut server, 9, true).await;
        server.answer(GET_MEMORY_PARAMETERS, &[0; 8]).await;
    };
    let domain = domain(&client);
    let (params, ()) = tokio::join!(
        domain.memory_parameters(DomainModificationImpact::empty()),
        serve
    );
    assert!(params.unwrap().is_empty());
}

#[tokio::test]
async fn old_servers_get_the_arguments_of_an_update_the_other_way_round() {
    for (correct, expected) in [(true, (3, 4)), (false, (4, 3))] {
        let (client, mut server) = pair();
        let network = Network::from_wire(
            &client,
            remote::Network {
                name: "net".into(),
                uuid: [1; 16],
            },
        );
        let serve = async {
            feature(&mut server, 16, correct).await;
            let request = server.answer(NETWORK_UPDATE, &[]).await;
            let args: remote::NetworkUpdateArgs = from_bytes(&request.body).unwrap();
            assert_eq!((args.command, args.section), expected);
            assert_eq!((args.parent_index, args.flags), (-1, 2));
        };
        let (command, section) = (
            NetworkUpdateCommand::ADD_LAST,
            NetworkUpdateSection::IP_DHCP_HOST,
        );
        let update = network.update(command, section, -1, "<host/>", NetworkUpdateFlags::CONFIG);
        let (done, ()) = tokio::join!(update, serve);
        done.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_cannot_say_what_it_can_do_cannot_do_it() {
    let (client, mut server) = pair();
    let serve = async {
        let request = server.expect(SUPPORTS_FEATURE).await;
        server.refuse(&request, 3, "no support").await;
        let request = server.expect(SUPPORTS_FEATURE).await;
        server.refuse(&request, 1, "broken").await;
    };
    let ask = async {
        let first = client.supports(Feature::MIGRATION_V3).await;
        (first, client.supports(Feature::MIGRATION_P2P).await)
    };
    let ((no, broken), ()) = tokio::join!(ask, serve);
    assert_eq!(no, Ok(false));
    assert!(matches!(broken, Err(Error::Libvirt(_))));
}

#[tokio::test]
async fn lists_are_whole() {
    let (client, mut server) = pair();
    let answer = remote::ConnectListAllDomainsRet {
        domains: vec![wire_domain(); 3],
        ret: 3,
    };
    let flags = ConnectListAllDomainsFlags::ACTIVE;
    let body = to_bytes(&answer).unwrap();
    let (list, request) = tokio::join!(
        client.domains(flags),
        server.answer(LIST_ALL_DOMAINS, &body)
    );
    assert_eq!(request.body, [0, 0, 0, 1, 0, 0, 0, 1]);
    let list = list.unwrap();
    assert_eq!((list.len(), list[0].name().as_ref()), (3, "one"));
    assert_eq!(list[0].uuid().as_bytes(), &[7; 16]);
    assert_eq!(list[0].id(), None);
}

#[tokio::test]
async fn states_and_reasons_that_are_not_known_are_kept() {
    let (client, mut server) = pair();
    let domain = domain(&client);
    let body = [0, 0, 0, 99, 0, 0, 0, 5];
    let (status, _) = tokio::join!(domain.status(), server.answer(DOMAIN_GET_STATE, &body));
    let status = status.unwrap();
    assert_eq!(status.state, DomainState(99));
    assert_eq!(status.reason, StateReason::Unknown(5));
    assert_eq!(status.to_string(), "99 (5)");
}

#[tokio::test]
async fn over_tcp_nothing_is_secure() {
    let (client, mut server) = pair();
    let (secure, _) = tokio::join!(client.is_secure(), server.answer(149, &[0, 0, 0, 1]));
    assert_eq!(secure, Ok(false));
}
