//! The enumerations, flags and names that libvirt has in its C headers alone.

use std::collections::BTreeMap;

use crate::names::shared_prefix;

/// The headers below `include/libvirt/`, without those of the admin interface and the event loop.
pub const HEADERS: &[&str] = &[
    "libvirt-common.h.in",
    "virterror.h",
    "libvirt-host.h",
    "libvirt-domain.h",
    "libvirt-domain-snapshot.h",
    "libvirt-domain-checkpoint.h",
    "libvirt-interface.h",
    "libvirt-network.h",
    "libvirt-nodedev.h",
    "libvirt-nwfilter.h",
    "libvirt-secret.h",
    "libvirt-storage.h",
    "libvirt-qemu.h",
];

/// An enumeration of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enumeration {
    /// Its C name, such as `virDomainState`.
    pub name: String,
    /// The C name and value of each constant.
    pub values: Vec<(String, i64)>,
    /// Whether its constants are bits that go together.
    pub flags: bool,
}

/// What has been read.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// Enumerations, in the order of the headers.
    pub enumerations: Vec<Enumeration>,
    /// C names of strings, such as `VIR_MIGRATE_PARAM_URI`, and the strings.
    pub strings: Vec<(String, String)>,
    known: BTreeMap<String, i64>,
}

/// What is not understood in a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{enumeration}: {what}")]
pub struct Error {
    enumeration: String,
    what: String,
}

impl Headers {
    /// Reads one more header.
    ///
    /// # Errors
    /// When a constant's value is not understood.
    pub fn read(&mut self, source: &str) -> Result<(), Error> {
        let (code, strings) = preprocess(&without_comments(source));
        self.strings.extend(strings);
        let mut rest = code.as_str();
        while let Some(start) = rest.find("typedef enum") {
            rest = &rest[start..];
            let (Some(open), Some(close)) = (rest.find('{'), rest.find('}')) else {
                break;
            };
            let body = rest.get(open + 1..close).unwrap_or_default();
            rest = &rest[close + 1..];
            let name = rest.split(';').next().unwrap_or_default().trim();
            let enumeration = self.enumeration(name, body)?;
            self.enumerations.push(enumeration);
        }
        Ok(())
    }

    fn enumeration(&mut self, name: &str, body: &str) -> Result<Enumeration, Error> {
        let mut next = 0;
        let mut values = Vec::new();
        for item in body.split(',').map(str::trim).filter(|s| !s.is_empty()) {
            let (constant, value) = match item.split_once('=') {
                Some((constant, value)) => (constant.trim(), self.evaluate(value)),
                None => (item, Some(next)),
            };
            let value = value.ok_or_else(|| Error {
                enumeration: name.to_owned(),
                what: format!("cannot evaluate `{item}`"),
            })?;
            self.known.insert(constant.to_owned(), value);
            values.push((constant.to_owned(), value));
            next = value + 1;
        }
        let flags = name.contains("Flag") || body.contains("<<");
        Ok(Enumeration {
            name: name.to_owned(),
            values,
            flags,
        })
    }

    // Numbers, names, `<<` and `|` are all that the headers use.
    fn evaluate(&self, expression: &str) -> Option<i64> {
        let mut bits = 0;
        for term in expression.replace(['(', ')'], " ").split('|') {
            let value = match term.split_once("<<") {
                Some((left, right)) => {
                    let by = u32::try_from(self.atom(right)?).ok()?;
                    self.atom(left)?.checked_shl(by)?
                }
                None => self.atom(term)?,
            };
            bits |= value;
        }
        Some(bits)
    }

    fn atom(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        let number = text.trim_end_matches(['U', 'L', 'u', 'l']);
        if let Some(hex) = number.strip_prefix("0x") {
            return i64::from_str_radix(hex, 16).ok();
        }
        number
            .parse()
            .ok()
            .or_else(|| self.known.get(text).copied())
    }
}

