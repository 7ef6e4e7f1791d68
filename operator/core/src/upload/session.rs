//! Content on its way from a person: every byte once, in order, and from one sender at a time.

/// What a sender says before the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Begin {
    /// Where in the content the bytes belong.
    pub offset: u64,
    /// How long all of it is.
    pub length: u64,
    /// The SHA-256 of all of it, in hexadecimal digits: what one goes on with is then the same.
    pub digest: Option<String>,
}

/// Why bytes are not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is nothing to send.
    #[error("there is nothing to send")]
    Empty,
    /// Somebody else sends just now.
    #[error("somebody sends it already")]
    Busy,
    /// They belong elsewhere.
    #[error("the next byte is that at {0}")]
    Offset(u64),
    /// Something else is on its way.
    #[error("the rest of other content is waited for: begin at 0")]
    Another,
    /// Nobody could tell whether it is the rest of the same.
    #[error("an upload without a digest cannot be gone on with: begin at 0")]
    Unmarked,
    /// What has come before is thrown away first.
    #[error("what came before is thrown away; begin again in a moment")]
    Restart,
    /// More came than was said.
    #[error("there are more bytes than the {0} that were said")]
    TooLong(u64),
}

/// Content on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    length: u64,
    digest: Option<String>,
    received: u64,
    sending: bool,
}

impl Session {
    /// Begins with the first byte.
    ///
    /// # Errors
    /// When there is none, or it is not the first.
    pub fn begin(begin: &Begin) -> Result<Self, Refusal> {
        match (begin.offset, begin.length) {
            (_, 0) => Err(Refusal::Empty),
            (0, length) => Ok(Self {
                length,
                digest: begin.digest.clone(),
                received: 0,
                sending: true,
            }),
            _ => Err(Refusal::Offset(0)),
        }
    }

    /// Goes on where it stopped.
    ///
    /// # Errors
    /// When somebody sends, or it is not the rest of the same.
    pub fn resume(&mut self, begin: &Begin) -> Result<(), Refusal> {
        if self.sending {
            return Err(Refusal::Busy);
        }
        let same = begin.length == self.length && begin.digest == self.digest;
        match begin.offset {
            0 if self.received > 0 || !same => return Err(Refusal::Restart),
            _ if !same => return Err(Refusal::Another),
            offset if offset != self.received => return Err(Refusal::Offset(self.received)),
            offset if offset > 0 && self.digest.is_none() => return Err(Refusal::Unmarked),
            _ => {}
        }
        self.sending = true;
        Ok(())
    }

    /// Whether so many more bytes are within what was said.
    ///
    /// # Errors
    /// When they are not.
    pub fn allow(&self, count: u64) -> Result<(), Refusal> {
        match self.received.checked_add(count) {
            Some(received) if received <= self.length => Ok(()),
            _ => Err(Refusal::TooLong(self.length)),
        }
    }

    /// So many more have been taken.
    pub fn took(&mut self, count: u64) {
        self.received = self.received.saturating_add(count);
    }

    /// The sender is gone.
    pub fn stop(&mut self) {
        self.sending = false;
    }

    /// How many bytes have come.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// How many there are.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether all of them have come.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.received == self.length
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Begin, Refusal, Session};

    fn at(offset: u64) -> Begin {
        Begin {
            offset,
            length: 10,
            digest: Some("ab".to_owned()),
        }
    }

    fn stopped_at(received: u64) -> Session {
        let mut session = Session::begin(&at(0)).unwrap();
        session.took(received);
        session.stop();
        session
    }

    #[test]
    fn it_begins_at_the_first_byte() {
        assert_eq!(Session::begin(&at(3)), Err(Refusal::Offset(0)));
        let nothing = Begin { length: 0, ..at(0) };
        assert_eq!(Session::begin(&nothing), Err(Refusal::Empty));
    }

    #[test]
    fn only_the_rest_of_the_same_is_taken() {
        assert_eq!(stopped_at(4).resume(&at(4)), Ok(()));
        for offset in [1, 3, 5, 10, u64::MAX] {
            assert_eq!(stopped_at(4).resume(&at(offset)), Err(Refusal::Offset(4)));
        }
        assert_eq!(stopped_at(4).resume(&at(0)), Err(Refusal::Restart));
        assert_eq!(stopped_at(0).resume(&at(0)), Ok(()));
        let longer = |offset| Begin {
            length: 11,
            ..at(offset)
        };
        assert_eq!(stopped_at(4).resume(&longer(4)), Err(Refusal::Another));
        assert_eq!(stopped_at(0).resume(&longer(0)), Err(Refusal::Restart));
        let other = Begin {
            digest: Some("cd".to_owned()),
            ..at(4)
        };
        assert_eq!(stopped_at(4).resume(&other), Err(Refusal::Another));
    }

    #[test]
    fn without_a_digest_nobody_knows_whether_it_is_the_same() {
        let unmarked = |offset| Begin {
            digest: None,
            ..at(offset)
        };
        let mut session = Session::begin(&unmarked(0)).unwrap();
        session.took(4);
        session.stop();
        assert_eq!(session.resume(&unmarked(4)), Err(Refusal::Unmarked));
    }

    #[test]
    fn one_sends_at_a_time() {
        let mut session = Session::begin(&at(0)).unwrap();
        assert_eq!(session.resume(&at(0)), Err(Refusal::Busy));
        session.stop();
        assert_eq!(session.resume(&at(0)), Ok(()));
        assert_eq!(session.resume(&at(0)), Err(Refusal::Busy));
    }

    proptest! {
        #[test]
        fn no_more_is_taken_than_was_said(counts: Vec<u64>) {
            let mut session = Session::begin(&at(0)).unwrap();
            for count in counts {
                if session.allow(count).is_ok() {
                    session.took(count);
                }
                prop_assert!(session.received() <= session.length());
            }
        }
    }
}
