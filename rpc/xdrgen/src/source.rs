//! A file and what it includes, as one text: the lines for the C preprocessor are followed, as rpcgen
//! has them followed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::condition;
use crate::error::{Fault, Position, Report};

// Files that include one another would go on without end.
const DEPTH: usize = 16;

/// Names that a file may ask for with `#ifdef`, and use as constants if they are numbers.
pub type Defines = BTreeMap<String, Option<i64>>;

/// The number that a text is: decimal, octal or hexadecimal.
#[must_use]
pub fn number(text: &str) -> Option<i64> {
    condition::number(text)
}

/// One text, of which each line knows where it is from.
#[derive(Debug, Default)]
pub struct Source {
    /// The text, without what its conditions leave out.
    pub text: String,
    /// What was defined at its end.
    pub defines: Defines,
    /// What its lines for C define as numbers: constants that are not asked for by conditions.
    pub passed: BTreeMap<String, i64>,
    files: Vec<(String, String)>,
    // The file and the line of each line of the text.
    origins: Vec<(usize, usize)>,
    faults: Vec<(usize, Fault)>,
}

impl Source {
    /// The text of the file `name` with these contents. What it includes is looked for beside it.
    #[must_use]
    pub fn new(name: &Path, contents: String, defines: Defines) -> Self {
        let mut source = Self {
            defines,
            ..Self::default()
        };
        source.add(name, contents, 0);
        source
    }

    /// The names of the file and of those that it includes.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(name, _)| name.as_str())
    }

    /// What is wrong with the lines for the preprocessor.
    #[must_use]
    pub fn faults(&self) -> Vec<Report> {
        let report = |(file, fault): &(usize, Fault)| {
            let (name, text) = &self.files[*file];
            Report::new(name, text, fault.clone())
        };
        self.faults.iter().map(report).collect()
    }

    /// The report of a fault in the text, as one in the file that the line is from.
    #[must_use]
    pub fn report(&self, fault: Fault) -> Report {
        let at = fault.position.line.saturating_sub(1);
        // The end of the text is behind its last line.
        match self.origins.get(at).or(self.origins.last()) {
            Some((file, line)) => {
                let (name, text) = &self.files[*file];
                Report::new(name, text, fault.in_line(*line))
            }
            None => Report::new(&self.files[0].0, "", fault),
        }
    }

    fn add(&mut self, path: &Path, contents: String, depth: usize) {
        let file = self.files.len();
        let name = path.display().to_string();
        self.files.push((name, contents.clone()));
        let mut conditions = Conditions::default();
        let mut in_comment = false;
        for (index, line) in contents.lines().enumerate() {
            let directive = line
                .strip_prefix('#')
                .filter(|_| !in_comment)
                .map(without_comments);
            let Some(directive) = directive else {
                // Most of these are meant for one of rpcgen's outputs, by a condition that is not taken.
                if let Some((name, number)) = passed_number(line).filter(|_| !in_comment) {
                    self.passed.entry(name).or_insert(number);
                }
                in_comment = ends_in_comment(line, in_comment);
                if conditions.taken() {
                    self.origins.push((file, index + 1));
                    self.text.push_str(line);
                    self.text.push('\n');
                }
                continue;
            };
            let followed = self.follow(&directive, &mut conditions, path, depth);
            if let Err(message) = followed {
                self.fault(file, index + 1, message);
            }
        }
        if !conditions.0.is_empty() {
            self.fault(file, contents.lines().count(), "#endif is missing".into());
        }
    }

    fn follow(
        &mut self,
        directive: &str,
        conditions: &mut Conditions,
        path: &Path,
        depth: usize,
    ) -> Result<(), String> {
        let (word, rest) = split_word(directive);
        match word {
            "if" => conditions.begin(|| condition::holds(rest, &self.defines)),
            "ifdef" => conditions.begin(|| Ok(self.defines.contains_key(first(rest)))),
            "ifndef" => conditions.begin(|| Ok(!self.defines.contains_key(first(rest)))),
            "elif" => conditions.or(|| condition::holds(rest, &self.defines)),
            "else" => conditions.or(|| Ok(true)),
            "endif" => conditions.end(),
            _ if !conditions.taken() => Ok(()),
            "define" => self.define(rest),
            "undef" => {
                self.defines.remove(first(rest));
                Ok(())
            }
            "include" => self.include(rest, path, depth),
            "error" => Err(format!("#error {rest}")),
            // `# 1 "file"` is what a preprocessor leaves.
            _ if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) => Ok(()),
            "pragma" | "ident" | "line" => Ok(()),
            other => Err(format!("#{other} is not understood")),
        }
    }

    fn define(&mut self, rest: &str) -> Result<(), String> {
        let (name, value) = split_word(rest);
        if name.is_empty() || value.starts_with('(') && rest[name.len()..].starts_with('(') {
            return Err("only names can be defined, no macros with arguments".into());
        }
        self.defines
            .insert(name.to_owned(), condition::number(value));
        Ok(())
    }

    fn include(&mut self, rest: &str, path: &Path, depth: usize) -> Result<(), String> {
        let name = rest
            .strip_prefix('"')
            .and_then(|rest| rest.split_once('"'))
            .map(|(name, _)| name)
            .ok_or("only a file in quotes can be included: lines for C begin with %")?;
        if depth == DEPTH {
            return Err(format!("more than {DEPTH} files include one another"));
        }
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
        let included = folder.join(name);
        let contents = std::fs::read_to_string(&included)
            .map_err(|error| format!("{}: {error}", included.display()))?;
        self.add(&included, contents, depth + 1);
        Ok(())
    }

    fn fault(&mut self, file: usize, line: usize, message: String) {
        let position = Position { line, column: 1 };
        self.faults.push((file, Fault::new(position, message)));
    }
}

