//! Subscriptions.

use drover_rpc_proto::remote::Event;

use super::pair;
use super::server::Server;
use crate::client::Client;
use crate::enums::ConnectCloseReason;
use crate::subscription::{Notice, Subscription};

const REGISTER: i32 = 316;
const DEREGISTER: i32 = 317;
const LIFECYCLE: i32 = 318;

async fn subscribe(client: &Client, server: &mut Server, callback: u8) -> Subscription {
    let number = [0, 0, 0, callback];
    let (subscription, _) = tokio::join!(
        client.subscribe_domain(0, None),
        server.answer(REGISTER, &number)
    );
    subscription.unwrap()
}

/// A lifecycle event of a domain called `a`.
fn lifecycle(callback: u8, event: u8) -> Vec<u8> {
    let mut body = vec![0, 0, 0, callback, 0, 0, 0, 1, b'a', 0, 0, 0];
    body.extend_from_slice(&[7; 16]);
    body.extend_from_slice(&[0, 0, 0, 9, 0, 0, 0, event, 0, 0, 0, 0]);
    body
}

fn event_number(notice: Option<Notice>) -> i32 {
    match notice {
        Some(Notice::Event(event)) => match &*event {
            Event::DomainEventCallbackLifecycle(message) => message.msg.event,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn listeners_of_the_same_share_one_registration() {
    let (client, mut server) = pair();
    let mut first = subscribe(&client, &mut server, 3).await;
    let mut second = client.subscribe_domain(0, None).await.unwrap();
    server.event(LIFECYCLE, &lifecycle(3, 2)).await;
    assert_eq!(event_number(first.next().await), 2);
    assert_eq!(event_number(second.next().await), 2);
    drop(first);
    assert!(server.is_quiet().await);
    drop(second);
    server.answer(DEREGISTER, &[]).await;
}

#[tokio::test]
async fn the_same_again_waits_for_the_end_of_the_first() {
    let (client, mut server) = pair();
    drop(subscribe(&client, &mut server, 3).await);
    let end = server.expect(DEREGISTER).await;
    let serve = async {
        assert!(server.is_quiet().await);
        server.reply(&end, &[]).await;
        server.answer(REGISTER, &[0, 0, 0, 4]).await;
        server.event(LIFECYCLE, &lifecycle(4, 5)).await;
    };
    let (again, ()) = tokio::join!(client.subscribe_domain(0, None), serve);
    assert_eq!(event_number(again.unwrap().next().await), 5);
}

#[tokio::test]
async fn a_subscription_given_up_half_way_is_taken_back() {
    let (client, mut server) = pair();
    let subscribing = tokio::spawn({
        let client = client.clone();
        async move { client.subscribe_domain(0, None).await.map(drop) }
    });
    let request = server.expect(REGISTER).await;
    subscribing.abort();
    assert!(server.is_quiet().await);
    server.reply(&request, &[0, 0, 0, 3]).await;
    server.answer(DEREGISTER, &[]).await;
}

#[tokio::test]
async fn a_refused_subscription_can_be_tried_again() {
    let (client, mut server) = pair();
    let serve = async {
        let request = server.expect(REGISTER).await;
        server.refuse(&request, 1, "unsupported event ID 27").await;
    };
    let (refused, ()) = tokio::join!(client.subscribe_domain(0, None), serve);
    assert_eq!(refused.unwrap_err().code(), Some(1));
    subscribe(&client, &mut server, 3).await;
}

#[tokio::test]
async fn a_listener_that_does_not_keep_up_is_told_so() {
    let (client, mut server) = pair();
    let mut slow = subscribe(&client, &mut server, 3).await;
    for _ in 0..2000 {
        server.event(LIFECYCLE, &lifecycle(3, 2)).await;
    }
    // An answer after the events says that they have all been read.
    let (version, _) = tokio::join!(
        client.connect_get_lib_version(),
        server.answer(157, &[0; 8])
    );
    version.unwrap();
    for _ in 0..1024 {
        assert_eq!(event_number(slow.next().await), 2);
    }
    assert_eq!(slow.next().await, Some(Notice::Lost));
    server.event(LIFECYCLE, &lifecycle(3, 4)).await;
    assert_eq!(event_number(slow.next().await), 4);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_told_as_lost() {
    let (client, mut server) = pair();
    let mut subscription = subscribe(&client, &mut server, 3).await;
    server.event(LIFECYCLE, &[0, 0, 0, 3, 0]).await;
    assert_eq!(subscription.next().await, Some(Notice::Lost));
}

#[tokio::test]
async fn a_subscription_ends_with_its_connection() {
    let (client, mut server) = pair();
    let mut subscription = subscribe(&client, &mut server, 3).await;
    drop(server);
    assert_eq!(subscription.next().await, None);
    drop(client);
}

#[tokio::test]
async fn the_end_of_a_registration_is_awaited_before_the_connection_ends() {
    let (client, mut server) = pair();
    let first = subscribe(&client, &mut server, 3).await;
    drop(client);
    drop(first);
    let end = server.expect(DEREGISTER).await;
    assert!(server.is_quiet().await);
    server.reply(&end, &[]).await;
    assert!(server.next().await.is_none());
}

#[tokio::test]
async fn hanging_up_says_nothing() {
    let (client, mut server) = pair();
    let first = subscribe(&client, &mut server, 3).await;
    client.hang_up();
    drop(first);
    assert!(server.next().await.is_none());
}

#[tokio::test]
async fn the_server_tells_of_the_end_of_what_it_drives() {
    const REGISTER: i32 = 360;
    const CLOSED: i32 = 362;
    let (client, mut server) = pair();
    let serve = async {
        server.answer(REGISTER, &[]).await;
        server.event(CLOSED, &[0, 0, 0, 1]).await;
    };
    let (first, second, ()) = tokio::join!(client.driver_closed(), client.driver_closed(), serve);
    assert_eq!(first, Ok(ConnectCloseReason::EOF));
    assert_eq!(second, first);
    // It is known by now, and the connection lives on.
    assert_eq!(client.driver_closed().await, first);
    assert!(!client.is_closed() && server.is_quiet().await);

    let (client, mut server) = pair();
    let serve = async {
        server.answer(REGISTER, &[]).await;
        drop(server);
    };
    let (ended, ()) = tokio::join!(client.driver_closed(), serve);
    assert!(ended.unwrap_err().connection_lost());
}
