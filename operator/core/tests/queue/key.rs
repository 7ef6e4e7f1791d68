//! A state in a few words, to tell it from the others.

use crate::state::{Host, Object, State, View, What, Write};

const WORDS: usize = 7;

/// States with the same key are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u64; WORDS]);

struct Bits {
    words: [u64; WORDS],
    at: usize,
}

impl Bits {
    fn put(&mut self, value: impl Into<u64>, bits: usize) {
        let value = value.into();
        assert!(value >> bits == 0, "too large for a key");
        let (word, shift) = (self.at / 64, self.at % 64);
        self.words[word] |= value << shift;
        if shift + bits > 64 {
            self.words[word + 1] |= value >> (64 - shift);
        }
        self.at += bits;
    }

    fn flags(&mut self, all: &[bool]) {
        all.iter().for_each(|it| self.put(*it, 1));
    }

    fn host(&mut self, host: Host) {
        self.flags(&[host.there, host.large, host.cordoned]);
    }

    fn object(&mut self, object: Object) {
        self.flags(&[object.exists, object.deleting, object.halted, object.freed]);
        self.flags(&[
            object.room_for_life,
            object.stopped,
            object.life,
            object.small,
        ]);
        self.put(object.host, 2);
        self.put(object.room_for, 3);
    }

    fn view(&mut self, view: &View) {
        view.hosts.iter().for_each(|host| self.host(*host));
        for machine in &view.machines {
            self.put(machine.host, 2);
            self.flags(&[machine.freed, machine.makes_room, machine.small]);
        }
    }

    fn write(&mut self, write: &Write) {
        let (number, rest) = match write.what {
            What::Nothing => (0_u8, 0),
            What::Bind(host) => (1, host.into()),
            What::Retake => (2, 0),
            What::Mark(other, life) => (3, u16::from(other) | u16::from(life) << 3),
            What::Unmark { freed } => (4, freed.into()),
            What::Free => (5, 0),
            What::Wait(why) => (6, why),
        };
        self.put(number, 3);
        if number > 0 {
            self.put(write.machine, 2);
            self.put(write.current, 1);
            self.put(rest, if number == 6 { 10 } else { 4 });
        }
    }
}

impl State {
    pub(crate) fn key(&self) -> Key {
        let mut bits = Bits {
            words: [0; WORDS],
            at: 0,
        };
        bits.put(self.scenario, 3);
        bits.put(self.faults, 2);
        bits.put(self.edits, 3);
        self.hosts.iter().for_each(|host| bits.host(*host));
        self.seen_hosts.iter().for_each(|host| bits.host(*host));
        for all in [self.hosts_behind, self.queued_hosts, self.shrunk] {
            bits.flags(&all);
        }
        bits.flags(&[self.torn, self.broken.is_some(), self.turn.again]);
        for all in [self.behind, self.runs, self.queue] {
            bits.flags(&all);
        }
        for object in self.objects.iter().chain(&self.cached) {
            bits.object(*object);
        }
        bits.view(&self.index);
        self.waits.iter().for_each(|why| bits.put(*why, 10));
        bits.put(self.turn.owner, 3);
        for assumed in self.assumed {
            bits.flags(&[assumed.is_some(), assumed == Some(true)]);
        }
        let writes = self.turn.writes.iter().chain(&self.sent).chain(&self.late);
        writes.for_each(|write| bits.write(write));
        Key(bits.words)
    }
}
