//! Characters to tokens.

use crate::error::{Fault, Position};

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A name or a keyword.
    Word(String),
    /// A number: decimal, octal or hexadecimal.
    Number(i64),
    /// A character of punctuation.
    Mark(char),
    /// The end of the file.
    End,
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it begins.
    pub position: Position,
    /// The last comment before it, without its delimiters: it may hold annotations.
    pub comment: Option<String>,
}

/// Cuts `source` into tokens; the last one is [`Kind::End`].
///
/// # Errors
/// A [`Fault`] at the first character that begins no token.
pub fn lex(source: &str) -> Result<Vec<Token>, Fault> {
    Lexer {
        rest: source,
        position: Position { line: 1, column: 1 },
        comment: None,
    }
    .run()
}

struct Lexer<'a> {
    rest: &'a str,
    position: Position,
    comment: Option<String>,
}

impl<'a> Lexer<'a> {
    fn run(mut self) -> Result<Vec<Token>, Fault> {
        let mut tokens = Vec::new();
        loop {
            self.skip_space_and_comments()?;
            let position = self.position;
            let kind = self.token()?;
            let end = kind == Kind::End;
            tokens.push(Token {
                kind,
                position,
                comment: self.comment.take(),
            });
            if end {
                return Ok(tokens);
            }
        }
    }

    fn token(&mut self) -> Result<Kind, Fault> {
        let Some(first) = self.rest.chars().next() else {
            return Ok(Kind::End);
        };
        if first.is_ascii_alphabetic() || first == '_' {
            let word = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            return Ok(Kind::Word(word.to_owned()));
        }
        if first.is_ascii_digit() || first == '-' {
            return self.number();
        }
        if "{}()[]<>;:,=*".contains(first) {
            self.advance(1);
            return Ok(Kind::Mark(first));
        }
        Err(Fault::new(
            self.position,
            format!("{first:?} begins nothing"),
        ))
    }

    fn number(&mut self) -> Result<Kind, Fault> {
        let position = self.position;
        let text = self.take_while(|c| c.is_ascii_alphanumeric() || c == '-');
        let (sign, digits) = text
            .strip_prefix('-')
            .map_or((1, text), |digits| (-1, digits));
        let value = if let Some(hex) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
            i64::from_str_radix(hex, 16)
        } else if digits.len() > 1 && digits.starts_with('0') {
            i64::from_str_radix(digits, 8)
        } else {
            digits.parse()
        };
        value
            .map(|value| Kind::Number(sign * value))
            .map_err(|_| Fault::new(position, format!("{text:?} is no number")))
    }

    fn skip_space_and_comments(&mut self) -> Result<(), Fault> {
        loop {
            self.take_while(char::is_whitespace);
            if self.rest.starts_with("/*") {
                let Some(end) = self.rest.find("*/") else {
                    return Err(Fault::new(self.position, "this comment does not end"));
                };
                self.comment = Some(self.rest[2..end].to_owned());
                self.advance(end + 2);
            } else if self.rest.starts_with("//") || self.is_passed_through() {
                self.take_while(|c| c != '\n');
            } else {
                return Ok(());
            }
        }
    }

    // Lines for the C compiler (`%`) and for the C preprocessor (`#`).
    fn is_passed_through(&self) -> bool {
        self.position.column == 1 && self.rest.starts_with(['%', '#'])
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !accept(c)).unwrap_or(self.rest.len());
        let taken = &self.rest[..end];
        self.advance(end);
        taken
    }

    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        for c in passed.chars() {
            if c == '\n' {
                self.position = Position {
                    line: self.position.line + 1,
                    column: 1,
                };
            } else {
                self.position.column += 1;
            }
        }
        self.rest = rest;
    }
}
