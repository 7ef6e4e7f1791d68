use super::{Course, Decision, Sight, Sighting, copies, course, decide};

const NOTHING: Sight = Sight::Nothing;

fn off(epoch: i64) -> Sight {
    Sight::Copy {
        active: false,
        epoch,
    }
}

fn on(epoch: i64) -> Sight {
    Sight::Copy {
        active: true,
        epoch,
    }
}

fn heard(host: &str, sight: Sight) -> Sighting<'_> {
    Sighting {
        host,
        listed: true,
        off: false,
        sight,
    }
}

fn silent(host: &str) -> Sighting<'_> {
    Sighting {
        listed: false,
        ..heard(host, NOTHING)
    }
}

fn dead(host: &str, sight: Sight) -> Sighting<'_> {
    Sighting {
        off: true,
        ..heard(host, sight)
    }
}

#[test]
fn it_stays_where_it_is_and_goes_nowhere_before_all_are_heard() {
    let stay = |host, epoch, active| Decision::Stay {
        host,
        epoch,
        active,
    };
    for (one, two, expected) in [
        (
            heard("a", NOTHING),
            heard("b", NOTHING),
            Decision::Anew { epoch: 1 },
        ),
        (heard("a", NOTHING), silent("b"), Decision::Wait(vec!["b"])),
        (heard("a", on(1)), silent("b"), stay("a", 1, true)),
        (heard("a", off(1)), silent("b"), Decision::Wait(vec!["b"])),
        (
            heard("a", NOTHING),
            heard("b", Sight::Unseen),
            Decision::Wait(vec!["b"]),
        ),
        (
            heard("a", NOTHING),
            heard("b", Sight::Foreign),
            Decision::Taken("b"),
        ),
        (heard("a", off(1)), heard("b", NOTHING), stay("a", 1, false)),
        (heard("a", on(1)), heard("b", off(1)), stay("a", 1, true)),
        (heard("a", on(1)), heard("b", off(4)), stay("a", 5, true)),
        (heard("a", off(1)), heard("b", off(4)), stay("b", 4, false)),
        (
            heard("a", on(1)),
            heard("b", on(2)),
            Decision::RunsTwice(vec!["a", "b"]),
        ),
        (
            heard("a", off(2)),
            heard("b", off(2)),
            Decision::Ambiguous(vec!["a", "b"]),
        ),
        (
            dead("a", on(3)),
            heard("b", NOTHING),
            Decision::Anew { epoch: 4 },
        ),
        (dead("a", on(3)), heard("b", off(1)), stay("b", 4, false)),
    ] {
        assert_eq!(decide(&[one, two]), expected, "{one:?} {two:?}");
    }
}

#[test]
fn what_is_bound_is_made_only_where_nothing_newer_is() {
    let outdone = |epoch| Course::Outdone { host: "b", epoch };
    for (here, other, expected) in [
        (None, heard("b", NOTHING), Course::Go),
        (None, heard("b", off(1)), Course::Replace { epoch: 3 }),
        (None, dead("b", off(1)), Course::Go),
        (None, dead("b", off(2)), Course::Replace { epoch: 3 }),
        (None, heard("b", off(2)), Course::Replace { epoch: 3 }),
        (None, silent("b"), Course::Wait(vec!["b"])),
        (Some(false), silent("b"), Course::Go),
        (Some(false), heard("b", on(1)), Course::RunsElsewhere("b")),
        (Some(false), dead("b", on(1)), Course::Go),
        (Some(false), heard("b", off(4)), outdone(4)),
        (Some(true), heard("b", off(4)), Course::Raise { epoch: 5 }),
        (Some(true), heard("b", off(2)), Course::Raise { epoch: 3 }),
        (Some(true), heard("b", off(1)), Course::Go),
        (Some(false), heard("b", off(2)), outdone(2)),
        (None, heard("b", off(4)), Course::Replace { epoch: 5 }),
        (None, heard("b", on(1)), Course::Replace { epoch: 3 }),
        (Some(false), heard("b", on(2)), Course::RunsElsewhere("b")),
        (Some(false), heard("b", on(3)), Course::Replace { epoch: 4 }),
    ] {
        let sight = here.map_or(NOTHING, |active| Sight::Copy { active, epoch: 2 });
        let found = course("a", 2, here, &[heard("a", sight), other]);
        assert_eq!(found, expected, "{here:?} {other:?}");
    }
}

#[test]
fn those_that_run_it_go_first() {
    let seen = [
        heard("a", off(9)),
        heard("b", on(2)),
        heard("c", on(3)),
        heard("d", Sight::Foreign),
        dead("e", on(9)),
        silent("f"),
    ];
    assert_eq!(copies(&seen), ["c", "b", "a"]);
}
