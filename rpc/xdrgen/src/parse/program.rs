//! Programs of RFC 5531.

use super::{Parsed, Parser};
use crate::ast::{Body, Declaration, Procedure, Shape, TypeName, Version};
use crate::error::Fault;
use crate::lex::Kind;

impl Parser {
    pub(super) fn program(&mut self) -> Parsed<(String, Body)> {
        let name = self.word("a program's name")?;
        self.expect('{')?;
        let mut versions = Vec::new();
        while !self.accept('}') {
            versions.push(self.version()?);
        }
        self.expect('=')?;
        Ok((
            name,
            Body::Program {
                versions,
                number: self.value()?,
            },
        ))
    }

    fn version(&mut self) -> Parsed<Version> {
        let start = self.at;
        self.keyword("version")?;
        let position = self.position();
        let name = self.word("a version's name")?;
        self.expect('{')?;
        let mut procedures = Vec::new();
        while !self.accept('}') {
            procedures.push(self.procedure()?);
        }
        self.expect('=')?;
        let number = self.value()?;
        self.expect(';')?;
        Ok(Version {
            name,
            procedures,
            number,
            position,
            doc: self.doc(start),
        })
    }

    fn procedure(&mut self) -> Parsed<Procedure> {
        let start = self.at;
        let reply = self.passed_type()?;
        let optional = self.accept('*');
        let position = self.position();
        let name = self.word("a procedure's name")?;
        self.expect('(')?;
        let mut arguments = Vec::new();
        while !self.accept(')') {
            if !arguments.is_empty() {
                self.expect(',')?;
            }
            arguments.push(self.argument()?);
        }
        self.expect('=')?;
        let number = self.value()?;
        self.expect(';')?;
        Ok(Procedure {
            name,
            reply,
            optional,
            arguments,
            number,
            position,
            doc: self.doc(start),
        })
    }

    // A type, with or without a name behind it.
    fn argument(&mut self) -> Parsed<Declaration> {
        let position = self.position();
        let type_name = self.passed_type()?;
        let optional = self.accept('*');
        let name = match self.peek() {
            Kind::Word(_) => self.word("a name")?,
            _ => String::new(),
        };
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
            doc: None,
        })
    }

    // A body written in place would have no name here.
    fn passed_type(&mut self) -> Parsed<TypeName> {
        let (position, known) = (self.position(), self.found.len());
        let type_name = self.type_name("")?;
        if self.found.len() > known {
            return Err(Fault::new(
                position,
                "what is passed needs a type with a name",
            ));
        }
        Ok(type_name)
    }
}
