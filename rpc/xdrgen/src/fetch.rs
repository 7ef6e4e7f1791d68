//! libvirt's source, from the package archive that the machine already uses.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The release of Debian whose libvirt is read, and the libvirt it has.
pub const SUITE: &str = "trixie";
/// The version of libvirt in [`SUITE`].
pub const VERSION: &str = "11.3.0";

/// Why the source cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be made.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A command could not be started or failed.
    #[error("{command}: {message}")]
    Command {
        /// The command.
        command: String,
        /// What it said.
        message: String,
    },
    /// The machine has no package archive that has Debian's sources.
    #[error("apt on this machine has no Debian archive: name a source tree with --tree")]
    NoArchive,
}

/// The source tree in the user's cache folder, fetched and unpacked if it is not there.
///
/// # Errors
/// [`Error`], with the command that failed.
pub fn source_tree() -> Result<PathBuf, Error> {
    let cache = cache_folder();
    let tree = cache.join(format!("libvirt-{VERSION}"));
    if tree.join("meson.build").is_file() {
        return Ok(tree);
    }
    let work = cache.join(format!("libvirt-{VERSION}.{}", std::process::id()));
    let fetched = fetch(&work).and_then(|()| {
        let unpacked = work.join(format!("libvirt-{VERSION}"));
        std::fs::rename(&unpacked, &tree).map_err(|error| file(&tree, error))
    });
    // What was left over of the download is of no use to anybody.
    let _ = std::fs::remove_dir_all(&work);
    fetched.map(|()| tree)
}

fn cache_folder() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(home);
    base.unwrap_or_else(std::env::temp_dir).join("drover")
}

fn fetch(work: &Path) -> Result<(), Error> {
    for folder in ["lists/partial", "cache/archives/partial"] {
        let folder = work.join(folder);
        std::fs::create_dir_all(&folder).map_err(|error| file(&folder, error))?;
    }
    let list = work.join("sources.list");
    let entry = format!(
        "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {} {SUITE} main\n",
        archive()?
    );
    std::fs::write(&list, entry).map_err(|error| file(&list, error))?;
    let options = [
        format!("Dir::Etc::sourcelist={}", list.display()),
        "Dir::Etc::sourceparts=/dev/null".to_owned(),
        format!("Dir::State::lists={}", work.join("lists").display()),
        format!("Dir::Cache={}", work.join("cache").display()),
        "APT::Sandbox::User=root".to_owned(),
    ];
    let options: Vec<&str> = options.iter().flat_map(|option| ["-o", option]).collect();
    run(work, "apt-get", &[&options[..], &["-q", "update"]].concat())?;
    let source = ["-q", "source", "--download-only", "--tar-only", "libvirt"];
    run(work, "apt-get", &[&options[..], &source].concat())?;
    run(
        work,
        "tar",
        &["xf", &format!("libvirt_{VERSION}.orig.tar.xz")],
    )?;
    Ok(())
}

// Where this machine gets its Debian packages.
fn archive() -> Result<String, Error> {
    let listed = run(
        Path::new("/"),
        "apt-get",
        &["indextargets", "--format", "$(SITE) $(RELEASE)"],
    )?;
    main_archive(&listed).ok_or(Error::NoArchive)
}

fn main_archive(listed: &str) -> Option<String> {
    const RELEASES: [&str; 4] = ["bookworm", "trixie", "stable", "testing"];
    let lines = listed.lines().filter_map(|line| line.split_once(' '));
    let mut lines = lines.filter(|(_, release)| RELEASES.contains(release));
    lines.next().map(|(site, _)| site.to_owned())
}

fn run(folder: &Path, command: &str, args: &[&str]) -> Result<String, Error> {
    let fail = |message: String| Error::Command {
        command: format!("{command} {}", args.join(" ")),
        message,
    };
    let output = Command::new(command)
        .args(args)
        .current_dir(folder)
        .output();
    let output = output.map_err(|error| fail(error.to_string()))?;
    if !output.status.success() {
        return Err(fail(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn file(path: &Path, error: std::io::Error) -> Error {
    Error::File {
        path: path.to_owned(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::main_archive;

    #[test]
    fn the_machines_own_archive_is_found() {
        let listed = "http://tools.example sid\nhttp://debian.example/debian bookworm\n";
        assert_eq!(
            main_archive(listed).as_deref(),
            Some("http://debian.example/debian")
        );
        assert_eq!(main_archive("http://tools.example cloud\n"), None);
    }
}
