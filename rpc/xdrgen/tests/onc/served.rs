//! What a server of `shapes.x` does, and a client's look at all of it.

use std::sync::{Arc, Mutex};

use drover_xdr::onc::{AuthStatus, AuthSys, Flavor, OpaqueAuth, Refusal, Service};
use drover_xdr::{Limits, Text, to_bytes};

use crate::client::{Any, Client};
use crate::shapes::shapes::shapes_new as new;
use crate::shapes::shapes::shapes_old as old;
use crate::shapes::{Found, Item, Node, Point, Shape, ShapeKind, Tree};

const PROGRAM: u32 = crate::shapes::shapes::NUMBER;

/// Does what server.c does.
pub(crate) fn service() -> Service {
    let last: Arc<Mutex<Vec<Node>>> = Arc::default();
    let known = Arc::clone(&last);
    Service::new(Limits::default())
        .on::<old::Null>(|_, ()| Ok(()))
        .on::<new::Echo>(|_, item| Ok(item))
        .on::<new::Reverse>(move |_, mut list| {
            list.reverse();
            last.lock().unwrap().clone_from(&list);
            Ok(list)
        })
        .on::<new::Mirror>(|_, mut tree| {
            mirror(tree.as_mut());
            Ok(tree)
        })
        .on::<new::Find>(move |_, name| {
            let known = known.lock().unwrap();
            let found = known.iter().find(|node| node.what.name == name);
            Ok(found.map_or(Found::False, |node| Found::True(node.what.clone())))
        })
        .on::<new::Who>(|call, ()| match call.credential.as_sys() {
            Ok(Some(who)) => {
                let AuthSys {
                    machine,
                    uid,
                    gid,
                    gids,
                    ..
                } = who;
                Ok(format!("{machine}:{uid}:{gid}:{}", gids.len()).into())
            }
            _ => Err(Refusal::Auth(AuthStatus::TOO_WEAK)),
        })
        .on::<new::Fail>(|_, ()| Err(Refusal::SystemError))
}

fn mirror(tree: Option<&mut Tree>) {
    if let Some(tree) = tree {
        std::mem::swap(&mut tree.left, &mut tree.right);
        mirror(tree.left.as_deref_mut());
        mirror(tree.right.as_deref_mut());
    }
}

fn item(name: &str, what: Shape) -> Item {
    Item {
        name: name.into(),
        what,
        weight: 0.1,
        sides: [1.5, -2.0, f32::INFINITY],
        when: i64::MIN,
        id: u64::MAX,
        hidden: true,
        tag: [1, 2, 3, 4, 5, 6],
        level: -300,
        grade: -1,
        at: Some(Point { x: 7, y: -8 }),
    }
}

/// One item for each arm of the union, and each value of one that several select.
pub(crate) fn items() -> Vec<Item> {
    let point = |x| Point { x, y: -x };
    vec![
        item("", Shape::Dot),
        item("circle", Shape::Circle(ShapeKind::CIRCLE, 9)),
        item("square", Shape::Circle(ShapeKind::SQUARE, u32::MAX)),
        item("path", Shape::Path((0..4).map(point).collect())),
        Item {
            at: None,
            ..item(
                "sixteen bytes on",
                Shape::Default(ShapeKind(77), b"other".to_vec()),
            )
        },
    ]
}

/// Calls every procedure, and is refused in every way that a call can be.
pub(crate) fn all_of_it(client: &mut Client) {
    client.call::<old::Null>(&()).unwrap();
    client.call::<new::Null>(&()).unwrap();
    let items = items();
    for item in &items {
        assert_eq!(&client.call::<new::Echo>(item).unwrap(), item);
    }
    let list: Vec<Node> = items.iter().cloned().map(|what| Node { what }).collect();
    let reversed = client.call::<new::Reverse>(&list).unwrap();
    assert!(reversed.iter().eq(list.iter().rev()));
    let found = client.call::<new::Find>(&"path".into()).unwrap();
    assert_eq!(found, Found::True(items[3].clone()));
    let found = client.call::<new::Find>(&"paths".into()).unwrap();
    assert_eq!(found, Found::False);
    let leaf = |value| Tree {
        value,
        left: None,
        right: None,
    };
    let tree = |left, right| Tree {
        value: 3,
        left,
        right,
    };
    let (one, two) = (Some(Box::new(leaf(1))), Some(Box::new(leaf(2))));
    let sent = Some(tree(one.clone(), two.clone()));
    let mirrored = client.call::<new::Mirror>(&sent).unwrap();
    assert_eq!(mirrored, Some(tree(two, one)));
    assert_eq!(client.call::<new::Mirror>(&None).unwrap(), None);
    what_is_wrong_is_not_sent(client);
    every_refusal(client);
}

fn what_is_wrong_is_not_sent(client: &mut Client) {
    let long = item("seventeen bytes o", Shape::Dot);
    let cut = item("a\0b", Shape::Dot);
    let other = item("", Shape::Circle(ShapeKind::PATH, 1));
    let path = item("", Shape::Default(ShapeKind::DOT, Vec::new()));
    for (item, words) in [
        (long, "name: length 17 is over the bound of 16"),
        (cut, "name: a NUL byte at position 1"),
        (other, "what: 5 selects no arm"),
        (path, "what: 0 selects no arm"),
    ] {
        assert!(to_bytes(&item).is_err());
        let error = client.call::<new::Echo>(&item).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

fn every_refusal(client: &mut Client) {
    assert_eq!(client.refused::<new::Fail>(&()), Refusal::SystemError);
    let refused = client.refused::<Any<PROGRAM, 3, 99>>(&0);
    assert_eq!(refused, Refusal::ProcedureUnavailable);
    // A name of 17 bytes.
    let refused = client.refused::<Any<PROGRAM, 3, 1>>(&17);
    assert_eq!(refused, Refusal::GarbageArguments);
    let refused = client.refused::<Any<PROGRAM, 2, 0>>(&0);
    assert_eq!(refused, Refusal::ProgramMismatch { low: 1, high: 3 });
    let refused = client.refused::<Any<{ PROGRAM + 1 }, 1, 0>>(&0);
    assert_eq!(refused, Refusal::ProgramUnavailable);
    let refused = client.refused::<new::Who>(&());
    assert_eq!(refused, Refusal::Auth(AuthStatus::TOO_WEAK));
    let who = AuthSys {
        stamp: 0,
        machine: "box".into(),
        uid: 10,
        gid: 20,
        gids: vec![30, 40],
    };
    client.caller().credential = OpaqueAuth::sys(&who).unwrap();
    let text: Text = client.call::<new::Who>(&()).unwrap();
    assert_eq!(text, "box:10:20:2");
    for (flavor, body, status) in [
        (Flavor::SYS, vec![0; 8], AuthStatus::BAD_CREDENTIAL),
        (Flavor(77), Vec::new(), AuthStatus::REJECTED_CREDENTIAL),
    ] {
        client.caller().credential = OpaqueAuth { flavor, body };
        assert_eq!(
            client.refused::<new::Echo>(&items()[0]),
            Refusal::Auth(status)
        );
    }
    client.caller().credential = OpaqueAuth::none();
    client.call::<new::Null>(&()).unwrap();
}
