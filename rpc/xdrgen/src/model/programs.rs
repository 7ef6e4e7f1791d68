//! Programs of RFC 5531.

use super::build::{Bodies, collect};
use super::{Field, Model, Type, at};
use crate::ast::{self, Declaration, Shape, TypeName, Value};
use crate::error::{Fault, Position};

/// A program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name in the file.
    pub name: String,
    /// Its number.
    pub number: u32,
    /// Its versions.
    pub versions: Vec<Version>,
    /// The comment beside it.
    pub doc: Option<String>,
}

/// A version of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its name in the file.
    pub name: String,
    /// Its number.
    pub number: u32,
    /// Its procedures.
    pub procedures: Vec<Procedure>,
    /// The comment beside it.
    pub doc: Option<String>,
}

/// A procedure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Procedure {
    /// Its name in the file.
    pub name: String,
    /// Its number.
    pub number: u32,
    /// What it takes; the names may be empty.
    pub arguments: Vec<Field>,
    /// What it answers; nothing for `void`.
    pub reply: Option<Type>,
    /// The comment beside it.
    pub doc: Option<String>,
}

impl Model {
    pub(super) fn program(
        &mut self,
        (name, position): (&str, Position),
        versions: &[ast::Version],
        number: &Value,
        doc: Option<String>,
        bodies: &mut Bodies<'_>,
        faults: &mut Vec<Fault>,
    ) {
        let versions = versions.iter().filter_map(|version| {
            let procedures = version.procedures.iter();
            let procedures = procedures.map(|procedure| self.procedure(procedure, bodies));
            let procedures = collect(procedures, faults);
            let number = self.program_number(&version.number, version.position);
            let number = number.map_err(|fault| faults.push(fault)).ok()?;
            Some(Version {
                name: version.name.clone(),
                number,
                procedures,
                doc: version.doc.clone(),
            })
        });
        let versions = versions.collect();
        match self.program_number(number, position) {
            Ok(number) => self.programs.push(Program {
                name: name.to_owned(),
                number,
                versions,
                doc,
            }),
            Err(fault) => faults.push(fault),
        }
    }

    fn procedure(
        &mut self,
        procedure: &ast::Procedure,
        bodies: &mut Bodies<'_>,
    ) -> Result<Procedure, Fault> {
        let arguments = procedure
            .arguments
            .iter()
            .filter(|argument| argument.type_name != TypeName::Void)
            .map(|argument| self.argument(argument, bodies))
            .collect::<Result<_, _>>()?;
        let reply = Declaration {
            name: procedure.name.clone(),
            type_name: procedure.reply.clone(),
            shape: if procedure.optional {
                Shape::Optional
            } else {
                Shape::Plain
            },
            position: procedure.position,
            doc: None,
        };
        let reply = match procedure.reply {
            TypeName::Void => None,
            _ => Some(self.argument(&reply, bodies)?.ty),
        };
        Ok(Procedure {
            name: procedure.name.clone(),
            number: self.program_number(&procedure.number, procedure.position)?,
            arguments,
            reply,
            doc: procedure.doc.clone(),
        })
    }

    // Here alone a string may be written without its angles.
    fn argument(
        &mut self,
        declaration: &Declaration,
        bodies: &mut Bodies<'_>,
    ) -> Result<Field, Fault> {
        let bare = declaration.type_name == TypeName::String && declaration.shape == Shape::Plain;
        let declaration = Declaration {
            shape: if bare {
                Shape::List(None)
            } else {
                declaration.shape.clone()
            },
            ..declaration.clone()
        };
        self.field(&declaration, bodies)
    }

    fn program_number(&self, value: &Value, position: Position) -> Result<u32, Fault> {
        let number = self.resolve(value)?;
        u32::try_from(number).map_err(|_| {
            let message = format!("{number} does not fit in 32 bits without sign");
            at(position, message)
        })
    }
}
