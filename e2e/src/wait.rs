//! Waiting for something to become true, with an end.

use std::time::{Duration, Instant};

use crate::command::tail;
use crate::error::Error;
use crate::places::Lab;
use crate::process;

/// How long anything in the lab may take. A busy machine with two cores is slow: it is better to
/// wait once too long than to fail a run that was all right.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Waits until `check` gives something, for as long as the named process runs.
///
/// # Errors
/// [`Error::Timeout`], or [`Error::Ended`] when the process has ended, each with the end of its log;
/// and the check's own errors.
pub fn until<T>(
    lab: &Lab,
    what: &str,
    name: &str,
    mut check: impl FnMut() -> Result<Option<T>, Error>,
) -> Result<T, Error> {
    let start = Instant::now();
    loop {
        if let Some(found) = check()? {
            return Ok(found);
        }
        let log = || tail(&lab.log(name));
        if process::running(lab, name).is_none() {
            return Err(Error::Ended {
                name: name.to_owned(),
                log: log(),
            });
        }
        if start.elapsed() > LIMIT {
            return Err(Error::Timeout {
                what: what.to_owned(),
                seconds: LIMIT.as_secs(),
                log: log(),
            });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until something listens at an address.
///
/// # Errors
/// As [`until`].
pub fn until_listening(lab: &Lab, address: &str, name: &str) -> Result<(), Error> {
    let target: std::net::SocketAddr = address
        .parse()
        .map_err(|error| Error::Refused(format!("{address}: {error}")))?;
    let what = format!("{name} listens at {address}");
    until(lab, &what, name, || {
        let tried = std::net::TcpStream::connect_timeout(&target, Duration::from_secs(1));
        Ok(tried.ok().map(drop))
    })
}
