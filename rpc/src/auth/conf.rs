//! `auth.conf`: passwords in a file, as libvirt's own client reads it.

use std::path::PathBuf;

use crate::credentials::SaslCredentials;
use crate::libvirt_conf::config_files;

/// The files in which passwords are looked for; the first that exists counts.
pub(crate) fn files(named: Option<&str>, var: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    if let Some(file) = var("LIBVIRT_AUTH_FILE") {
        return vec![file.into()];
    }
    if let Some(file) = named {
        return vec![file.into()];
    }
    config_files("auth.conf", var)
}

/// What a file says for libvirt on this host.
pub(crate) fn find(text: &str, host: &str) -> Option<SaslCredentials> {
    let named = value(text, &format!("auth-libvirt-{host}"), "credentials");
    let name = named.or_else(|| value(text, "auth-libvirt-default", "credentials"))?;
    let group = format!("credentials-{name}");
    let user = value(text, &group, "authname").or_else(|| value(text, &group, "username"));
    Some(SaslCredentials {
        username: user.map(str::to_owned),
        password: value(text, &group, "password").map(Into::into),
    })
}

fn value<'a>(text: &'a str, group: &str, key: &str) -> Option<&'a str> {
    let heading = |line: &str| {
        let name = line.trim().strip_prefix('[')?.strip_suffix(']')?;
        Some(name.trim().to_owned())
    };
    let mut lines = text.lines();
    lines.find(|line| heading(line).as_deref() == Some(group))?;
    lines
        .take_while(|line| heading(line).is_none())
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .find_map(|(name, value)| (name.trim() == key).then(|| value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
# who is who
[credentials-test]
authname=fred
password=a=b

[credentials-all]
username = joe
password = 123

[auth-libvirt-kvm-01]
credentials=test
[auth-libvirt-default]
credentials=all
";

    #[test]
    fn a_host_has_its_own_or_the_default() {
        let found = find(TEXT, "kvm-01").unwrap();
        assert_eq!(found.username.as_deref(), Some("fred"));
        assert_eq!(found.password, Some("a=b".into()));
        let found = find(TEXT, "kvm-02").unwrap();
        assert_eq!(found.username.as_deref(), Some("joe"));
        assert_eq!(found.password, Some("123".into()));
        assert_eq!(find("[credentials-x]\nauthname=a", "kvm-01"), None);
        let dangling = "[auth-libvirt-default]\ncredentials=x";
        assert_eq!(find(dangling, "h"), Some(SaslCredentials::default()));
    }

    #[test]
    fn where_the_file_is() {
        let none = |_: &str| None;
        let shown = |files: Vec<PathBuf>| {
            let all = files.iter().map(|file| file.display().to_string());
            all.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(files(None, none)), "/etc/libvirt/auth.conf");
        assert_eq!(shown(files(Some("/a"), none)), "/a");
        let var = |name: &str| (name == "LIBVIRT_AUTH_FILE").then(|| "/b".to_owned());
        assert_eq!(shown(files(Some("/a"), var)), "/b");
        let var = |name: &str| (name == "HOME").then(|| "/root".to_owned());
        let expected = "/root/.config/libvirt/auth.conf /etc/libvirt/auth.conf";
        assert_eq!(shown(files(None, var)), expected);
    }
}
