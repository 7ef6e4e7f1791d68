//! Declarations and the types they begin with.

use super::{Parsed, Parser};
use crate::ast::{Body, Builtin, Declaration, Definition, Shape, TypeName};
use crate::error::Fault;
use crate::lex::Kind;

// Bodies within bodies; each is read within the reading of the one around it.
const DEPTH: usize = 32;

impl Parser {
    // `owner` names what the declaration is in: a body written in place is named after both.
    pub(super) fn declaration(&mut self, owner: &str) -> Parsed<Declaration> {
        let (start, position) = (self.at, self.position());
        let type_name = self.type_name(owner)?;
        if type_name == TypeName::Void {
            return Ok(Declaration {
                name: String::new(),
                type_name,
                shape: Shape::Plain,
                position,
                doc: None,
            });
        }
        let optional = self.accept('*');
        let position = self.position();
        let name = self.word("a name")?;
        let shape = if optional {
            Shape::Optional
        } else {
            self.shape()?
        };
        Ok(Declaration {
            name,
            type_name,
            shape,
            position,
            // What ends it is about to be read.
            doc: self.doc_until(start, ';'),
        })
    }

    pub(super) fn shape(&mut self) -> Parsed<Shape> {
        if self.accept('[') {
            let length = self.value()?;
            self.expect(']')?;
            return Ok(Shape::Fixed(length));
        }
        if !self.accept('<') {
            return Ok(Shape::Plain);
        }
        if self.accept('>') {
            return Ok(Shape::List(None));
        }
        let bound = self.value()?;
        self.expect('>')?;
        Ok(Shape::List(Some(bound)))
    }

    pub(super) fn type_name(&mut self, owner: &str) -> Parsed<TypeName> {
        let position = self.position();
        let word = self.word("a type")?;
        let builtin = match word.as_str() {
            "void" => return Ok(TypeName::Void),
            "opaque" => return Ok(TypeName::Opaque),
            "string" => return Ok(TypeName::String),
            "enum" | "struct" | "union" => return self.tagged(&word, owner),
            "unsigned" => self.unsigned(),
            "bool" => Builtin::Bool,
            "char" => Builtin::Char,
            "short" => Builtin::Short,
            "int" | "long" => Builtin::Int,
            "hyper" => Builtin::Hyper,
            "float" => Builtin::Float,
            "double" => Builtin::Double,
            "quadruple" => Builtin::Quadruple,
            _ => return Ok(TypeName::Named(word, position)),
        };
        Ok(TypeName::Builtin(builtin))
    }

    fn unsigned(&mut self) -> Builtin {
        let builtin = match self.peek() {
            Kind::Word(word) => match word.as_str() {
                "char" => Builtin::UnsignedChar,
                "short" => Builtin::UnsignedShort,
                "int" | "long" => Builtin::UnsignedInt,
                "hyper" => Builtin::UnsignedHyper,
                _ => return Builtin::UnsignedInt,
            },
            _ => return Builtin::UnsignedInt,
        };
        self.at += 1;
        builtin
    }

    // `struct x`, as C has it, or a body in place, which gets a name from where it is.
    fn tagged(&mut self, word: &str, owner: &str) -> Parsed<TypeName> {
        let position = self.position();
        let mut given = None;
        if let Kind::Word(name) = self.peek().clone()
            && !(word == "union" && name == "switch")
        {
            self.at += 1;
            if self.peek() != &Kind::Mark('{') {
                return Ok(TypeName::Named(name, position));
            }
            given = Some(name);
        }
        let name = given
            .or_else(|| self.name_behind_body().map(|name| join(owner, &name)))
            .ok_or_else(|| Fault::new(position, "what has this body needs a name behind it"))?;
        if self.depth == DEPTH {
            let message = format!("more than {DEPTH} bodies within one another");
            return Err(Fault::new(position, message));
        }
        self.depth += 1;
        let body = self.body(word, &name);
        self.depth -= 1;
        self.found.push(Definition {
            name: name.clone(),
            position,
            body: body?,
            doc: None,
        });
        Ok(TypeName::Named(name, position))
    }

    fn body(&mut self, word: &str, name: &str) -> Parsed<Body> {
        Ok(match word {
            "enum" => Body::Enum(self.enum_body()?),
            "struct" => Body::Struct(self.struct_body(name)?),
            _ => self.union_body(name)?,
        })
    }

    // The word that follows the braces which are to be opened next.
    fn name_behind_body(&self) -> Option<String> {
        let mut depth = 0_usize;
        let mut tokens = self.tokens[self.at..].iter();
        for token in tokens.by_ref() {
            match token.kind {
                Kind::Mark('{') => depth += 1,
                Kind::Mark('}') if depth <= 1 => break,
                Kind::Mark('}') => depth -= 1,
                _ => {}
            }
        }
        match &tokens.find(|token| token.kind != Kind::Mark('*'))?.kind {
            Kind::Word(name) => Some(name.clone()),
            _ => None,
        }
    }
}

fn join(owner: &str, name: &str) -> String {
    if owner.is_empty() {
        name.to_owned()
    } else {
        format!("{owner}_{name}")
    }
}
