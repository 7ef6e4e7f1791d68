//! Things that Drover does not model, put into a definition at any place where libvirt has such.

use crate::dice::Dice;

use super::domains::{ATTRIBUTES, ELEMENTS};

/// The definition with more in it. Of what was put where nothing is ever taken away, each piece is
/// listed: it has to be found again byte for byte.
pub(crate) fn sprinkle(xml: &str, dice: &mut Dice) -> (String, Vec<&'static str>) {
    let mut open: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut kept = Vec::new();
    let mut used = Vec::new();
    for token in tokens(xml) {
        let name = name_of(token);
        if token.starts_with("</") {
            open.pop();
        }
        match token.starts_with('<') && !token.starts_with("</") && !token.starts_with("<!") {
            true => text.push_str(&with_attribute(token, &name, dice)),
            false => text.push_str(token),
        }
        if token.starts_with('<') && name == token_name(token) && !token.ends_with("/>") {
            open.push(name);
        }
        let Some(parent) = open
            .last()
            .filter(|_| token.ends_with('>') && !token.starts_with("<!["))
        else {
            continue;
        };
        let Some(snippet) = snippet(parent, dice).filter(|it| !used.contains(it)) else {
            continue;
        };
        used.push(snippet);
        text.push_str(snippet);
        if matches!(
            parent.as_str(),
            "domain" | "metadata" | "os" | "features" | "clock" | "devices"
        ) {
            kept.push(snippet);
        }
    }
    (text, kept)
}

// The name of a start tag that is not closed at once; nothing for all else.
fn token_name(token: &str) -> String {
    match token.starts_with("</") || token.starts_with("<!") || token.starts_with("<?") {
        true => String::new(),
        false => name_of(token),
    }
}

fn name_of(token: &str) -> String {
    let name = token.trim_start_matches(['<', '/']);
    let end = name.find([' ', '>', '/', '\n']).unwrap_or(name.len());
    name[..end].to_owned()
}

// Tags, comments and the text between them.
fn tokens(xml: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = xml;
    while !rest.is_empty() {
        let end = match rest {
            _ if rest.starts_with("<!--") => rest.find("-->").unwrap() + 3,
            _ if rest.starts_with("<![") => rest.find("]]>").unwrap() + 3,
            _ if rest.starts_with('<') => rest.find('>').unwrap() + 1,
            _ => rest.find('<').unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(end);
        all.push(token);
        rest = after;
    }
    all
}

fn snippet(parent: &str, dice: &mut Dice) -> Option<&'static str> {
    let (_, all) = ELEMENTS.iter().find(|(name, _)| *name == parent)?;
    dice.once_in(8).then(|| dice.pick(all))
}

fn with_attribute(token: &str, name: &str, dice: &mut Dice) -> String {
    let all = ATTRIBUTES.iter().find(|(known, _)| *known == name);
    let Some((_, all)) = all.filter(|_| dice.once_in(4)) else {
        return token.to_owned();
    };
    let attribute = dice.pick(all);
    let known = attribute.split('=').next().unwrap_or_default();
    if token.contains(&format!(" {known}=")) {
        return token.to_owned();
    }
    let end = token.len() - if token.ends_with("/>") { 2 } else { 1 };
    format!("{} {attribute}{}", &token[..end], &token[end..])
}
