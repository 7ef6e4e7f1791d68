//! Characters to tokens.

use crate::error::{Fault, Position};

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A name or a keyword.
    Word(String),
    /// A number: decimal, octal, hexadecimal, or a character in single quotes.
    Number(i64),
    /// Text in double quotes, without them.
    Text(String),
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
    /// The comment that ends on the line before it.
    pub above: Option<String>,
    /// The comment that begins behind it on its line.
    pub behind: Option<String>,
}

/// Cuts `source` into tokens; the last one is [`Kind::End`].
///
/// # Errors
/// A [`Fault`] for everything that begins no token.
pub fn lex(source: &str) -> Result<Vec<Token>, Vec<Fault>> {
    let (tokens, faults) = scan(source);
    if faults.is_empty() {
        Ok(tokens)
    } else {
        Err(faults)
    }
}

/// As [`lex`], with the tokens that there are besides the faults.
#[must_use]
pub fn scan(source: &str) -> (Vec<Token>, Vec<Fault>) {
    let mut lexer = Lexer {
        rest: source,
        position: Position { line: 1, column: 1 },
        comment: None,
        tokens: Vec::new(),
        faults: Vec::new(),
    };
    lexer.run();
    (lexer.tokens, lexer.faults)
}

struct Comment {
    text: String,
    // Where it ends.
    line: usize,
    // Whether it belongs to what is before it.
    behind: bool,
}

struct Lexer<'a> {
    rest: &'a str,
    position: Position,
    comment: Option<Comment>,
    tokens: Vec<Token>,
    faults: Vec<Fault>,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) {
        loop {
            self.skip_space_and_comments();
            let position = self.position;
            let Some(kind) = self.token() else { continue };
            let end = kind == Kind::End;
            let comment = self.comment.take();
            let near = comment
                .as_ref()
                .filter(|comment| !comment.behind && comment.line + 1 >= position.line);
            self.tokens.push(Token {
                kind,
                position,
                above: near.map(|comment| comment.text.clone()),
                comment: comment.map(|comment| comment.text),
                behind: None,
            });
            if end {
                return;
            }
        }
    }

    fn token(&mut self) -> Option<Kind> {
        let Some(first) = self.rest.chars().next() else {
            return Some(Kind::End);
        };
        if first.is_ascii_alphabetic() || first == '_' {
            let word = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            return Some(Kind::Word(word.to_owned()));
        }
        if first.is_ascii_digit() || first == '-' {
            return Some(self.number());
        }
        if first == '"' || first == '\'' {
            return Some(self.quoted(first));
        }
        if !"{}()[]<>;:,=*".contains(first) {
            self.fault(format!("{first:?} begins nothing"));
            self.advance(first.len_utf8());
            return None;
        }
        self.advance(1);
        Some(Kind::Mark(first))
    }

    fn number(&mut self) -> Kind {
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
        // A second sign is none of a number's.
        let value = value.ok().filter(|value| *value >= 0);
        if value.is_none() {
            let message = format!("{text:?} is no number, or none of 64 bits");
            self.faults.push(Fault::new(position, message));
        }
        Kind::Number(sign * value.unwrap_or_default())
    }

    // Text in double quotes, or the number of one character in single ones.
    fn quoted(&mut self, quote: char) -> Kind {
        let position = self.position;
        self.advance(1);
        let text = self.take_while(|c| c != quote && c != '\n').to_owned();
        if self.rest.starts_with(quote) {
            self.advance(1);
        } else {
            let message = "this text does not end on its line";
            self.faults.push(Fault::new(position, message));
        }
        if quote == '"' {
            return Kind::Text(text);
        }
        if text.len() != 1 {
            let message = format!("'{text}' is not one character");
            self.faults.push(Fault::new(position, message));
        }
        Kind::Number(text.bytes().next().map_or(0, i64::from))
    }

    fn skip_space_and_comments(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if self.rest.starts_with("/*") {
                self.skip_comment();
            } else if self.rest.starts_with("//") || self.is_passed_through() {
                self.take_while(|c| c != '\n');
            } else {
                return;
            }
        }
    }

    fn skip_comment(&mut self) {
        let line = self.position.line;
        let Some(end) = self.rest.get(2..).and_then(|inner| inner.find("*/")) else {
            self.fault("this comment does not end".to_owned());
            return self.advance(self.rest.len());
        };
        let text = self.rest[2..end + 2].to_owned();
        self.advance(end + 4);
        let behind = match self.tokens.last_mut() {
            Some(token) if token.position.line == line => {
                token.behind.get_or_insert_with(|| text.clone());
                true
            }
            _ => false,
        };
        self.comment = Some(Comment {
            text,
            line: self.position.line,
            behind,
        });
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

    fn fault(&mut self, message: String) {
        self.faults.push(Fault::new(self.position, message));
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
