//! A trace, for a person.

use crate::facts::NAMES;
use crate::scenario::SIZES;
use crate::state::{Host, NOBODY, Object, State, What, Write};
use crate::world::Action;

pub(crate) fn line(action: Option<Action>, state: &State) -> String {
    let begins = || format!("it begins: {}", state.about().name);
    let action = action.map_or_else(begins, |action| format!("{action:?}"));
    let mut text = format!("{action:<16}");
    for (at, name) in NAMES.into_iter().enumerate() {
        text += &format!(" {name}[{}]", host(at, state.hosts[at]));
        if state.seen_hosts[at] != state.hosts[at] {
            text += &format!("(seen {})", host(at, state.seen_hosts[at]));
        }
    }
    for at in state.machines() {
        let runs = if state.runs[at] { " ON" } else { "" };
        text += &format!(" m{at}={{{}{runs}}}", object(&state.objects[at]));
        if state.cached[at] != state.objects[at] {
            text += &format!("(seen {{{}}})", object(&state.cached[at]));
        }
    }
    let names = |all: &[bool]| {
        let all = all.iter().enumerate().filter(|(_, is)| **is);
        let all: Vec<_> = all.map(|(at, _)| at.to_string()).collect();
        all.join(",")
    };
    let waits = state.waits.map(|why| why > 0);
    text += &format!(" queue:{} waiting:{}", names(&state.queue), names(&waits));
    let writes = |title: &str, all: &[Write]| {
        let all = all.iter().filter(|it| it.what != What::Nothing);
        let all: Vec<_> = all.map(write).collect();
        match all.is_empty() {
            true => String::new(),
            false => format!(" {title}:{}", all.join(",")),
        }
    };
    text += &writes("turn", &state.turn.writes);
    text += &writes("sent", &state.sent);
    text + &writes("late", &state.late)
}

fn host(at: usize, host: Host) -> String {
    let cordoned = if host.cordoned { " cordoned" } else { "" };
    match host.there {
        true => format!("{}{cordoned}", SIZES[at][usize::from(host.large)]),
        false => "gone".to_owned(),
    }
}

fn object(object: &Object) -> String {
    if !object.exists {
        return "gone".to_owned();
    }
    let place = object.bound().map_or("-", |at| NAMES[at]);
    let mut text = place.to_owned();
    let words = [
        (object.deleting, " deleting"),
        (object.halted, " halted"),
        (object.small, " small"),
        (object.freed, " freed"),
    ];
    words
        .iter()
        .filter(|(is, _)| *is)
        .for_each(|(_, word)| text += word);
    if object.room_for != NOBODY {
        let off = if object.stopped { ", off" } else { "" };
        text += &format!(" for m{}{off}", object.room_for);
    }
    text
}

fn write(write: &Write) -> String {
    let stale = if write.current { "" } else { " (stale)" };
    format!("{:?} m{}{stale}", write.what, write.machine)
}
