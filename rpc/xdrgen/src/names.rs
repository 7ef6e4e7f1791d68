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
    if syn::parse_str::<syn::Ident>(&out).is_err() {
        out.push('_');
    }
    out
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
    use super::{camel, shared_prefix, snake};

    #[test]
    fn names_as_rust_writes_them() {
        assert_eq!(camel("remote_auth_type"), "RemoteAuthType");
        assert_eq!(camel("virNetMessageHeader"), "VirNetMessageHeader");
        assert_eq!(camel("DOMAIN_GET_XML_DESC"), "DomainGetXmlDesc");
        assert_eq!(snake("callbackID"), "callback_id");
        assert_eq!(snake("nrVirtCpu"), "nr_virt_cpu");
        assert_eq!(snake("type"), "type_");
        assert_eq!(snake("int1"), "int1");
    }

    #[test]
    fn the_shared_prefix_ends_at_an_underscore() {
        assert_eq!(
            shared_prefix(&["VIR_TYPED_PARAM_INT", "VIR_TYPED_PARAM_INTO"]),
            "VIR_TYPED_PARAM_"
        );
        assert_eq!(shared_prefix(&["ONE"]), "");
        assert_eq!(shared_prefix(&[]), "");
    }
}
