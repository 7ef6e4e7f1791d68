//! A program whose input and output are the socket.

use std::process::Stdio;

use tokio::io::Join;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::held::Held;
use crate::error::Error;
use crate::permissions::Permissions;
use crate::refusal::Refusal;
use crate::uri::Uri;

/// A program that carries the bytes; it ends with the connection.
pub(super) type Program = Held<Join<ChildStdout, ChildStdin>, Child>;

/// Runs the program that the URI names.
pub(super) fn run(uri: &Uri, permit: Permissions) -> Result<Program, Error> {
    permit.program("the transport ext")?;
    let program = uri
        .parameter("command")
        .ok_or_else(|| Refusal::missing("the URI's parameter command"))?;
    start(Command::new(program))
}

/// Runs a program.
pub(super) fn start(mut command: Command) -> Result<Program, Error> {
    let program = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let failed = |reason: String| Error::Connect {
        target: format!("the program {program}"),
        reason,
    };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    match (child.stdout.take(), child.stdin.take()) {
        (Some(output), Some(input)) => Ok(Held {
            stream: tokio::io::join(output, input),
            _held: child,
        }),
        _ => Err(failed("it has no input or output".to_owned())),
    }
}