// The conditions that are open: whether this branch is taken, and whether one before it was.
#[derive(Default)]
struct Conditions(Vec<(bool, bool)>);

impl Conditions {
    fn taken(&self) -> bool {
        self.0.iter().all(|(taken, _)| *taken)
    }

    fn begin(&mut self, holds: impl FnOnce() -> Result<bool, String>) -> Result<(), String> {
        // One that is left out need not make sense.
        let holds = if self.taken() { holds() } else { Ok(false) };
        let taken = *holds.as_ref().unwrap_or(&false);
        self.0.push((taken, taken));
        holds.map(drop)
    }

    fn or(&mut self, holds: impl FnOnce() -> Result<bool, String>) -> Result<(), String> {
        let (_, before) = self.0.pop().ok_or("there is no #if for this")?;
        let holds = if !before && self.taken() {
            holds()
        } else {
            Ok(false)
        };
        let taken = *holds.as_ref().unwrap_or(&false);
        self.0.push((taken, before || taken));
        holds.map(drop)
    }

    fn end(&mut self) -> Result<(), String> {
        let open = self.0.pop();
        open.map(drop)
            .ok_or_else(|| "there is no #if for this".into())
    }
}

// `%#define NAME 1`: a constant that only C is told of, and that files use nevertheless.
fn passed_number(line: &str) -> Option<(String, i64)> {
    let rest = line.strip_prefix('%')?.trim_start().strip_prefix('#')?;
    let ("define", rest) = split_word(rest) else {
        return None;
    };
    let rest = without_comments(rest);
    let (name, value) = split_word(&rest);
    Some((name.to_owned(), condition::number(value)?))
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    (word, rest.trim())
}

fn first(text: &str) -> &str {
    split_word(text).0
}

fn without_comments(text: &str) -> String {
    let text = text.split("//").next().unwrap_or_default();
    let mut parts = text.split("/*");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(part.split_once("*/").map_or("", |(_, rest)| rest));
    }
    out.trim().to_owned()
}

fn ends_in_comment(line: &str, mut inside: bool) -> bool {
    // What is passed through to C has no meaning here.
    if line.starts_with('%') && !inside {
        return false;
    }
    let mut rest = line;
    loop {
        let mark = if inside { "*/" } else { "/*" };
        let Some(at) = rest.find(mark) else {
            return inside;
        };
        if !inside && rest[..at].contains("//") {
            return false;
        }
        rest = &rest[at + 2..];
        inside = !inside;
    }
}
