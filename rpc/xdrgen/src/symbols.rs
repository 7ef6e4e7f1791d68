//! Which version of libvirt first had which function: read from its table of exported symbols.

use std::collections::BTreeMap;

/// First versions by the function's name in lower case without `vir`.
#[derive(Debug, Clone, Default)]
pub struct Symbols(BTreeMap<String, u32>);

impl Symbols {
    /// Reads `libvirt_public.syms` (or `libvirt_qemu.syms`, ...).
    #[must_use]
    pub fn parse(source: &str) -> Self {
        let mut since = BTreeMap::new();
        let mut version = None;
        for line in source.lines().map(str::trim) {
            if let Some((name, _)) = line.split_once('{') {
                version = name.rsplit('_').next().and_then(|name| number(name.trim()));
            } else if let (Some(version), Some(name)) = (version, line.strip_suffix(';'))
                && let Some(name) = name.strip_prefix("vir")
            {
                since.entry(name.to_ascii_lowercase()).or_insert(version);
            }
        }
        Self(since)
    }

    /// Adds another table.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The first version with a function for this procedure (`DOMAIN_GET_INFO`), as libvirt writes
    /// versions: 11003000 is 11.3.0.
    #[must_use]
    pub fn since(&self, procedure: &str) -> Option<u32> {
        let name = procedure.replace('_', "").to_ascii_lowercase();
        candidates(&name)
            .iter()
            .find_map(|name| self.0.get(name).copied())
    }
}

// Procedures that are named otherwise than their function.
fn candidates(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    for (wire, function) in [
        ("nodedevice", "nodedev"),
        ("connectgetlibversion", "connectgetlibversion"),
        ("domainmigratebegin", "domainmigrate"),
    ] {
        if name.contains(wire) {
            names.push(name.replace(wire, function));
        }
    }
    names.push(format!("connect{name}"));
    if let Some(rest) = name.strip_prefix("connect") {
        names.push(rest.to_owned());
    }
    names.push(format!("{name}flags"));
    names
}

fn number(version: &str) -> Option<u32> {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let (major, minor) = (parts.next()??, parts.next()??);
    let release = parts.next().flatten().unwrap_or(0);
    Some(major * 1_000_000 + minor * 1_000 + release)
}

#[cfg(test)]
mod tests {
    use super::Symbols;

    #[test]
    fn the_first_version_is_found_by_the_functions_name() {
        let symbols = Symbols::parse(
            "# comment\nLIBVIRT_0.0.3 {\n global:\n  virDomainGetInfo;\n};\n\
             LIBVIRT_11.2.0 {\n  virDomainSetAutostartOnce;\n} LIBVIRT_11.1.0;\n",
        );
        assert_eq!(symbols.since("DOMAIN_GET_INFO"), Some(3));
        assert_eq!(symbols.since("DOMAIN_SET_AUTOSTART_ONCE"), Some(11_002_000));
        assert_eq!(symbols.since("DOMAIN_FLY"), None);
    }
}
