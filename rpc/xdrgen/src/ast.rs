//! A file as it is written: names not looked up, bounds not counted.

use crate::error::Position;

/// A number, or the name of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A literal.
    Number(i64),
    /// The name of a constant or of an enum's value.
    Name(String, Position),
    /// Text in quotes, which only a constant can have.
    Text(String, Position),
}

/// The type that a declaration begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeName {
    /// A type of the language.
    Builtin(Builtin),
    /// `opaque`.
    Opaque,
    /// `string`.
    String,
    /// `void`.
    Void,
    /// A name, to be looked up.
    Named(String, Position),
}

/// The types of the language that have a fixed size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Builtin {
    /// `bool`.
    Bool,
    /// `char`, which takes four bytes.
    Char,
    /// `unsigned char`, which takes four bytes.
    UnsignedChar,
    /// `short`, which takes four bytes.
    Short,
    /// `unsigned short`, which takes four bytes.
    UnsignedShort,
    /// `int`.
    Int,
    /// `unsigned int`, `unsigned`.
    UnsignedInt,
    /// `hyper`.
    Hyper,
    /// `unsigned hyper`.
    UnsignedHyper,
    /// `float`.
    Float,
    /// `double`.
    Double,
    /// `quadruple`.
    Quadruple,
}

/// What stands around a declaration's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// `T x`.
    Plain,
    /// `T x[n]`.
    Fixed(Value),
    /// `T x<n>`, or `T x<>`.
    List(Option<Value>),
    /// `T *x`.
    Optional,
}

/// A field, an arm or a typedef.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// Its name; empty for `void`.
    pub name: String,
    /// Its type.
    pub type_name: TypeName,
    /// What surrounds it.
    pub shape: Shape,
    /// Where the name stands.
    pub position: Position,
    /// The comment beside it.
    pub doc: Option<String>,
}

/// A value of an enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumValue {
    /// Its name.
    pub name: String,
    /// Its number; without one it is one more than the last.
    pub value: Option<Value>,
    /// Where the name stands.
    pub position: Position,
    /// The comment before it, however far: it may hold annotations.
    pub comment: Option<String>,
    /// The comment beside it.
    pub doc: Option<String>,
}

/// An arm of a union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arm {
    /// The values that select it; none for the default.
    pub cases: Vec<Value>,
    /// Where it begins.
    pub position: Position,
    /// What it holds.
    pub declaration: Declaration,
}

/// A procedure of an RFC 5531 program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Procedure {
    /// Its name.
    pub name: String,
    /// What it answers.
    pub reply: TypeName,
    /// What it answers, if that may be absent.
    pub optional: bool,
    /// What it takes; their names may be empty.
    pub arguments: Vec<Declaration>,
    /// Its number.
    pub number: Value,
    /// Where the name stands.
    pub position: Position,
    /// The comment beside it.
    pub doc: Option<String>,
}

/// A version of an RFC 5531 program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its name.
    pub name: String,
    /// Its procedures.
    pub procedures: Vec<Procedure>,
    /// Its number.
    pub number: Value,
    /// Where the name stands.
    pub position: Position,
    /// The comment beside it.
    pub doc: Option<String>,
}

/// A definition and where its name stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The name it gives.
    pub name: String,
    /// Where.
    pub position: Position,
    /// What it defines.
    pub body: Body,
    /// The comment beside it.
    pub doc: Option<String>,
}

/// What is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// `const X = 1;`
    Constant(Value),
    /// `typedef ...;`
    Typedef(Declaration),
    /// `enum X {...};`
    Enum(Vec<EnumValue>),
    /// `struct X {...};`
    Struct(Vec<Declaration>),
    /// `union X switch (D) {...};`
    Union {
        /// The declaration of what is switched on.
        discriminant: Declaration,
        /// The arms, in order.
        arms: Vec<Arm>,
    },
    /// `program X {...} = 1;`
    Program {
        /// Its versions.
        versions: Vec<Version>,
        /// Its number.
        number: Value,
    },
}
