//! Tokens to definitions.

mod bodies;
mod declare;
mod program;

use crate::ast::{Body, Definition, Shape, TypeName, Value};
use crate::error::{Fault, Position};
use crate::lex::{Kind, Token, scan};

type Parsed<T> = Result<T, Fault>;

/// Reads a whole file.
///
/// # Errors
/// A [`Fault`] for everything that is no token, and for each definition that cannot be read: after
/// one, reading goes on with the next definition that begins a line.
pub fn parse(source: &str) -> Result<Vec<Definition>, Vec<Fault>> {
    let (tokens, mut faults) = scan(source);
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
        found: Vec::new(),
    };
    while parser.peek() != &Kind::End {
        if let Err(fault) = parser.definition() {
            faults.push(fault);
            parser.skip_to_next_definition();
        }
    }
    faults.sort_by_key(|fault| fault.position);
    if faults.is_empty() {
        Ok(parser.found)
    } else {
        Err(faults)
    }
}

const DEFINERS: [&str; 6] = ["const", "typedef", "enum", "struct", "union", "program"];

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    // Bodies that are open within a definition.
    depth: usize,
    // Definitions so far. Bodies written in place come before what they are in.
    found: Vec<Definition>,
}

impl Parser {
    fn definition(&mut self) -> Parsed<()> {
        let (start, mut position) = (self.at, self.position());
        let word = self.word("a definition")?;
        if DEFINERS.contains(&word.as_str()) && word != "typedef" {
            position = self.position();
        }
        let (name, body) = match word.as_str() {
            "const" => {
                let name = self.word("a constant's name")?;
                self.expect('=')?;
                (name, Body::Constant(self.constant()?))
            }
            "typedef" => {
                let known = self.found.len();
                let mut declaration = self.declaration("")?;
                position = declaration.position;
                if self.is_tag_of(start + 1, &declaration.name) {
                    // C's way to have a struct's name without its keyword, which is so here anyway.
                    return self.expect(';');
                }
                if self.found.len() > known {
                    // The body has the name already.
                    if declaration.shape == Shape::Plain {
                        return self.expect(';');
                    }
                    let name = format!("{}_item", declaration.name);
                    self.found[known..]
                        .iter_mut()
                        .filter(|body| body.name == declaration.name)
                        .for_each(|body| body.name.clone_from(&name));
                    declaration.type_name = TypeName::Named(name, position);
                }
                (declaration.name.clone(), Body::Typedef(declaration))
            }
            "enum" => {
                let name = self.word("an enum's name")?;
                (name, Body::Enum(self.enum_body()?))
            }
            "struct" => {
                let name = self.word("a struct's name")?;
                let fields = self.struct_body(&name)?;
                (name, Body::Struct(fields))
            }
            "union" => {
                let name = self.word("a union's name")?;
                let body = self.union_body(&name)?;
                (name, body)
            }
            "program" => self.program()?,
            other => {
                let message = format!("expected one of {}, found {other}", DEFINERS.join(", "));
                return Err(Fault::new(position, message));
            }
        };
        self.expect(';')?;
        self.found.push(Definition {
            name,
            position,
            body,
            doc: self.doc(start),
        });
        Ok(())
    }

    // Whether what begins at a token is `struct name name`.
    fn is_tag_of(&self, at: usize, name: &str) -> bool {
        let word = |at: usize| match self.tokens.get(at).map(|token| &token.kind) {
            Some(Kind::Word(word)) => word.as_str(),
            _ => "",
        };
        ["enum", "struct", "union"].contains(&word(at))
            && word(at + 1) == name
            && word(at + 2) == name
    }

    fn skip_to_next_definition(&mut self) {
        loop {
            let token = &self.tokens[self.at];
            let begins = token.position.column == 1
                && matches!(&token.kind, Kind::Word(word) if DEFINERS.contains(&word.as_str()));
            if begins || token.kind == Kind::End {
                return;
            }
            self.at += 1;
        }
    }

    fn constant(&mut self) -> Parsed<Value> {
        let position = self.position();
        match self.peek().clone() {
            Kind::Text(text) => {
                self.at += 1;
                Ok(Value::Text(text, position))
            }
            _ => self.value(),
        }
    }

    fn value(&mut self) -> Parsed<Value> {
        let position = self.position();
        match self.peek().clone() {
            Kind::Number(number) => {
                self.at += 1;
                Ok(Value::Number(number))
            }
            _ => Ok(Value::Name(
                self.word("a number or the name of one")?,
                position,
            )),
        }
    }

    // The comment beside what began at the token `start` and has just ended: above it, or else behind
    // its end, or behind what is before the mark that ends it.
    fn doc(&self, start: usize) -> Option<String> {
        let before = |back: usize| self.at.checked_sub(back).filter(|at| *at >= start);
        let behind = |back: usize| before(back).and_then(|at| self.tokens[at].behind.clone());
        let above = self.tokens.get(start)?.above.clone();
        above.or_else(|| behind(1)).or_else(|| behind(2))
    }

    // The same for what ends with the mark that comes now, if it comes.
    fn doc_until(&self, start: usize, mark: char) -> Option<String> {
        let above = self.tokens.get(start)?.above.clone();
        let behind = |at: usize| self.tokens.get(at).and_then(|token| token.behind.clone());
        let ends = self.peek() == &Kind::Mark(mark);
        above
            .or_else(|| ends.then(|| behind(self.at)).flatten())
            .or_else(|| self.at.checked_sub(1).and_then(behind))
    }

    fn peek(&self) -> &Kind {
        &self.tokens[self.at].kind
    }

    fn position(&self) -> Position {
        self.tokens[self.at].position
    }

    fn word(&mut self, what: &str) -> Parsed<String> {
        match self.peek().clone() {
            Kind::Word(word) => {
                self.at += 1;
                Ok(word)
            }
            other => Err(self.unexpected(what, &other)),
        }
    }

    fn keyword(&mut self, keyword: &str) -> Parsed<()> {
        if self.accept_word(keyword) {
            return Ok(());
        }
        let found = self.peek().clone();
        Err(self.unexpected(keyword, &found))
    }

    fn accept_word(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Kind::Word(word) if word == keyword);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, mark: char) -> Parsed<()> {
        if self.accept(mark) {
            return Ok(());
        }
        let found = self.peek().clone();
        Err(self.unexpected(&format!("{mark:?}"), &found))
    }

    fn accept(&mut self, mark: char) -> bool {
        let found = self.peek() == &Kind::Mark(mark);
        self.at += usize::from(found);
        found
    }

    fn unexpected(&self, wanted: &str, found: &Kind) -> Fault {
        let found = match found {
            Kind::Word(word) => word.clone(),
            Kind::Number(number) => number.to_string(),
            Kind::Text(text) => format!("{text:?}"),
            Kind::Mark(mark) => format!("{mark:?}"),
            Kind::End => "the end of the file".to_owned(),
        };
        Fault::new(self.position(), format!("expected {wanted}, found {found}"))
    }
}
