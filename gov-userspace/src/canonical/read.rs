//! Reads canonical JSON strictly: the canonical form of a value, and no other spelling of it.

use std::borrow::Cow;
use std::cmp::Ordering;

use thiserror::Error;

use super::{MAX_INTEGER, plain_length};

/// Levels of nesting that are read; receipts have three.
pub(super) const MAX_NESTING: u32 = 16;

/// A value that borrows from the text it was read from wherever nothing was escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Truth(bool),
    /// An integer of at most 2^53 - 1 either side of 0.
    Integer(i64),
    /// Text.
    Text(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object, its names ascending.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl Value<'_> {
    /// The field with this name, if this is an object that has it.
    pub fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.iter().find(|(found, _)| found == name).map(|(_, value)| value),
            _other => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _other => None,
        }
    }

    /// The number, if it is an integer from 0, or one written as decimal text because it is above 2^53 - 1.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Integer(number) => u64::try_from(*number).ok(),
            Self::Text(text) => {
                let number = text.parse().ok().filter(|number: &u64| *number > MAX_INTEGER)?;
                (number.to_string() == *text).then_some(number)
            }
            _other => None,
        }
    }

    /// The elements; none if it is no array.
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::Array(elements) => elements,
            _other => &[],
        }
    }
}

/// Why a text is not canonical JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CanonicalError {
    /// Not UTF-8.
    #[error("not UTF-8 after byte {0}")]
    Utf8(usize),
    /// Something else than what canonical JSON has there.
    #[error("not canonical JSON at byte {at}: expected {expected}")]
    Expected {
        /// The byte's place, from 0.
        at: usize,
        /// What may stand there.
        expected: &'static str,
    },
}

/// The value that this text is the canonical form of.
///
/// # Errors
/// [`CanonicalError`] for everything else: other spacing, other escapes, names out of order or twice, fractions,
/// integers beyond 2^53 - 1, nesting beyond 16 levels, anything after the value.
pub fn parse(text: &[u8]) -> Result<Value<'_>, CanonicalError> {
    let mut reader = Reader::new(text)?;
    let value = reader.value(MAX_NESTING)?;
    reader.end().map(|()| value)
}

pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Result<Self, CanonicalError> {
        let text = std::str::from_utf8(text).map_err(|error| CanonicalError::Utf8(error.valid_up_to()))?;
        Ok(Self { text, at: 0 })
    }

    /// Nothing more may follow.
    pub(super) fn end(&self) -> Result<(), CanonicalError> {
        if self.at == self.text.len() { Ok(()) } else { Err(self.expected("the end")) }
    }

    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// How deep it may be nested one level below `depth`.
    pub(super) fn below(&self, depth: u32) -> Result<u32, CanonicalError> {
        depth.checked_sub(1).ok_or(self.expected("less nesting"))
    }

    pub(super) fn value(&mut self, depth: u32) -> Result<Value<'a>, CanonicalError> {
        match self.peek() {
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'{') => self.object(self.below(depth)?),
            Some(b'[') => self.array(self.below(depth)?),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            _word if self.take("true") => Ok(Value::Truth(true)),
            _word if self.take("false") => Ok(Value::Truth(false)),
            _word if self.take("null") => Ok(Value::Null),
            _other => Err(self.expected("a value")),
        }
    }

    fn object(&mut self, depth: u32) -> Result<Value<'a>, CanonicalError> {
        self.step();
        let mut fields: Vec<(Cow<'a, str>, Value<'a>)> =
            Vec::with_capacity(if depth.saturating_add(1) == MAX_NESTING { 24 } else { 8 });
        while self.goes_on(b'}', fields.is_empty())? {
            let at = self.at;
            let name = self.string()?;
            if fields.last().is_some_and(|(last, _)| order(last, &name) != Ordering::Less) {
                return Err(CanonicalError::Expected { at, expected: "a name after the one before it" });
            }
            self.must(b':', "`:`")?;
            fields.push((name, self.value(depth)?));
        }
        Ok(Value::Object(fields))
    }

    fn array(&mut self, depth: u32) -> Result<Value<'a>, CanonicalError> {
        self.step();
        let mut elements = Vec::new();
        while self.goes_on(b']', elements.is_empty())? {
            elements.push(self.value(depth)?);
        }
        Ok(Value::Array(elements))
    }

    /// Whether another element follows; takes the comma before it, or the bracket that ends them all.
    pub(super) fn goes_on(&mut self, close: u8, first: bool) -> Result<bool, CanonicalError> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.step();
                Ok(false)
            }
            Some(b',') if !first => {
                self.step();
                Ok(true)
            }
            Some(_element) if first => Ok(true),
            _other => Err(self.expected("`,` or the closing bracket")),
        }
    }

    fn integer(&mut self) -> Result<Value<'a>, CanonicalError> {
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        if negative {
            self.step();
        }
        let first = self.at;
        let mut number = 0_i64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            // One that does not fit stays too large to be canonical.
            number = number.saturating_mul(10).saturating_add(i64::from(digit.saturating_sub(b'0')));
            self.step();
        }
        let digits = self.at.saturating_sub(first);
        let leading_zero = self.text.as_bytes().get(first) == Some(&b'0');
        let one_spelling = digits > 0 && (!leading_zero || (digits == 1 && !negative));
        if one_spelling && number.unsigned_abs() <= MAX_INTEGER {
            Ok(Value::Integer(if negative { number.saturating_neg() } else { number }))
        } else {
            Err(CanonicalError::Expected { at: start, expected: "an integer of at most 2^53 - 1" })
        }
    }

    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, CanonicalError> {
        self.must(b'"', "`\"`")?;
        let start = self.at;
        self.plain();
        if self.peek() == Some(b'"') {
            let text = self.text.get(start..self.at).unwrap_or_default();
            self.step();
            return Ok(Cow::Borrowed(text));
        }
        let mut text = self.text.get(start..self.at).unwrap_or_default().to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.step();
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => text.push(self.escape()?),
                _control => return Err(self.expected("no control character, and an end of the text")),
            }
            let start = self.at;
            self.plain();
            text.push_str(self.text.get(start..self.at).unwrap_or_default());
        }
    }

    /// Steps over what stands in text as it is.
    pub(super) fn plain(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at = self.at.saturating_add(plain_length(rest));
    }

    /// The character of an escape: each has one spelling.
    pub(super) fn escape(&mut self) -> Result<char, CanonicalError> {
        const SHORT: [(&str, char); 7] = [
            ("\\\"", '"'),
            ("\\\\", '\\'),
            ("\\b", '\u{8}'),
            ("\\t", '\t'),
            ("\\n", '\n'),
            ("\\f", '\u{c}'),
            ("\\r", '\r'),
        ];
        if let Some((_, character)) = SHORT.into_iter().find(|(spelling, _)| self.take(spelling)) {
            return Ok(character);
        }
        let wrong = self.expected("a canonical escape");
        if !self.take("\\u00") {
            return Err(wrong);
        }
        let digits = self.text.get(self.at..self.at.saturating_add(2)).ok_or(wrong.clone())?;
        self.at = self.at.saturating_add(2);
        let lower = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u8::from_str_radix(digits, 16).map_err(|_error| wrong.clone())?;
        let character = char::from(number);
        let short = SHORT.into_iter().any(|(_, other)| other == character);
        if lower && number < 0x20 && !short { Ok(character) } else { Err(wrong) }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if found {
            self.at = self.at.saturating_add(word.len());
        }
        found
    }

    pub(super) fn must(&mut self, byte: u8, expected: &'static str) -> Result<(), CanonicalError> {
        if self.peek() != Some(byte) {
            return Err(self.expected(expected));
        }
        self.step();
        Ok(())
    }

    pub(super) fn expected(&self, expected: &'static str) -> CanonicalError {
        CanonicalError::Expected { at: self.at, expected }
    }
}

