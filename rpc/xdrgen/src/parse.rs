//! Tokens to definitions.

use crate::ast::{
    Arm, Body, Builtin, Declaration, Definition, EnumValue, Procedure, Shape, TypeName, Value,
    Version,
};
use crate::error::{Fault, Position};
use crate::lex::{Kind, Token, lex};

type Parsed<T> = Result<T, Fault>;

/// Reads a whole file.
///
/// # Errors
/// A [`Fault`] for each definition that cannot be read: after one, reading goes on with the next
/// definition that begins a line.
pub fn parse(source: &str) -> Result<Vec<Definition>, Vec<Fault>> {
    let tokens = lex(source).map_err(|fault| vec![fault])?;
    let mut parser = Parser {
        tokens,
        at: 0,
        found: Vec::new(),
    };
    let mut faults = Vec::new();
    while parser.peek() != &Kind::End {
        if let Err(fault) = parser.definition() {
            faults.push(fault);
            parser.skip_to_next_definition();
        }
    }
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
    // Definitions so far. Bodies written in place come before what they are in.
    found: Vec<Definition>,
}

impl Parser {
    fn definition(&mut self) -> Parsed<()> {
        let position = self.position();
        let word = self.word("a definition")?;
        let (name, body) = match word.as_str() {
            "const" => {
                let name = self.word("a constant's name")?;
                self.expect('=')?;
                (name, Body::Constant(self.value()?))
            }
            "typedef" => {
                let declaration = self.declaration("")?;
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
        });
        Ok(())
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

    // `owner` names what the declaration is in: a body written in place is named after both.
    fn declaration(&mut self, owner: &str) -> Parsed<Declaration> {
        let (type_name, in_place) = self.type_name()?;
        if type_name == TypeName::Void {
            let position = self.position();
            return Ok(Declaration {
                name: String::new(),
                type_name,
                shape: Shape::Plain,
                position,
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
        let type_name = match in_place {
            None => type_name,
            Some(index) => {
                let given = join(owner, &name);
                self.found[index].name.clone_from(&given);
                TypeName::Named(given, position)
            }
        };
        Ok(Declaration {
            name,
            type_name,
            shape,
            position,
        })
    }

    fn shape(&mut self) -> Parsed<Shape> {
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

    // The type, and where its body was put if it was written in place.
    fn type_name(&mut self) -> Parsed<(TypeName, Option<usize>)> {
        let position = self.position();
        let word = self.word("a type")?;
        let builtin = match word.as_str() {
            "void" => return Ok((TypeName::Void, None)),
            "opaque" => return Ok((TypeName::Opaque, None)),
            "string" => return Ok((TypeName::String, None)),
            "enum" | "struct" | "union" => return self.tagged(&word, position),
            "unsigned" => self.unsigned(),
            "bool" => Builtin::Bool,
            "char" => Builtin::Char,
            "short" => Builtin::Short,
            "int" | "long" => Builtin::Int,
            "hyper" => Builtin::Hyper,
            "float" => Builtin::Float,
            "double" => Builtin::Double,
            "quadruple" => Builtin::Quadruple,
            _ => return Ok((TypeName::Named(word, position), None)),
        };
        Ok((TypeName::Builtin(builtin), None))
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

    // `struct x`, as C has it, or a body in place.
    fn tagged(&mut self, word: &str, position: Position) -> Parsed<(TypeName, Option<usize>)> {
        if let Kind::Word(name) = self.peek().clone()
            && !(word == "union" && name == "switch")
        {
            self.at += 1;
            return Ok((TypeName::Named(name, position), None));
        }
        let body = match word {
            "enum" => Body::Enum(self.enum_body()?),
            "struct" => Body::Struct(self.struct_body("")?),
            _ => self.union_body("")?,
        };
        self.found.push(Definition {
            name: String::new(),
            position,
            body,
        });
        // The declaration that follows gives it its name.
        Ok((
            TypeName::Named(String::new(), position),
            Some(self.found.len() - 1),
        ))
    }

    fn enum_body(&mut self) -> Parsed<Vec<EnumValue>> {
        self.expect('{')?;
        let mut values = Vec::new();
        // A comma before the closing brace is let pass, as C lets it.
        while !self.accept('}') {
            let comment = self.tokens[self.at].comment.clone();
            let name = self.word("an enum's value")?;
            let value = if self.accept('=') {
                Some(self.value()?)
            } else {
                None
            };
            values.push(EnumValue {
                name,
                value,
                comment,
            });
            if !self.accept(',') {
                self.expect('}')?;
                break;
            }
        }
        Ok(values)
    }

    fn struct_body(&mut self, owner: &str) -> Parsed<Vec<Declaration>> {
        self.expect('{')?;
        let mut fields = Vec::new();
        while !self.accept('}') {
            fields.push(self.declaration(owner)?);
            self.expect(';')?;
        }
        Ok(fields)
    }

    fn union_body(&mut self, owner: &str) -> Parsed<Body> {
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
        let mut cases = Vec::new();
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
        Ok(Arm { cases, declaration })
    }

    fn program(&mut self) -> Parsed<(String, Body)> {
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
        self.keyword("version")?;
        let name = self.word("a version's name")?;
        self.expect('{')?;
        let mut procedures = Vec::new();
        while !self.accept('}') {
            let (reply, _) = self.type_name()?;
            let name = self.word("a procedure's name")?;
            self.expect('(')?;
            let mut arguments = vec![self.type_name()?.0];
            while self.accept(',') {
                arguments.push(self.type_name()?.0);
            }
            self.expect(')')?;
            self.expect('=')?;
            let number = self.value()?;
            self.expect(';')?;
            procedures.push(Procedure {
                name,
                reply,
                arguments,
                number,
            });
        }
        self.expect('=')?;
        let number = self.value()?;
        self.expect(';')?;
        Ok(Version {
            name,
            procedures,
            number,
        })
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
            Kind::Mark(mark) => format!("{mark:?}"),
            Kind::End => "the end of the file".to_owned(),
        };
        Fault::new(self.position(), format!("expected {wanted}, found {found}"))
    }
}

fn join(owner: &str, name: &str) -> String {
    if owner.is_empty() {
        name.to_owned()
    } else {
        format!("{owner}_{name}")
    }
}
