//! `libvirt.conf`: short names for URIs, and the URI that is meant when none is named.

mod read;

use std::path::PathBuf;

use crate::uri::{Transport, Uri, UriError};
use read::Settings;

// Defaults for parameters of a URI.
const DEFAULTS: [(&str, &str); 2] = [("remote_mode", "mode"), ("remote_proxy", "proxy")];
// What is said for the safety of TLS is refused rather than passed over, as in a URI.
const TLS_DEFAULT: Option<(&str, &str)> = Some(("tls_priority", "tls_priority"));

impl Uri {
    /// Reads what a user names a connection by, as `virsh -c` does: a name from `uri_aliases` of
    /// `libvirt.conf` stands for its URI, nothing at all for `LIBVIRT_DEFAULT_URI`, or `uri_default`,
    /// or the system's QEMU; `remote_mode` and `remote_proxy` count where the URI says nothing else.
    ///
    /// # Errors
    /// When what is found is no URI, or the file cannot be read.
    pub fn resolve(name: &str) -> Result<Self, UriError> {
        let var = |name: &str| std::env::var(name).ok();
        let file = config_files("libvirt.conf", var)
            .into_iter()
            .find(|file| file.is_file());
        let conf = match file {
            None => String::new(),
            Some(file) => std::fs::read_to_string(&file)
                .map_err(|error| UriError::Config(format!("{}: {error}", file.display())))?,
        };
        resolve(name, &conf, var("LIBVIRT_DEFAULT_URI"))
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

fn resolve(name: &str, conf: &str, default: Option<String>) -> Result<Uri, UriError> {
    let settings = Settings::read(conf).map_err(UriError::Config)?;
    let mut uri: Uri = meant(name, &settings, default)?.parse()?;
    let of_tls = TLS_DEFAULT.filter(|_| uri.transport == Transport::Tls);
    for (setting, parameter) in DEFAULTS.into_iter().chain(of_tls) {
        let value = settings.text(setting).map_err(UriError::Config)?;
        if let Some(value) = value.filter(|_| uri.parameter(parameter).is_none()) {
            uri = uri.with_parameter(parameter, value)?;
        }
    }
    Ok(uri)
}

fn meant(name: &str, settings: &Settings, default: Option<String>) -> Result<String, UriError> {
    if name.is_empty() {
        if let Some(default) = default.filter(|uri| !uri.is_empty()) {
            return Ok(default);
        }
        let default = settings.text("uri_default").map_err(UriError::Config)?;
        return Ok(default.unwrap_or("qemu:///system").to_owned());
    }
    let mut found = None;
    for alias in settings.list("uri_aliases").map_err(UriError::Config)? {
        let parts = alias.split_once('=').filter(|(alias, _)| is_alias(alias));
        let (alias, uri) = parts.ok_or_else(|| {
            UriError::Config(format!(
                "uri_aliases: {alias:?} is not NAME=URI, with letters, digits, _ and - in the name"
            ))
        })?;
        if alias == name && found.is_none() {
            found = Some(uri);
        }
    }
    Ok(found.unwrap_or(name).to_owned())
}

fn is_alias(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONF: &str = "
# uri_default = \"xen:///system\"
uri_aliases = [
  \"hail=qemu+ssh://root@hail.example.com/system\", # the old one
  # \"sleet=qemu:///session\",
  'sleet=qemu+tcp://[fd00::1]:16509/system',
]
uri_default = \"test:///default\"
";

    #[test]
    fn short_names_and_none() {
        let uri = |text: &str| text.parse::<Uri>();
        let found = |name: &str| resolve(name, CONF, None);
        assert_eq!(
            found("hail"),
            uri("qemu+ssh://root@hail.example.com/system")
        );
        assert_eq!(found("sleet"), uri("qemu+tcp://[fd00::1]:16509/system"));
        assert_eq!(found("lxc:///"), uri("lxc:///"));
        assert_eq!(found(""), uri("test:///default"));
        assert_eq!(
            resolve("", CONF, Some("lxc:///".to_owned())),
            uri("lxc:///")
        );
        assert_eq!(resolve("", "", Some(String::new())), uri("qemu:///system"));
        assert!(matches!(found("rain"), Err(UriError::Malformed { .. })));
    }

    #[test]
    fn defaults_for_parameters() {
        let conf = "remote_mode = 'legacy'\nremote_proxy = \"netcat\"";
        let found = |name: &str| resolve(name, conf, None).unwrap();
        assert_eq!(found("qemu:///system").parameter("mode"), Some("legacy"));
        assert_eq!(found("qemu:///system").parameter("proxy"), Some("netcat"));
        let own = found("qemu:///system?mode=direct");
        assert_eq!(own.parameter("mode"), Some("direct"));
        let priority = |uri| resolve(uri, "tls_priority = 'NORMAL'", None);
        assert!(priority("qemu:///system").is_ok());
        assert!(matches!(
            priority("qemu+tls://h/system"),
            Err(UriError::Parameter {
                name: "tls_priority",
                ..
            })
        ));
        let wrong = resolve("qemu:///system", "remote_mode = 'x'", None);
        assert!(matches!(
            wrong,
            Err(UriError::Parameter { name: "mode", .. })
        ));
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_no_guess() {
        for (conf, words) in [
            ("uri_aliases = \"x\"", "uri_aliases: \"x\" is not NAME=URI"),
            ("uri_aliases = [ 'a.b=qemu:///system' ]", "is not NAME=URI"),
            ("uri_aliases = [ 'a=qemu:///system'", "line 1"),
            ("\nuri_default = 'x", "line 2"),
            ("uri_aliases = 7", "uri_aliases is no text"),
            ("uri aliases = 'x'", "line 1"),
        ] {
            let said = resolve("a", conf, None).or_else(|_| resolve("", conf, None));
            let said = resolve("a", conf, None).err().or(said.err()).unwrap();
            assert!(said.to_string().contains(words), "{conf}: {said}");
        }
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
