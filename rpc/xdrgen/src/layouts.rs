//! What was read of a file, held against libvirt's own record of its layout (the `*-structs` files,
//! which libvirt's build makes from the compiled C structs).

use std::collections::BTreeMap;

use crate::ast::Builtin;
use crate::lex::{Kind, lex};
use crate::model::{Model, Named, Type};

/// How much agreed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Structs and unions.
    pub types: usize,
    /// Their fields.
    pub fields: usize,
    /// Values of enums.
    pub values: usize,
}

/// Compares a model with the record of its layout.
///
/// # Errors
/// Every difference, one line each.
pub fn compare(model: &Model, record: &str) -> Result<Agreement, Vec<String>> {
    let record = Record::read(record);
    let mut agreement = Agreement::default();
    let mut differences = Vec::new();
    for (name, body) in &record.bodies {
        match (model.named(name), body) {
            (Some(Named::Struct(fields)), Body::Fields(recorded)) => {
                let ours: Vec<_> = fields
                    .iter()
                    .map(|field| layout(&field.name, &field.ty))
                    .collect();
                differ(name, &ours, recorded, &mut differences);
                agreement.types += 1;
                agreement.fields += ours.len();
            }
            (Some(Named::Union(_, arms)), Body::Fields(recorded)) => {
                let arms = arms.iter().filter_map(|arm| arm.field.as_ref());
                let mut ours = vec!["type".to_owned()];
                ours.extend(arms.map(|field| layout(&field.name, &field.ty)));
                differ(name, &ours, recorded, &mut differences);
                agreement.types += 1;
                agreement.fields += ours.len();
            }
            (Some(Named::Enum(values)), Body::Values(recorded)) => {
                let ours: Vec<_> = values
                    .iter()
                    .map(|value| format!("{} = {}", value.name, value.value))
                    .collect();
                differ(name, &ours, recorded, &mut differences);
                agreement.values += ours.len();
            }
            (found, _) => {
                let what = found.map_or("missing", |_| "of another kind");
                differences.push(format!("{name} is {what}"));
            }
        }
    }
    for (name, _) in &model.types {
        if !record.bodies.contains_key(name) {
            differences.push(format!("{name} is not in the record"));
        }
    }
    if differences.is_empty() {
        Ok(agreement)
    } else {
        Err(differences)
    }
}

fn differ(name: &str, ours: &[String], recorded: &[String], differences: &mut Vec<String>) {
    if ours != recorded {
        differences.push(format!("{name}: read {ours:?}, recorded {recorded:?}"));
    }
}

// The record shows C: typedefs of strings and pointers by their own names. What both sides can say
// is the name of each field, whether it is a list, and the size of a fixed array and of a number.
fn layout(name: &str, ty: &Type) -> String {
    match ty {
        Type::Opaque(_) | Type::List(..) => format!("{name}<>"),
        Type::Array(_, length) => format!("{name}[{length}]"),
        Type::Builtin(builtin) => match builtin {
            Builtin::Hyper => format!("int64_t {name}"),
            Builtin::UnsignedHyper => format!("uint64_t {name}"),
            Builtin::UnsignedInt => format!("u_int {name}"),
            Builtin::UnsignedChar => format!("u_char {name}"),
            Builtin::UnsignedShort => format!("u_short {name}"),
            Builtin::Double => format!("double {name}"),
            _ => name.to_owned(),
        },
        _ => name.to_owned(),
    }
}

enum Body {
    Fields(Vec<String>),
    Values(Vec<String>),
}

struct Record {
    bodies: BTreeMap<String, Body>,
}

impl Record {
    fn read(text: &str) -> Self {
        let words = words(text);
        let mut bodies = BTreeMap::new();
        let mut at = 0;
        while at + 2 < words.len() {
            let (keyword, name) = (words[at].as_str(), words[at + 1].clone());
            let end = at + 3 + close(&words[at + 3..]);
            let inner = &words[at + 3..end];
            let body = if keyword == "enum" {
                values(inner)
            } else {
                fields(inner)
            };
            bodies.insert(name, body);
            // Past the brace and the semicolon.
            at = end + 2;
        }
        Self { bodies }
    }
}

fn words(text: &str) -> Vec<String> {
    let tokens = lex(text).unwrap_or_default();
    let word = |kind: Kind| match kind {
        Kind::Word(word) | Kind::Text(word) => Some(word),
        Kind::Number(number) => Some(number.to_string()),
        Kind::Mark(mark) => Some(mark.to_string()),
        Kind::End => None,
    };
    tokens
        .into_iter()
        .filter_map(|token| word(token.kind))
        .collect()
}

// Where the brace that is open closes.
fn close(words: &[String]) -> usize {
    let mut depth = 1;
    for (i, word) in words.iter().enumerate() {
        match word.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i;
        }
    }
    words.len()
}

fn values(words: &[String]) -> Body {
    let values = words
        .split(|word| word == ",")
        .filter(|value| !value.is_empty());
    Body::Values(values.map(|value| value.join(" ")).collect())
}

fn fields(words: &[String]) -> Body {
    let mut fields = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if words.get(at + 1).is_some_and(|word| word == "{") {
            let end = at + 2 + close(&words[at + 2..]);
            let name = words.get(end + 1).cloned().unwrap_or_default();
            match words[at].as_str() {
                // The arms of a union follow what selects them.
                "union" => match self::fields(&words[at + 2..end]) {
                    Body::Fields(arms) | Body::Values(arms) => fields.extend(arms),
                },
                _ => fields.push(format!("{name}<>")),
            }
            at = end + 3;
            continue;
        }
        let end = at
            + words[at..]
                .iter()
                .position(|word| word == ";")
                .unwrap_or(words.len() - at);
        fields.push(field(&words[at..end]));
        at = end + 1;
    }
    Body::Fields(fields)
}

fn field(words: &[String]) -> String {
    const SIZED: [&str; 6] = [
        "int64_t", "uint64_t", "u_int", "u_char", "u_short", "double",
    ];
    if let [.., name, open, length, _] = words
        && open == "["
    {
        return format!("{name}[{length}]");
    }
    let name = words.last().cloned().unwrap_or_default();
    match words.first() {
        Some(ty) if words.len() == 2 && SIZED.contains(&ty.as_str()) => format!("{ty} {name}"),
        _ => name,
    }
}
