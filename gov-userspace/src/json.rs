//! Strict JSON (RFC 8259) for records that are signed: one meaning for each text, and bounds on its size.
//!
//! Refused, because readers disagree about them: a member that stands twice, numbers that are no integers of at
//! most 53 bits, nesting beyond [`MAX_DEPTH`], texts beyond [`MAX_BYTES`]. Refused, too, because no record needs
//! them and a terminal may act on them: strings that are not of printable ASCII. [`canonical`] writes RFC 8785.

use std::fmt;

use serde::Serialize;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use thiserror::Error;

/// The longest text that is read.
pub const MAX_BYTES: usize = 64 * 1024;
/// How deep arrays and objects may be nested.
pub const MAX_DEPTH: usize = 32;
/// The largest integer that every reader of JSON keeps: 2^53 - 1.
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;

/// Why a text is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JsonError {
    /// It is too long to be a record.
    #[error("{0} bytes are more than a record has ({MAX_BYTES}): check that it is the right file")]
    TooLong(usize),
    /// It is no JSON, or not in the strict form; with the place.
    #[error("no strict JSON: {0}: have it written again by its issuer")]
    Strict(String),
}

/// Reads one strict JSON text.
///
/// # Errors
/// [`JsonError`] with the place.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    if bytes.len() > MAX_BYTES {
        return Err(JsonError::TooLong(bytes.len()));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| JsonError::Strict(error.to_string()))
}

/// The one RFC 8785 text of a value that [`parse`] could have read.
///
/// # Errors
/// [`JsonError::Strict`] for a number that RFC 8785 does not know.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>, JsonError> {
    serde_json_canonicalizer::to_vec(value).map_err(|error| JsonError::Strict(error.to_string()))
}

/// Builds a value, knowing how deep it stands.
struct Strict {
    depth: usize,
}

impl Strict {
    fn below<E: de::Error>(&self) -> Result<Self, E> {
        let depth = self.depth.saturating_add(1);
        if depth > MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON with integers of at most 53 bits")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        if value < MAX_INTEGER.saturating_neg() || value > MAX_INTEGER {
            return Err(E::custom(format_args!("the number {value} has more than 53 bits")));
        }
        Ok(Value::from(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Err(E::custom(format_args!("the number {value} has more than 53 bits"))),
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        printable(value).map(Value::from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.below()?)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            printable::<A::Error>(&name)?;
            if object.contains_key(&name) {
                return Err(de::Error::custom(format_args!("the member `{name}` stands twice")));
            }
            let value = members.next_value_seed(self.below()?)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

fn printable<E: de::Error>(text: &str) -> Result<&str, E> {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if plain { Ok(text) } else { Err(E::custom("a string is not of printable ASCII")) }
}

#[cfg(test)]
mod tests {
    use super::{JsonError, MAX_BYTES, canonical, parse};
    use proptest::prelude::{prop_assert_eq, proptest};

    #[test]
    fn what_readers_disagree_about_is_refused() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":{"b":1,"\u0062":2}}"#,
            "1.0",
            "1e0",
            "-0",
            "-0.0",
            "9007199254740992",
            "-9007199254740992",
            "18446744073709551615",
            "1e999",
            "NaN",
            "01",
            "[1,]",
            "{} {}",
            "{}x",
            "",
            "\u{feff}{}",
            r#""\ud800""#,
            "\"a\nb\"",
            "\"\u{e9}\"",
            "\"\u{202e}\"",
            r#""\u001b[31m""#,
            r#"{"\u007f":1}"#,
        ] {
            assert!(matches!(parse(text.as_bytes()), Err(JsonError::Strict(_))), "{text}");
        }
        assert!(matches!(parse(b"\"\xff\""), Err(JsonError::Strict(_))));
    }

    #[test]
    fn nesting_and_length_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(32).as_bytes()).is_ok());
        assert!(matches!(parse(nested(33).as_bytes()), Err(JsonError::Strict(_))));
        assert!(matches!(parse(nested(20_000).as_bytes()), Err(JsonError::Strict(_))));
        let long = format!("\"{}\"", "a".repeat(MAX_BYTES));
        assert_eq!(parse(long.as_bytes()), Err(JsonError::TooLong(long.len())));
    }

    #[test]
    fn a_value_has_one_canonical_text() {
        let value = parse(br#" { "b" : [ 1, null, true ], "\u0061" : "\/\u0022" } "#).unwrap();
        assert_eq!(canonical(&value).unwrap(), br#"{"a":"/\"","b":[1,null,true]}"#);
    }

    proptest! {
        #[test]
        fn what_is_read_is_read_again_from_its_canonical_text(text in "[\\[\\]{}:,\"a-c0-9 \\\\u.-]{0,24}") {
            if let Ok(value) = parse(text.as_bytes()) {
                let text = canonical(&value).unwrap();
                prop_assert_eq!(parse(&text), Ok(value));
            }
        }
    }
}
