//! What is between the braces of an enum, a struct or a union.

use super::{Parsed, Parser};
use crate::ast::{Arm, Body, Declaration, EnumValue};

impl Parser {
    pub(super) fn enum_body(&mut self) -> Parsed<Vec<EnumValue>> {
        self.expect('{')?;
        let mut values = Vec::new();
        // A comma before the closing brace is let pass, as C lets it.
        while !self.accept('}') {
            let (start, position) = (self.at, self.position());
            let comment = self.tokens[start].comment.clone();
            let name = self.word("an enum's value")?;
            let value = if self.accept('=') {
                Some(self.value()?)
            } else {
                None
            };
            values.push(EnumValue {
                name,
                value,
                position,
                comment,
                doc: self.doc_until(start, ','),
            });
            if !self.accept(',') {
                self.expect('}')?;
                break;
            }
        }
        Ok(values)
    }

    pub(super) fn struct_body(&mut self, owner: &str) -> Parsed<Vec<Declaration>> {
        self.expect('{')?;
        let mut fields = Vec::new();
        while !self.accept('}') {
            fields.push(self.declaration(owner)?);
            self.expect(';')?;
        }
        Ok(fields)
    }

    pub(super) fn union_body(&mut self, owner: &str) -> Parsed<Body> {
        self.keyword("switch")?;
        self.expect('(')?;
        let discriminant = self.declaration(owner)?;
        self.expect(')')?;
        self.expect('{')?;
        let mut arms = Vec::new();
        while !self.accept('}') {
            arms.push(self.arm(owner)?);
        }
        Ok(Body::Union { discriminant, arms })
    }

    fn arm(&mut self, owner: &str) -> Parsed<Arm> {
        let (position, mut cases) = (self.position(), Vec::new());
        if self.accept_word("default") {
            self.expect(':')?;
        } else {
            self.keyword("case")?;
            cases.push(self.value()?);
            self.expect(':')?;
            while self.accept_word("case") {
                cases.push(self.value()?);
                self.expect(':')?;
            }
        }
        let declaration = self.declaration(owner)?;
        self.expect(';')?;
        Ok(Arm {
            cases,
            position,
            declaration,
        })
    }
}
