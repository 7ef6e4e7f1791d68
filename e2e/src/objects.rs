//! What the lab puts into the API server.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::command::{run_with_input, tail};
use crate::control_plane::{kubectl, kubectl_command};
use crate::error::Error;
use crate::guest;
use crate::hosts::Host;
use crate::places::{Lab, make_folder, read_file, write_file};
use crate::wait::LIMIT;

const EXAMPLES: &str = "docs/examples";
const FIRST: &str = "first-machine";

/// Applies text.
///
/// # Errors
/// What kubectl said.
pub fn apply(lab: &Lab, text: &str) -> Result<String, Error> {
    let mut command = kubectl_command(lab, &["apply", "--server-side", "-f", "-"]);
    run_with_input(&mut command, text.as_bytes())
}

/// The definitions of Drover's kinds; waits until they are served.
///
/// # Errors
/// What kubectl said.
pub fn definitions(lab: &Lab) -> Result<(), Error> {
    let folder = lab.root().join("charts/drover/files/crds");
    let folder = folder.display().to_string();
    kubectl(lab, &["apply", "--server-side", "-f", &folder])?;
    kubectl(
        lab,
        &[
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "-f",
            &folder,
        ],
    )
    .map(drop)
}

/// The operator's namespace and rights.
///
/// # Errors
/// What kubectl said.
pub fn rights(lab: &Lab) -> Result<(), Error> {
    apply(
        lab,
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: drover-system}\n",
    )?;
    let file = lab.root().join("charts/drover/files/rbac.yaml");
    let file = file.display().to_string();
    kubectl(lab, &["apply", "--server-side", "-f", &file]).map(drop)
}

/// A host's object.
///
/// # Errors
/// What kubectl said.
pub fn host(lab: &Lab, host: &Host) -> Result<(), Error> {
    host_at(lab, host, &host.uri())
}

/// A host that is reached by another URI.
///
/// # Errors
/// What kubectl said.
pub fn host_at(lab: &Lab, host: &Host, uri: &str) -> Result<(), Error> {
    let (name, suite) = (&host.name, host.suite.name());
    let text = format!(
        "apiVersion: drover.dev/v1alpha1
kind: Host
metadata:
  name: {name}
  labels: {{suite: {suite}}}
spec:
  uri: {uri}
  insecure: true
"
    );
    // What a test left of it is put right.
    let words = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    run_with_input(&mut kubectl_command(lab, &words), text.as_bytes()).map(drop)
}

/// An example by its folder, with the checksum of the lab's image filled in; the folder that can be
/// applied.
///
/// # Errors
/// [`Error::File`].
pub fn example(lab: &Lab, name: &str) -> Result<PathBuf, Error> {
    let sum = guest::checksum(&guest::image(lab)?)?;
    let (from, to) = (lab.root().join(EXAMPLES).join(name), lab.state().join(name));
    crate::cache::remove(&to)?;
    make_folder(&to)?;
    let entries = std::fs::read_dir(&from).map_err(|error| Error::file(&from, error))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let text = read_file(&path)?.replace("${GUEST_SHA256}", &sum);
            write_file(&to.join(path.file_name().unwrap_or_default()), text)?;
        }
    }
    Ok(to)
}

/// Applies the example and waits for its machine.
///
/// # Errors
/// What kubectl said, or what the machine's conditions say when it does not become ready.
pub fn first_machine(lab: &Lab) -> Result<(), Error> {
    let folder = example(lab, FIRST)?;
    let folder = folder.display().to_string();
    kubectl(lab, &["apply", "--server-side", "-f", &folder])?;
    let ready = [
        "wait",
        "--for=condition=Ready",
        "--timeout=240s",
        "-n",
        "demo",
        "vm/first",
    ];
    kubectl(lab, &ready).map(drop).map_err(|error| {
        Error::Refused(format!(
            "{error}\n{}{}",
            all_status(lab),
            tail(&lab.log(crate::operator::NAME))
        ))
    })
}

/// What all of Drover's objects say of themselves: one line for each condition and each host.
fn all_status(lab: &Lab) -> String {
    let each = "jsonpath={range .items[*]}{.kind} {.metadata.name}\
        {range .status.conditions[*]}{\"\\n  \"}{.type}={.status} {.reason}: {.message}{end}\
        {range .status.hosts[*]}{\"\\n  on \"}{.name} {.state}: {.message}{end}{\"\\n\"}{end}";
    let kinds = "hosts.drover.dev,storagepools,networks.drover.dev,volumes.drover.dev,vm";
    kubectl(lab, &["get", kinds, "-A", "-o", each]).unwrap_or_else(|error| error.to_string())
}

/// The line that the example's guest prints when it is up.
///
/// # Errors
/// [`Error::Timeout`] with the end of its console.
pub fn first_line(lab: &Lab) -> Result<String, Error> {
    let place = [
        "get",
        "vm",
        "first",
        "-n",
        "demo",
        "-o",
        "jsonpath={.status.host}",
    ];
    let name = kubectl(lab, &place)?;
    let host = crate::hosts::record::named(lab, name.trim())?;
    line_on(&host.console(lab, "demo_first"), "drover-guest: up")
}

/// Waits for a line on a guest's console.
///
/// # Errors
/// [`Error::Timeout`] with the end of the console.
pub fn line_on(console: &Path, words: &str) -> Result<String, Error> {
    let start = Instant::now();
    loop {
        // A boot loader prints bytes that are no text.
        let bytes = std::fs::read(console).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        if let Some(line) = text.lines().rev().find(|line| line.contains(words)) {
            return Ok(line.trim().to_owned());
        }
        if start.elapsed() > LIMIT {
            return Err(Error::Timeout {
                what: format!("{words:?} on the guest's console"),
                seconds: LIMIT.as_secs(),
                log: tail(console),
            });
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
