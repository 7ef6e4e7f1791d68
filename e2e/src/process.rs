//! Processes that go on running when the command has ended.
//!
//! Each carries the lab's folder and its own name in its environment. So a process is known for
//! certain, also when its id was used again, and also when the command that started it was killed
//! before it could write the id down.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::failed;
use crate::error::Error;
use crate::places::{Lab, write_file};

const LAB: &str = "DROVER_LAB_STATE";
const NAME: &str = "DROVER_LAB_PROCESS";

/// A process that belongs to the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub pid: i32,
    /// The name under which it, or the process it comes from, was started.
    pub name: String,
}

/// Starts a process that outlives this one, in a session of its own. One of that name that runs
/// already is left alone.
///
/// # Errors
/// [`Error::File`] or [`Error::Command`].
pub fn start(lab: &Lab, name: &str, command: &Command) -> Result<i32, Error> {
    if let Some(pid) = running(lab, name) {
        return Ok(pid);
    }
    let log = lab.log(name);
    let open = || OpenOptions::new().create(true).append(true).open(&log);
    let file = |error| Error::file(&log, error);
    // setsid does not fork here, so that its id is the command's.
    let mut detached = Command::new("setsid");
    detached.arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => detached.env(key, value),
            None => detached.env_remove(key),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        detached.current_dir(folder);
    }
    detached.env(LAB, lab.state()).env(NAME, name);
    detached
        .stdin(Stdio::null())
        .stdout(open().map_err(file)?)
        .stderr(open().map_err(file)?);
    let child = detached
        .spawn()
        .map_err(|error| failed(&detached, error.to_string()))?;
    let pid = i32::try_from(child.id()).unwrap_or_default();
    write_file(&pid_file(lab, name), format!("{pid}\n"))?;
    // Until it runs its command it does not carry the mark by which it is known.
    let start = Instant::now();
    while alive(pid) && marked(lab, pid).is_none() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(pid)
}

/// The id of the process of that name, if it runs.
pub fn running(lab: &Lab, name: &str) -> Option<i32> {
    let text = std::fs::read_to_string(pid_file(lab, name)).ok()?;
    let pid = text.trim().parse().ok()?;
    let found = settled(lab, pid)?;
    (found.name == name).then_some(pid)
}

// While a process goes from one program to the next the kernel shows an empty environment, a part of
// one, or none that may be read.
fn settled(lab: &Lab, pid: i32) -> Option<Found> {
    let start = Instant::now();
    loop {
        // One look tells both: between two it may have arrived at the next program.
        let environment = environment(pid).unwrap_or_default();
        let late = start.elapsed() > Duration::from_secs(1);
        match mark_in(pid, &environment) {
            Some((folder, found)) => {
                return (alive(pid) && folder == lab.state()).then_some(found);
            }
            None if !alive(pid) || late => return None,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// All that run and belong to the lab.
pub fn all(lab: &Lab) -> Vec<Found> {
    ids()
        .into_iter()
        .filter_map(|pid| marked(lab, pid))
        .collect()
}

/// All that run and belong to labs of other checkouts, each with its lab's folder.
pub fn of_others(lab: &Lab) -> Vec<(PathBuf, Found)> {
    let mut found: Vec<_> = ids().into_iter().filter_map(mark).collect();
    found.retain(|(folder, _)| folder != lab.state());
    found
}

/// Sends a signal to the process of that name.
///
/// # Errors
/// [`Error::Refused`] when there is none.
pub fn signal(lab: &Lab, name: &str, signal: Signal) -> Result<i32, Error> {
    let pid = running(lab, name).ok_or_else(|| Error::Refused(format!("{name} does not run")))?;
    send(pid, signal);
    Ok(pid)
}

/// Ends a process: politely, and after ten seconds for certain. None of that name is no error.
///
/// # Errors
/// [`Error::Timeout`] when it cannot be ended.
pub fn stop(lab: &Lab, name: &str, how: Signal) -> Result<(), Error> {
    if let Some(pid) = running(lab, name) {
        end(pid, how)?;
    }
    let _ = std::fs::remove_file(pid_file(lab, name));
    Ok(())
}

/// Ends a process by its id: with `how`, and after ten seconds for certain.
///
/// # Errors
/// [`Error::Timeout`].
pub fn end(pid: i32, how: Signal) -> Result<(), Error> {
    send(pid, how);
    let start = Instant::now();
    let mut harder = how == Signal::SIGKILL;
    while alive(pid) {
        let waited = start.elapsed();
        if waited > Duration::from_secs(10) && !harder {
            harder = true;
            send(pid, Signal::SIGKILL);
        }
        if waited > Duration::from_secs(60) {
            return Err(Error::Timeout {
                what: format!("the end of process {pid}"),
                seconds: 60,
                log: String::new(),
            });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Sends a signal; a process that is gone has had it.
pub fn send(pid: i32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid), signal);
}

/// The children of a process.
pub fn children(parent: i32) -> Vec<i32> {
    let is_child = |pid: &i32| stat(*pid).is_some_and(|(_, of)| of == parent);
    ids().into_iter().filter(is_child).collect()
}

/// Whether a process of that id runs. One that has ended and was not reaped does not. Its first
/// thread may have ended while others still have to, and with them its sockets.
pub fn alive(pid: i32) -> bool {
    let threads = || std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    stat(pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X') || threads() > 1)
}

/// The ids of all processes of the machine.
pub fn ids() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn pid_file(lab: &Lab, name: &str) -> PathBuf {
    lab.runs().join(format!("{name}.pid"))
}

/// A process's state and parent, from the kernel.
fn stat(pid: i32) -> Option<(char, i32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in brackets and may hold anything, brackets too.
    let mut words = text.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

fn marked(lab: &Lab, pid: i32) -> Option<Found> {
    let (folder, found) = mark(pid)?;
    (folder == lab.state()).then_some(found)
}

/// What a process's environment says: the folder of its lab, and who it is there.
fn mark(pid: i32) -> Option<(PathBuf, Found)> {
    if !alive(pid) || pid == i32::try_from(std::process::id()).ok()? {
        return None;
    }
    mark_in(pid, &environment(pid)?)
}

fn environment(pid: i32) -> Option<Vec<u8>> {
    std::fs::read(format!("/proc/{pid}/environ")).ok()
}

fn mark_in(pid: i32, environment: &[u8]) -> Option<(PathBuf, Found)> {
    let value = |key: &str| {
        environment.split(|byte| *byte == 0).find_map(|entry| {
            let text = std::str::from_utf8(entry).ok()?;
            text.strip_prefix(key)?.strip_prefix('=').map(str::to_owned)
        })
    };
    let name = value(NAME)?;
    Some((value(LAB)?.into(), Found { pid, name }))
}
