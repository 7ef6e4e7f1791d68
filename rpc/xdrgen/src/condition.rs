//! The conditions of `#if`: names, numbers, `defined`, `!`, `&&`, `||`, `==` and `!=`.

use crate::lex::{Kind, scan};
use crate::source::Defines;

/// Whether a condition holds. A name that is not defined is 0, as in C.
///
/// # Errors
/// What is not understood.
pub(crate) fn holds(text: &str, defines: &Defines) -> Result<bool, String> {
    let mut parser = Parser {
        tokens: tokens(text),
        at: 0,
        defines,
    };
    let value = parser.any()?;
    match parser.peek() {
        None => Ok(value != 0),
        Some(token) => Err(format!("#if does not understand {token}")),
    }
}

/// The number that a text is, in any base.
pub(crate) fn number(text: &str) -> Option<i64> {
    match (scan(text).0.as_slice(), scan(text).1.as_slice()) {
        ([token, end], []) if end.kind == Kind::End => match token.kind {
            Kind::Number(number) => Some(number),
            _ => None,
        },
        _ => None,
    }
}

// Words, and marks of one or two characters.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = if word(first) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else if ["&&", "||", "==", "!="]
            .iter()
            .any(|mark| rest.starts_with(mark))
        {
            2
        } else {
            first.len_utf8()
        };
        tokens.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    tokens
}

struct Parser<'a> {
    tokens: Vec<String>,
    at: usize,
    defines: &'a Defines,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<i64, String> {
        let mut value = self.all()?;
        while self.accept("||") {
            let other = self.all()?;
            value = i64::from(value != 0 || other != 0);
        }
        Ok(value)
    }

    fn all(&mut self) -> Result<i64, String> {
        let mut value = self.equal()?;
        while self.accept("&&") {
            let other = self.equal()?;
            value = i64::from(value != 0 && other != 0);
        }
        Ok(value)
    }

    fn equal(&mut self) -> Result<i64, String> {
        let value = self.one()?;
        if self.accept("==") {
            return Ok(i64::from(value == self.one()?));
        }
        if self.accept("!=") {
            return Ok(i64::from(value != self.one()?));
        }
        Ok(value)
    }

    fn one(&mut self) -> Result<i64, String> {
        // However many there are, they do not nest here.
        let mut negated = None;
        while self.accept("!") {
            negated = Some(!negated.unwrap_or(false));
        }
        let value = self.operand()?;
        Ok(match negated {
            None => value,
            Some(negated) => i64::from((value == 0) == negated),
        })
    }

    fn operand(&mut self) -> Result<i64, String> {
        if self.accept("defined") {
            let open = self.accept("(");
            let name = self.next()?;
            if open && !self.accept(")") {
                return Err("#if: a parenthesis is not closed".into());
            }
            return Ok(i64::from(self.defines.contains_key(&name)));
        }
        if self.peek() == Some("(") {
            return Err("#if understands no parentheses but those of defined".into());
        }
        let word = self.next()?;
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return number(&word).ok_or(format!("#if: {word} is no number"));
        }
        if !word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return Err(format!("#if does not understand {word}"));
        }
        // What is defined as no number counts as true.
        let value = self.defines.get(&word);
        Ok(value.map_or(0, |value| value.unwrap_or(1)))
    }

    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn next(&mut self) -> Result<String, String> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token.ok_or_else(|| "#if ends too early".into())
    }

    fn accept(&mut self, wanted: &str) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{holds, number};
    use crate::source::Defines;

    #[test]
    fn conditions_as_c_has_them() {
        let defines = Defines::from([("A".to_owned(), Some(2)), ("B".to_owned(), None)]);
        for (text, expected) in [
            ("A", true),
            ("0", false),
            ("NONE", false),
            ("B", true),
            ("!A", false),
            ("!!A", true),
            ("defined(B) && A == 2", true),
            ("defined NONE || A != 2", false),
            ("0x10 == 16", true),
        ] {
            assert_eq!(holds(text, &defines), Ok(expected), "{text}");
        }
        for text in ["", "A +", "(A)", "defined(", "A B", "&& A"] {
            assert!(holds(text, &defines).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_in_every_base() {
        assert_eq!(number("010"), Some(8));
        assert_eq!(number("-1"), Some(-1));
        assert_eq!(number("a"), None);
        assert_eq!(number("1 2"), None);
    }
}