/// RFC 8785 orders names by their UTF-16 code units. That is the order of their bytes, unless both have other
/// characters than ASCII where they differ.
pub(super) fn order(left: &str, right: &str) -> Ordering {
    match left.bytes().zip(right.bytes()).find(|(left, right)| left != right) {
        None => left.len().cmp(&right.len()),
        Some((left, right)) if left.is_ascii() || right.is_ascii() => left.cmp(&right),
        Some(_) => left.encode_utf16().cmp(right.encode_utf16()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Value, parse};
    use proptest::prelude::*;

    #[test]
    fn canonical_text_is_read() {
        let value =
            parse(br#"{"a":[1,-2,"x\ny"],"b":true,"c":{"d":"9007199254740992"},"e":"\u001f"}"#).unwrap();
        assert_eq!(value.field("a").unwrap().elements().len(), 3);
        assert_eq!(value.field("c").unwrap().field("d").unwrap().number(), Some(1 << 53));
        assert_eq!(value.field("e").unwrap().text(), Some("\u{1f}"));
        assert_eq!(parse(b"[]"), Ok(Value::Array(vec![])));
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for text in [
            "",
            " {}",
            "{} ",
            "{ }",
            "{\"b\":1,\"a\":2}",
            "{\"a\":1,\"a\":1}",
            "{\"a\":1,}",
            "{,}",
            "[1,]",
            "[,1]",
            "01",
            "-0",
            "+1",
            "1.0",
            "1e3",
            "9007199254740992",
            "\"\\u0041\"",
            "\"\\u000A\"",
            "\"\\u000a\"",
            "\"\\/\"",
            "\"\u{1}\"",
            "\"a",
            "\"\\u00",
            "\"\\u00é\"",
            "tru",
            "nul",
            "[1 ,2]",
            "{\"a\" :1}",
            "1 2",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "`{text}` was read");
        }
        assert!(parse(b"\"\xff\"").is_err());
        assert!(parse("[".repeat(20_000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn names_are_in_the_order_of_their_utf_16_code_units(
            left in "[a\u{7f}é\u{e000}\u{10000}]{0,3}", right in "[a\u{7f}é\u{e000}\u{10000}]{0,3}",
        ) {
            prop_assert_eq!(super::order(&left, &right), left.encode_utf16().cmp(right.encode_utf16()));
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            (-(1_i64 << 53) + 1..1 << 53).prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                proptest::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn same(ours: &Value<'_>, theirs: &serde_json::Value) -> bool {
        match (ours, theirs) {
            (Value::Null, serde_json::Value::Null) => true,
            (Value::Truth(a), serde_json::Value::Bool(b)) => a == b,
            (Value::Integer(a), serde_json::Value::Number(b)) => Some(*a) == b.as_i64(),
            (Value::Text(a), serde_json::Value::String(b)) => a == b,
            (Value::Array(a), serde_json::Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Value::Object(a), serde_json::Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(name, a)| b.get(&**name).is_some_and(|b| same(a, b)))
            }
            _other => false,
        }
    }

    proptest! {
        #[test]
        fn every_canonical_form_that_another_implementation_writes_is_read(value in json()) {
            let text = serde_json_canonicalizer::to_vec(&value).unwrap();
            prop_assert!(same(&parse(&text).unwrap(), &value));
        }

        #[test]
        fn what_is_read_is_canonical(text in r#"[\[\]{}:,"a\\u0n1tfe -]{0,12}"#) {
            if parse(text.as_bytes()).is_ok() {
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(serde_json_canonicalizer::to_string(&value).unwrap(), text);
            }
        }
    }
}
