//! Percent signs: what stands for a byte that may not stand for itself.

use std::fmt::Write as _;

/// Escapes a path: slashes stay.
pub(super) fn path(text: &str) -> String {
    escape(text, |byte| is_plain(byte) || byte == b'/')
}

/// Escapes any other part: nothing in it means anything.
pub(super) fn part(text: &str) -> String {
    escape(text, is_plain)
}

fn escape(text: &str, stays: impl Fn(u8) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if stays(byte) {
            escaped.push(char::from(byte));
        } else {
            // A String takes everything.
            let _ = write!(escaped, "%{byte:02x}");
        }
    }
    escaped
}

/// Undoes what was escaped. Bytes that make no text are refused, as is the one that ends a text in C.
pub(super) fn undo(text: &str) -> Result<String, String> {
    let bad = |what: &str| Err(format!("{text:?} {what}"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|digit| digit.and_then(hexadecimal));
        match digits {
            [Some(0), Some(0)] => return bad("has a zero byte in it"),
            [Some(high), Some(low)] => bytes.push(high << 4 | low),
            _ => return bad("has a % without two hexadecimal digits after it"),
        }
    }
    String::from_utf8(bytes).or_else(|_| bad("is not UTF-8"))
}

fn hexadecimal(digit: u8) -> Option<u8> {
    let digit = char::from(digit).to_digit(16)?;
    u8::try_from(digit).ok()
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Whether a byte may stand for itself outside of paths and parameters, beside what separates.
pub(super) fn may_stand(byte: u8) -> bool {
    is_plain(byte) || b"%!$&'()*+,;=:@/?".contains(&byte)
}
