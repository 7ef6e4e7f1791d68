//! `libvirt.conf`: short names for URIs, and the URI that is meant when none is named.

use std::path::PathBuf;

use crate::uri::{Uri, UriError};

impl Uri {
    /// Reads a URI as `virsh -c` does: a name from `uri_aliases` of `libvirt.conf` stands for its URI,
    /// and nothing at all for `LIBVIRT_DEFAULT_URI`, or `uri_default`, or the system's QEMU.
    ///
    /// # Errors
    /// When what is found is no URI.
    pub fn resolve(name: &str) -> Result<Self, UriError> {
        let var = |name: &str| std::env::var(name).ok();
        let conf = config_files("libvirt.conf", var)
            .into_iter()
            .find_map(|file| std::fs::read_to_string(file).ok());
        resolve(name, &conf.unwrap_or_default(), var("LIBVIRT_DEFAULT_URI")).parse()
    }
}

/// Where a file of libvirt's configuration may be: the user's first, then the system's.
pub(crate) fn config_files(name: &str, var: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let home = || var("HOME").map(|home| PathBuf::from(home).join(".config"));
    let config = var("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home);
    let folders = config.into_iter().chain([PathBuf::from("/etc")]);
    folders
        .map(|folder| folder.join("libvirt").join(name))
        .collect()
}

fn resolve(name: &str, conf: &str, default: Option<String>) -> String {
    if name.is_empty() {
        let named = || strings(conf, "uri_default").into_iter().next();
        let default = default.filter(|uri| !uri.is_empty()).or_else(named);
        return default.unwrap_or_else(|| "qemu:///system".to_owned());
    }
    let aliases = strings(conf, "uri_aliases");
    let mut aliases = aliases.iter().filter_map(|alias| alias.split_once('='));
    aliases
        .find_map(|(alias, uri)| (alias == name).then(|| uri.to_owned()))
        .unwrap_or_else(|| name.to_owned())
}

// The value of a setting: one text, or a list of them that may go over several lines.
fn strings(conf: &str, setting: &str) -> Vec<String> {
    let lines: Vec<&str> = conf
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .collect();
    let begins = |line: &&str| {
        let rest = line.strip_prefix(setting);
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let Some(first) = lines.iter().position(begins) else {
        return Vec::new();
    };
    let value = lines[first..].join("\n");
    let value = value.split_once('=').map_or("", |(_, value)| value.trim());
    let value = match value.strip_prefix('[') {
        Some(list) => list.split(']').next().unwrap_or_default(),
        None => value.lines().next().unwrap_or_default(),
    };
    let quoted = value.split('"').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONF: &str = "
# uri_default = \"xen:///system\"
uri_aliases = [
  \"hail=qemu+ssh://root@hail.example.com/system\",
  # \"sleet=qemu:///session\",
  \"sleet=qemu+tls://sleet.example.com/system\"
]
uri_default = \"test:///default\"
";

    #[test]
    fn short_names_and_none() {
        let found = |name: &str| resolve(name, CONF, None);
        assert_eq!(found("hail"), "qemu+ssh://root@hail.example.com/system");
        assert_eq!(found("sleet"), "qemu+tls://sleet.example.com/system");
        assert_eq!(found("lxc:///"), "lxc:///");
        assert_eq!(found(""), "test:///default");
        assert_eq!(resolve("", CONF, Some("lxc:///".to_owned())), "lxc:///");
        assert_eq!(resolve("", "", Some(String::new())), "qemu:///system");
        assert_eq!(resolve("x", "uri_aliases = \"x\"", None), "x");
    }

    #[test]
    fn where_the_file_is() {
        let none: Vec<_> = config_files("libvirt.conf", |_| None);
        assert_eq!(none, [PathBuf::from("/etc/libvirt/libvirt.conf")]);
        let home = config_files("libvirt.conf", |name| {
            (name == "HOME").then(|| "/h".to_owned())
        });
        assert_eq!(home[0], PathBuf::from("/h/.config/libvirt/libvirt.conf"));
    }
}
