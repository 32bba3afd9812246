//! Writes canonical JSON into a buffer, field by field; the caller gives the fields in canonical order.

use super::{MAX_INTEGER, plain_length};

/// A value under construction at the end of a buffer.
///
/// The caller owes the order: names ascending within an object. The tests of whoever uses it hold the output
/// against an independent implementation of RFC 8785.
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Whether the next element needs a comma before it.
    comma: bool,
}

impl<'a> Writer<'a> {
    /// Writes at the end of `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, comma: false }
    }

    /// An object, or with `name` a field that is one.
    pub fn object(&mut self, name: Option<&str>, fields: impl FnOnce(&mut Self)) {
        self.nested(name, b'{', fields, b'}');
    }

    /// A field that is an array.
    pub fn array(&mut self, name: &str, elements: impl FnOnce(&mut Self)) {
        self.nested(Some(name), b'[', elements, b']');
    }

    /// A field that is text.
    #[inline]
    pub fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.quote(value);
    }

    /// A field whose value is canonical JSON already, as [`quoted`] makes it.
    #[inline]
    pub fn written(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.out.extend_from_slice(value);
    }

    /// An element of an array that is text.
    pub fn element(&mut self, value: &str) {
        self.separate();
        self.quote(value);
    }

    /// A field that is `true`.
    #[inline]
    pub fn truth(&mut self, name: &str, value: bool) {
        self.name(name);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// A field that is an integer; one above [`MAX_INTEGER`] is written as decimal text.
    #[inline]
    pub fn integer(&mut self, name: &str, value: u64) {
        if value > MAX_INTEGER {
            self.decimal(name, value);
        } else {
            self.name(name);
            self.digits(value);
        }
    }

    /// A field that is an integer written as decimal text, whatever its size.
    #[inline]
    pub fn decimal(&mut self, name: &str, value: u64) {
        self.name(name);
        self.out.push(b'"');
        self.digits(value);
        self.out.push(b'"');
    }

    /// A field that is bytes in lowercase hexadecimal.
    pub fn hex(&mut self, name: &str, bytes: &[u8]) {
        self.text(name, &hex::encode(bytes));
    }

    fn nested(&mut self, name: Option<&str>, open: u8, content: impl FnOnce(&mut Self), close: u8) {
        match name {
            Some(name) => self.name(name),
            None => self.separate(),
        }
        self.out.push(open);
        self.comma = false;
        content(self);
        self.out.push(close);
        self.comma = true;
    }

    #[inline(always)]
    fn separate(&mut self) {
        if self.comma {
            self.out.push(b',');
        }
        self.comma = true;
    }

    /// Names are this crate's own, and none needs an escape. Their lengths are known where they are written, so that
    /// inlining makes a few stores of what would be calls.
    #[inline(always)]
    fn name(&mut self, name: &str) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    #[inline]
    fn digits(&mut self, value: u64) {
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn quote(&mut self, text: &str) {
        self.out.push(b'"');
        let mut rest = text.as_bytes();
        loop {
            let (plain, after) = rest.split_at(plain_length(rest));
            self.out.extend_from_slice(plain);
            let Some((byte, tail)) = after.split_first() else { break };
            self.escape(*byte);
            rest = tail;
        }
        self.out.push(b'"');
    }

    fn escape(&mut self, byte: u8) {
        match byte {
            b'"' => self.out.extend_from_slice(b"\\\""),
            b'\\' => self.out.extend_from_slice(b"\\\\"),
            0x08 => self.out.extend_from_slice(b"\\b"),
            b'\t' => self.out.extend_from_slice(b"\\t"),
            b'\n' => self.out.extend_from_slice(b"\\n"),
            0x0c => self.out.extend_from_slice(b"\\f"),
            b'\r' => self.out.extend_from_slice(b"\\r"),
            control => self.out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
    }
}

/// A text as it stands in canonical JSON.
pub fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len().saturating_add(2));
    Writer::new(&mut out).quote(text);
    out
}

#[cfg(test)]
mod tests {
    use super::Writer;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_it_writes_is_what_another_implementation_of_rfc_8785_writes(
            text in any::<String>(), number in any::<u64>(), small in 0_u64..1 << 53, truth in any::<bool>(),
        ) {
            let mut out = Vec::new();
            Writer::new(&mut out).object(None, |line| {
                line.array("a", |array| { array.element(&text); array.element("b"); });
                line.integer("b", small);
                line.decimal("c", number);
                line.object(Some("d"), |inner| inner.truth("e", truth));
                line.text("f", &text);
            });
            let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(value["f"].as_str(), Some(text.as_str()));
            prop_assert_eq!(serde_json_canonicalizer::to_vec(&value).unwrap(), out);
        }
    }
}
