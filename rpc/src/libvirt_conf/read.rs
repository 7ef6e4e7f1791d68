//! The form of libvirt's configuration files: `name = value`, where a value is a number, a text in
//! either kind of quotes, or a list of texts in brackets.

use std::collections::HashMap;

/// What is set.
#[derive(Debug, Default)]
pub(super) struct Settings(HashMap<String, Value>);

#[derive(Debug)]
enum Value {
    Number,
    Text(String),
    List(Vec<String>),
}

impl Settings {
    /// Reads a file. What is wrong with it is told with its line.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut reader = Reader { text, rest: text };
        let mut settings = HashMap::new();
        while let Some((name, value)) = reader.setting().map_err(|what| reader.place(what))? {
            settings.insert(name, value);
        }
        Ok(Self(settings))
    }

    /// The value of a setting that is a text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, String> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{name} is no text in quotes")),
        }
    }

    /// The values of a setting that is a list, or one text.
    pub(super) fn list(&self, name: &str) -> Result<&[String], String> {
        match self.0.get(name) {
            None => Ok(&[]),
            Some(Value::List(list)) => Ok(list),
            Some(Value::Text(text)) => Ok(std::slice::from_ref(text)),
            Some(Value::Number) => Err(format!("{name} is no text in quotes")),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn place(&self, what: &str) -> String {
        let read = self.text.len() - self.rest.len();
        let line = self
            .text
            .get(..read)
            .unwrap_or_default()
            .matches('\n')
            .count()
            + 1;
        format!("line {line}: {what}")
    }

    // Blanks, lines and comments say nothing.
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
        while self.rest.starts_with('#') {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.rest = self.rest[end..].trim_start();
        }
    }

    fn takes(&mut self, sign: &str) -> bool {
        self.skip();
        let after = self.rest.strip_prefix(sign);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn word(&mut self, is_part: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|letter| !is_part(letter));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word.to_owned()
    }

    fn setting(&mut self) -> Result<Option<(String, Value)>, &'static str> {
        self.skip();
        if self.rest.is_empty() {
            return Ok(None);
        }
        let name = self.word(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter));
        if name.is_empty() {
            return Err("a setting begins with its name");
        }
        if !self.takes("=") {
            return Err("after the name of a setting comes =");
        }
        Ok(Some((name, self.value()?)))
    }

    fn value(&mut self) -> Result<Value, &'static str> {
        if self.takes("[") {
            return self.list().map(Value::List);
        }
        if let Some(text) = self.quoted()? {
            return Ok(Value::Text(text));
        }
        let number = self.word(|letter| letter.is_ascii_digit() || letter == '-');
        match number.parse::<i64>() {
            Ok(_) => Ok(Value::Number),
            Err(_) => Err("a value is a number, a text in quotes, or a list of texts in brackets"),
        }
    }

    fn list(&mut self) -> Result<Vec<String>, &'static str> {
        let mut list = Vec::new();
        while !self.takes("]") {
            let text = self.quoted()?;
            list.push(text.ok_or("a list has texts in quotes, commas and a ] at its end")?);
            if !self.takes(",") && !self.rest.starts_with(']') {
                return Err("a list has texts in quotes, commas and a ] at its end");
            }
        }
        Ok(list)
    }

    // Nothing stands for anything else within quotes; three of them go over several lines.
    fn quoted(&mut self) -> Result<Option<String>, &'static str> {
        self.skip();
        let Some(quote) = ["\"\"\"", "\"", "'"]
            .into_iter()
            .find(|quote| self.rest.starts_with(quote))
        else {
            return Ok(None);
        };
        let inside = &self.rest[quote.len()..];
        let end = inside.find(quote).ok_or("a quote is not closed")?;
        let text = &inside[..end];
        if quote.len() == 1 && text.contains('\n') {
            return Err("a quote is not closed");
        }
        self.rest = &inside[end + quote.len()..];
        Ok(Some(text.to_owned()))
    }
}
