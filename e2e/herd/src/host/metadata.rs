//! A domain's metadata, of which only elements are known.

use drover_core::xml::Element;
use drover_rpc_proto::remote;

use super::State;
use super::errors::{Failure, only};
use crate::definition::parse;

// virDomainMetadataType, and virDomainModificationImpact.
const ELEMENT: i32 = 2;
const LIVE: u32 = 1;
const CONFIG: u32 = 2;

/// An element and its key, if one is to be there then.
type Wanted = Option<(Element, String)>;

impl State {
    pub(crate) fn set_metadata(
        &mut self,
        args: &remote::DomainSetMetadataArgs,
    ) -> Result<(), Failure> {
        only(args.flags, LIVE | CONFIG)?;
        if args.type_ != ELEMENT {
            return Err(Failure::unsupported("titles and descriptions"));
        }
        let text = |text: &Option<drover_xdr::Text>| {
            text.as_ref()
                .map(|text| text.to_string_lossy().into_owned())
        };
        let (metadata, key) = (text(&args.metadata), text(&args.key));
        let uri = text(&args.uri).ok_or_else(|| missing("uri"))?;
        let domain = self.domain(&args.dom)?;
        let flags = match args.flags {
            0 if domain.is_active() => LIVE,
            0 => CONFIG,
            flags => flags,
        };
        if flags & LIVE != 0 {
            domain.must_be_active()?;
        }
        if flags & CONFIG != 0 && domain.persistent.is_none() {
            return Err(Failure::state(
                "Requested operation is not valid: transient domains do not have any persistent config",
            ));
        }
        let wanted = match metadata {
            Some(metadata) => {
                let key = key.ok_or_else(|| missing("key"))?;
                Some((parsed(&metadata)?, key))
            }
            None => None,
        };
        let sides = [(LIVE, &mut domain.live), (CONFIG, &mut domain.persistent)];
        for (side, definition) in sides {
            if flags & side != 0
                && let Some(text) = definition
            {
                *text = changed(text, &uri, &wanted)?.into_boxed_str();
            }
        }
        let uuid = domain.uuid;
        if let Some(domain) = self.domains.get(&uuid) {
            self.tell_metadata(domain, ELEMENT, &uri);
        }
        Ok(())
    }
}

fn missing(what: &str) -> Failure {
    Failure::argument(format!("{what} in virDomainSetMetadata must not be NULL"))
}

fn parsed(text: &str) -> Result<Element, Failure> {
    parse("metadata", text)
}

// The element of that namespace gives its place to the other one, which gets the namespace.
fn changed(definition: &str, uri: &str, wanted: &Wanted) -> Result<String, Failure> {
    let mut root = parsed(definition)?;
    let all = root.ensure("metadata");
    let old = all
        .elements()
        .filter(|element| namespace(element) == Some(uri));
    let old: Vec<String> = old.map(|element| element.name().to_owned()).collect();
    for name in old {
        all.remove(&name, |element| namespace(element) == Some(uri));
    }
    if let Some((element, key)) = wanted {
        all.push(with_namespace(element, key, uri)?);
    }
    root.remove_empty("metadata");
    Ok(root.to_string())
}

fn namespace(element: &Element) -> Option<&str> {
    match element.name().split_once(':') {
        Some((prefix, _)) => element.get(&format!("xmlns:{prefix}")),
        None => element.get("xmlns"),
    }
}

// Its children stay without.
fn with_namespace(element: &Element, key: &str, uri: &str) -> Result<Element, Failure> {
    let text = element.to_string();
    let name = element.name();
    let rest = text.get(1 + name.len()..).unwrap_or_default();
    let end = format!("</{name}>");
    let rest = match rest.strip_suffix(&end) {
        Some(inside) => format!("{inside}</{key}:{name}>"),
        None => rest.to_owned(),
    };
    let uri = uri
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;");
    parsed(&format!("<{key}:{name} xmlns:{key}=\"{uri}\"{rest}"))
}

#[cfg(test)]
mod tests {
    use super::{changed, parsed};

    #[test]
    fn an_element_comes_and_goes() {
        let before = "<domain><name>a</name></domain>";
        let mark = parsed("<mark epoch='1'><kept>x</kept></mark>").unwrap();
        let wanted = Some((mark, "drover".to_owned()));
        let with = changed(before, "https://a", &wanted).unwrap();
        assert!(with.contains(
            "<metadata><drover:mark xmlns:drover=\"https://a\" epoch=\"1\"><kept>x</kept></drover:mark>"
        ));
        assert_eq!(changed(&with, "https://a", &wanted).unwrap(), with);
        assert_eq!(changed(&with, "https://b", &None).unwrap(), with);
        assert_eq!(changed(&with, "https://a", &None).unwrap(), before);
    }
}
