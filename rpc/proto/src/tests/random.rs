//! Any bytes, and any order of operations.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::{Pair, Request, plain};
use crate::call::CallId;
use crate::connection::{Config, Output};
use crate::frame::{Kind, Status};

proptest! {
    #[test]
    fn no_bytes_do_harm(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16)) {
        let mut pair = Pair::with(Config::default());
        pair.call(16);
        pair.pump();
        for piece in &pieces {
            pair.client.handle_input(pair.now, piece);
            pair.pump();
            pair.told();
        }
    }

    #[test]
    fn no_well_formed_frames_do_harm(
        frames in prop::collection::vec((0..4_usize, 0..400_i32, 0..7_i32, 0..6_u32, 0..3_i32, prop::collection::vec(any::<u8>(), 0..32)), 0..32),
    ) {
        let mut pair = Pair::with(Config::default());
        for procedure in [16, 209, 316] {
            pair.client.call(plain(procedure).stream(crate::StreamMode { receive: true, ..Default::default() })).unwrap();
        }
        pair.pump();
        for (program, procedure, kind, serial, status, body) in frames {
            let header = crate::frame::Header {
                program: [crate::program::REMOTE, crate::program::QEMU, crate::program::KEEPALIVE, 7][program],
                version: 1,
                procedure,
                kind: Kind::try_from(kind).unwrap(),
                serial,
                status: Status::try_from(status).unwrap(),
            };
            pair.deliver(&header, &body);
            pair.pump();
            pair.told();
        }
    }

    #[test]
    fn every_call_ends_once_and_the_window_holds(steps in prop::collection::vec(step(), 1..200)) {
        Model::default().run(&steps);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Call { urgent: bool, deadline: Option<u64> },
    Transmit,
    Reply(usize),
    Abandon(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any::<bool>(), prop::option::of(1..50_u64))
            .prop_map(|(urgent, deadline)| Step::Call { urgent, deadline }),
        Just(Step::Transmit),
        (0..4_usize).prop_map(Step::Reply),
        (0..64_usize).prop_map(Step::Abandon),
        (1..20_u64).prop_map(Step::Pass),
    ]
}

/// What should be true, beside what is.
#[derive(Default)]
struct Model {
    // Calls that must end, and how often they did.
    ends: BTreeMap<CallId, usize>,
    made: Vec<CallId>,
    unanswered: Vec<Request>,
}

impl Model {
    fn run(mut self, steps: &[Step]) {
        let mut pair = Pair::new();
        for step in steps {
            self.step(&mut pair, step);
            self.note(&mut pair);
        }
        // In the end everything is sent and answered.
        loop {
            self.unanswered.extend(pair.pump());
            let Some(request) = self.unanswered.pop() else {
                break;
            };
            pair.reply(&request, &[]);
            self.note(&mut pair);
        }
        assert!(self.ends.values().all(|ends| *ends == 1));
        assert_eq!((pair.client.in_flight(), pair.client.queued()), (0, 0));
        assert_eq!(pair.client.poll_timeout(), None);
    }

    fn step(&mut self, pair: &mut Pair, step: &Step) {
        match step {
            Step::Call { urgent, deadline } => {
                let mut call = plain(16).urgent(*urgent);
                if let Some(after) = deadline {
                    call = call.deadline(pair.now + Duration::from_secs(*after));
                }
                let id = pair.client.call(call).unwrap();
                self.ends.insert(id, 0);
                self.made.push(id);
            }
            Step::Transmit => {
                self.unanswered.extend(pair.pump());
                assert!(self.unanswered.len() <= 4);
                assert_eq!(self.unanswered.len(), pair.client.in_flight());
            }
            Step::Reply(index) if *index < self.unanswered.len() => {
                let request = self.unanswered.swap_remove(*index);
                pair.reply(&request, &[]);
            }
            Step::Abandon(index) if *index < self.made.len() => {
                let id = self.made[*index];
                pair.client.abandon(id);
                // Nothing more may be told of it, whether or not it had ended.
                let ends = self.ends.get_mut(&id).unwrap();
                *ends = 1;
            }
            Step::Pass(seconds) => {
                pair.now += Duration::from_secs(*seconds);
                pair.client.handle_timeout(pair.now);
            }
            Step::Reply(_) | Step::Abandon(_) => {}
        }
    }

    fn note(&mut self, pair: &mut Pair) {
        for output in pair.told() {
            match output {
                Output::Reply { call, .. } => *self.ends.get_mut(&call).unwrap() += 1,
                other => panic!("{other:?}"),
            }
        }
    }
}
