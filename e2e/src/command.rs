//! Commands that end: run, and their output read.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};

use crate::error::Error;

/// The command as one would type it, cut when long.
pub fn describe(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    let mut line = words.join(" ");
    if let Some((end, _)) = line.char_indices().nth(200) {
        line.truncate(end);
        line.push_str(" ...");
    }
    line
}

/// Runs to the end; what it printed.
///
/// # Errors
/// [`Error::Command`] when it cannot be started or fails, with the end of what it said.
pub fn run(command: &mut Command) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).output();
    finish(command, output)
}

/// As [`run`], with this as its input.
///
/// # Errors
/// As [`run`].
pub fn run_with_input(command: &mut Command, input: &[u8]) -> Result<String, Error> {
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.spawn().and_then(|mut child| {
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read all of it says itself why.
            let _ = stdin.write_all(input);
        }
        child.wait_with_output()
    });
    finish(command, output)
}

/// Runs to the end with its output in a log.
///
/// # Errors
/// As [`run`], with the end of the log.
pub fn run_logged(command: &mut Command, log: &Path) -> Result<(), Error> {
    let open = || OpenOptions::new().create(true).append(true).open(log);
    let file = |error| Error::file(log, error);
    command
        .stdout(open().map_err(file)?)
        .stderr(open().map_err(file)?);
    let status = command.stdin(Stdio::null()).status();
    let status = status.map_err(|error| failed(command, error.to_string()))?;
    if status.success() {
        return Ok(());
    }
    Err(failed(command, format!("{}{}", ended(status), tail(log))))
}

/// A command that ends when this process does, even by `kill -9`, and with it all that it has started
/// and mounted: it has processes and mounts of its own.
#[must_use]
pub fn bound(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    // The kernel kills `unshare`, which takes its child along: that is the first of its processes,
    // and the kernel kills all others with it.
    command.args([
        "--pdeathsig",
        "KILL",
        "unshare",
        "--mount",
        "--pid",
        "--fork",
    ]);
    command.args(["--kill-child", "--mount-proc", "--", program]);
    command
}

/// Runs with the terminal of this process; how it ended.
///
/// # Errors
/// [`Error::Command`] when it cannot be started.
pub fn run_shown(command: &mut Command) -> Result<ExitStatus, Error> {
    command
        .status()
        .map_err(|error| failed(command, error.to_string()))
}

/// The last lines of a log, to be put behind a message.
pub fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    if lines.is_empty() {
        return format!("; {} is empty", log.display());
    }
    let last = lines.get(lines.len().saturating_sub(20)..);
    let last = last.unwrap_or_default().join("\n    ");
    format!("; the end of {}:\n    {last}", log.display())
}

/// A failure of this command.
pub fn failed(command: &Command, message: String) -> Error {
    Error::Command {
        command: describe(command),
        message,
    }
}

fn finish(command: &Command, output: std::io::Result<Output>) -> Result<String, Error> {
    let output = output.map_err(|error| failed(command, format!("cannot be run: {error}")))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words = if words.trim().is_empty() {
        said.trim()
    } else {
        words.trim()
    };
    Err(failed(
        command,
        format!("{}: {words}", ended(output.status)),
    ))
}

fn ended(status: ExitStatus) -> String {
    format!("failed ({status})")
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::{Child, Stdio};

    use super::bound;

    /// A child whose own child lives on for longer than any test, with the output of both.
    fn with_descendants() -> Child {
        let mut command = bound("sh");
        command.args(["-c", "sleep 3600 & echo begun; wait"]);
        command.stdout(Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn a_bound_command_ends_with_who_started_it_and_all_its_children_do() {
        // The kernel tells a child of the end of the thread that started it.
        let begun = std::thread::spawn(|| {
            let mut child = with_descendants();
            let mut line = [0; 6];
            child
                .stdout
                .as_mut()
                .unwrap()
                .read_exact(&mut line)
                .unwrap();
            assert_eq!(&line, b"begun\n");
            child
        });
        let mut child = begun.join().unwrap();
        let mut rest = Vec::new();
        // The end of the output is the end of everybody who could write to it.
        child.stdout.take().unwrap().read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty());
        assert!(!child.wait().unwrap().success());
    }
}
