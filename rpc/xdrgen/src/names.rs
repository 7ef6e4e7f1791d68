//! Names as Rust writes them.

/// `remote_domain_get_info_args` and `virNetMessageHeader` to `RemoteDomainGetInfoArgs` and
/// `VirNetMessageHeader`.
#[must_use]
pub fn camel(name: &str) -> String {
    let part = |part: &str| {
        // A part in capitals alone is a word of a constant.
        let shout = !part.chars().any(|c| c.is_ascii_lowercase());
        let mut chars = part.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        let rest = chars.map(|c| if shout { c.to_ascii_lowercase() } else { c });
        first.into_iter().chain(rest).collect::<String>()
    };
    name.split('_').map(part).collect()
}

/// `callbackID` and `nrVirtCpu` to `callback_id` and `nr_virt_cpu`; a keyword gets a `_` behind it.
#[must_use]
pub fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, c) in chars.iter().enumerate() {
        let after_lower =
            i > 0 && (chars[i - 1].is_ascii_lowercase() || chars[i - 1].is_ascii_digit());
        let before_lower = chars.get(i + 1).is_some_and(char::is_ascii_lowercase);
        let after_upper = i > 0 && chars[i - 1].is_ascii_uppercase();
        if c.is_ascii_uppercase() && (after_lower || (after_upper && before_lower)) {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    while out.contains("__") {
        out = out.replace("__", "_");
    }
    if !is_ident(&out) {
        out.push('_');
    }
    out
}

/// `klm_granted` and `MaxName` to `KLM_GRANTED` and `MAX_NAME`; what is in capitals stays as it is.
#[must_use]
pub fn upper(name: &str) -> String {
    if name.chars().any(|c| c.is_ascii_lowercase()) {
        snake(name).to_ascii_uppercase()
    } else {
        name.to_owned()
    }
}

/// Whether Rust takes it as a name.
#[must_use]
pub fn is_ident(name: &str) -> bool {
    syn::parse_str::<syn::Ident>(name).is_ok()
}

/// What all names begin with, if what is left of each of them is a name still.
#[must_use]
pub fn spare_prefix<'a>(names: &[&'a str]) -> &'a str {
    let prefix = shared_prefix(names);
    let digit = |name: &&str| name[prefix.len()..].starts_with(|c: char| c.is_ascii_digit());
    let empty = |name: &&str| name.len() == prefix.len();
    if names.iter().any(|name| digit(name) || empty(name)) {
        return "";
    }
    prefix
}

/// What all names begin with, up to and with an underscore.
#[must_use]
pub fn shared_prefix<'a>(names: &[&'a str]) -> &'a str {
    let Some((first, rest)) = names.split_first() else {
        return "";
    };
    let mut end = first.len();
    for name in rest {
        let same = first
            .bytes()
            .zip(name.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        end = end.min(same);
    }
    first[..end]
        .rfind('_')
        .map_or("", |underscore| &first[..=underscore])
}

#[cfg(test)]
mod tests {
    use super::{camel, shared_prefix, snake, spare_prefix, upper};

    #[test]
    fn names_as_rust_writes_them() {
        assert_eq!(camel("remote_auth_type"), "RemoteAuthType");
        assert_eq!(camel("virNetMessageHeader"), "VirNetMessageHeader");
        assert_eq!(camel("DOMAIN_GET_XML_DESC"), "DomainGetXmlDesc");
        assert_eq!(snake("callbackID"), "callback_id");
        assert_eq!(snake("nrVirtCpu"), "nr_virt_cpu");
        assert_eq!(snake("type"), "type_");
        assert_eq!(snake("int1"), "int1");
        assert_eq!(snake("a__b"), "a_b");
        assert_eq!(upper("klm_granted"), "KLM_GRANTED");
        assert_eq!(upper("NFS3_OK"), "NFS3_OK");
    }

    #[test]
    fn the_shared_prefix_ends_at_an_underscore() {
        assert_eq!(
            shared_prefix(&["VIR_TYPED_PARAM_INT", "VIR_TYPED_PARAM_INTO"]),
            "VIR_TYPED_PARAM_"
        );
        assert_eq!(shared_prefix(&["ONE"]), "");
        assert_eq!(shared_prefix(&[]), "");
        assert_eq!(spare_prefix(&["CASE_1", "CASE_2"]), "");
        assert_eq!(spare_prefix(&["A_B", "A_"]), "");
        assert_eq!(spare_prefix(&["A_B", "A_C"]), "A_");
    }
}
