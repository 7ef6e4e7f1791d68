//! A trace, for a person.

use crate::action::Action;
use crate::facts::Facts;
use crate::state::{Call, MACHINES, NAMES, Object, State, Want, What};
use crate::world::host_name;

pub(crate) fn line(facts: &Facts, action: Option<Action>, state: &State) -> String {
    let action = action.map_or("it begins".to_owned(), |action| format!("{action:?}"));
    let mut text = format!("{action:<16}");
    for (at, host) in state.hosts.iter().enumerate() {
        let flags = [
            (host.up, "", "DOWN "),
            (host.connected, "", "cut "),
            (host.listed, "", "unheard "),
            (host.off, "confirmed ", ""),
        ];
        let flags: String = flags
            .iter()
            .map(|(is, yes, no)| if *is { *yes } else { *no })
            .collect();
        let domains: Vec<_> = (0..MACHINES)
            .map(|machine| {
                let (actual, known) = (host.actual[machine], host.known[machine]);
                let seen = match actual == known {
                    true => String::new(),
                    false => format!("(seen {})", facts.domain_words(known)),
                };
                format!("{}{seen}", facts.domain_words(actual))
            })
            .collect();
        text += &format!(" {}[{flags}{}]", NAMES[at], domains.join(" "));
    }
    for machine in 0..MACHINES {
        text += &format!(" m{machine}={}", object(&state.objects[machine]));
        if state.cached[machine] != state.objects[machine] {
            text += &format!("(seen {})", object(&state.cached[machine]));
        }
    }
    let late = state.late.iter().filter(|call| call.what != What::Nothing);
    for call in late {
        text += &format!(" late:{}", call_words(facts, call));
    }
    text
}

fn call_words(facts: &Facts, call: &Call) -> String {
    let what = match call.what {
        What::Bind => "Bind".to_owned(),
        _ => facts.step_words(call.step),
    };
    format!(
        "{what} m{}@{}#{}",
        call.machine,
        host_name(call.host),
        call.epoch
    )
}

fn object(object: &Object) -> String {
    if !object.exists {
        return "gone".to_owned();
    }
    let bits = [
        (object.deleting, "deleting "),
        (object.want.has(Want::HALTED), "halted "),
        (object.want.has(Want::UNPLUGGED), "unplugged "),
    ];
    let words: String = bits
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, word)| *word)
        .collect();
    let life = if object.want.has(Want::LIFE) { "'" } else { "" };
    format!(
        "{{{words}{}#{}{life}}}",
        host_name(object.host),
        object.epoch
    )
}