fn without_comments(source: &str) -> String {
    let mut out = String::new();
    let mut rest = source;
    while let Some((before, comment)) = rest.split_once("/*") {
        out.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

// The lines that are no directives, without those that only mark the ends of enumerations, and the
// strings that are defined.
fn preprocess(source: &str) -> (String, Vec<(String, String)>) {
    let mut code = String::new();
    let mut strings = Vec::new();
    let mut sentinels = false;
    for line in source.replace("\\\n", " ").lines() {
        let Some(directive) = line.trim_start().strip_prefix('#') else {
            if !sentinels {
                code.push_str(line);
                code.push('\n');
            }
            continue;
        };
        let words: Vec<_> = directive.split_whitespace().collect();
        match words.as_slice() {
            ["ifdef", "VIR_ENUM_SENTINELS"] => sentinels = true,
            ["endif"] => sentinels = false,
            ["define", name, value] if name.starts_with("VIR_") => {
                let string = value.strip_prefix('"').and_then(|s| s.strip_suffix('"'));
                strings.extend(string.map(|s| ((*name).to_owned(), s.to_owned())));
            }
            _ => {}
        }
    }
    (code, strings)
}

impl Enumeration {
    /// `virDomainShutdownFlagValues` to `DomainShutdownFlags`.
    #[must_use]
    pub fn rust_name(&self) -> String {
        let name = self.name.trim_start_matches("vir");
        match name.strip_suffix("Values") {
            Some(name) if name.ends_with("Flags") => name.to_owned(),
            Some(name) if name.ends_with("Flag") => format!("{name}s"),
            _ => name.to_owned(),
        }
    }

    // A constant that is alone begins with as many words of the enumeration's name as it does.
    fn prefix_of<'a>(&self, constant: &'a str) -> &'a str {
        let name = self.name.to_ascii_uppercase();
        let ends = constant.match_indices('_').map(|(end, _)| end);
        let begins = |end: &usize| name.starts_with(&constant[..*end].replace('_', ""));
        let end = ends.take_while(begins).last();
        end.map_or("", |end| &constant[..=end])
    }

    /// The constants that are written, by their Rust name: of flags, those that are not zero.
    #[must_use]
    pub fn rust_values(&self) -> Vec<(String, &str, i64)> {
        let written = |value: i64| !(self.flags && value == 0);
        let kept: Vec<_> = self.values.iter().filter(|(_, v)| written(*v)).collect();
        let names: Vec<_> = if kept.len() > 1 {
            kept.iter().map(|(name, _)| name.as_str()).collect()
        } else {
            self.values.iter().map(|(name, _)| name.as_str()).collect()
        };
        let prefix = match names.as_slice() {
            [only] => self.prefix_of(only),
            _ => shared_prefix(&names),
        };
        kept.into_iter()
            .map(|(name, value)| {
                let short = name.strip_prefix(prefix).unwrap_or(name);
                let digit = short.starts_with(|c: char| c.is_ascii_digit());
                let short = format!("{}{short}", if digit { "_" } else { "" });
                (short, name.as_str(), *value)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::Headers;

    const HEADER: &str = "\
        # define VIR_MIGRATE_PARAM_URI \"migrate_uri\" /* x */\n\
        typedef enum {\n VIR_A_NONE = 0, /* a, b */\n VIR_A_ONE = (1 << 0),\n\
         VIR_A_BOTH = VIR_A_ONE | 1 << 2,\n\
        # ifdef VIR_ENUM_SENTINELS\n VIR_A_LAST\n# endif\n} virAFlagsValues;\n\
        typedef enum {\n VIR_B_X = -1,\n VIR_B_Y, VIR_B_Z = 0x10\n} virB;\n";

    #[test]
    fn constants_have_their_values() {
        let mut headers = Headers::default();
        headers.read(HEADER).unwrap();
        let (a, b) = (&headers.enumerations[0], &headers.enumerations[1]);
        assert!(a.flags && !b.flags);
        assert_eq!(a.rust_name(), "AFlags");
        let values = |e: &super::Enumeration| {
            let short = |(name, _, value): (String, &str, i64)| (name, value);
            e.rust_values().into_iter().map(short).collect::<Vec<_>>()
        };
        assert_eq!(values(a), [("ONE".to_owned(), 1), ("BOTH".to_owned(), 5)]);
        let b = values(b);
        assert_eq!(
            b,
            [("X", -1), ("Y", 0), ("Z", 16)].map(|(n, v)| (n.to_owned(), v))
        );
        headers
            .read("typedef enum { VIR_C_D_ONLY = 1 << 4 } virCDFlags;")
            .unwrap();
        assert_eq!(values(&headers.enumerations[2]), [("ONLY".to_owned(), 16)]);
        let (name, value) = &headers.strings[0];
        assert_eq!(
            (name.as_str(), value.as_str()),
            ("VIR_MIGRATE_PARAM_URI", "migrate_uri")
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let error = Headers::default()
            .read("typedef enum { VIR_A = sizeof(int) } virA;")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "virA: cannot evaluate `VIR_A = sizeof(int)`"
        );
    }
}
