//! Labs of other checkouts. The names of namespaces, bridge and ports are the machine's, so that
//! only one lab can be up at a time.

use nix::sys::signal::Signal;

use crate::error::Error;
use crate::places::Lab;
use crate::process;

/// Whether a lab of another checkout is up.
pub fn are_up(lab: &Lab) -> bool {
    !process::of_others(lab).is_empty()
}

/// Ends what runs of labs whose checkout is gone.
///
/// # Errors
/// [`Error::Refused`] when a lab is up whose checkout is there: it may be in use.
pub fn make_room(lab: &Lab) -> Result<(), Error> {
    for (state, found) in process::of_others(lab) {
        if state.exists() {
            let checkout = state.ancestors().nth(2).unwrap_or(&state).display();
            return Err(Error::Refused(format!(
                "the lab of {checkout} is up ({} runs), and a machine has one at a time: \
                 `cargo lab down` in {checkout} first",
                found.name
            )));
        }
        process::end(found.pid, Signal::SIGKILL)?;
    }
    Ok(())
}
