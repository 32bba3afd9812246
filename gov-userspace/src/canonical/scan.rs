//! Looks through canonical JSON as strictly as it is read, and builds nothing of what is nested in it: most of a log's
//! lines are checked for their form and asked for a few fields.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::read::{CanonicalError, MAX_NESTING, Reader, Value, order};

/// Shows each field of the object that this text is the canonical form of; what is nested in a field is left out of
/// it, but not of the check.
///
/// # Errors
/// [`CanonicalError`] for everything that [`super::parse`] refuses, and for what is no object.
pub fn scan<'a>(text: &'a [u8], mut see: impl FnMut(&str, Value<'a>)) -> Result<(), CanonicalError> {
    let mut reader = Reader::new(text)?;
    if reader.peek() != Some(b'{') {
        return Err(reader.expected("an object"));
    }
    let depth = MAX_NESTING.saturating_sub(1);
    reader.fields(|reader, name| {
        let value = match reader.peek() {
            Some(b'{') => reader.skip(depth).map(|()| Value::Object(Vec::new()))?,
            Some(b'[') => reader.skip(depth).map(|()| Value::Array(Vec::new()))?,
            _scalar => reader.value(depth)?,
        };
        see(name, value);
        Ok(())
    })?;
    reader.end()
}

impl<'a> Reader<'a> {
    /// Takes an object whose values `take` takes.
    fn fields(
        &mut self,
        mut take: impl FnMut(&mut Self, &str) -> Result<(), CanonicalError>,
    ) -> Result<(), CanonicalError> {
        self.step();
        let mut last: Option<Cow<'a, str>> = None;
        while self.goes_on(b'}', last.is_none())? {
            let at = self.place();
            let name = self.string()?;
            if last.is_some_and(|last| order(&last, &name) != Ordering::Less) {
                return Err(CanonicalError::Expected { at, expected: "a name after the one before it" });
            }
            self.must(b':', "`:`")?;
            take(self, &name)?;
            last = Some(name);
        }
        Ok(())
    }

    /// Takes a value and keeps nothing of it.
    fn skip(&mut self, depth: u32) -> Result<(), CanonicalError> {
        match self.peek() {
            Some(b'"') => self.skip_string(),
            Some(b'{') => {
                let depth = self.below(depth)?;
                self.fields(|reader, _name| reader.skip(depth))
            }
            Some(b'[') => {
                let depth = self.below(depth)?;
                self.step();
                let mut first = true;
                while self.goes_on(b']', first)? {
                    self.skip(depth)?;
                    first = false;
                }
                Ok(())
            }
            _scalar => self.value(depth).map(drop),
        }
    }

    fn skip_string(&mut self) -> Result<(), CanonicalError> {
        self.must(b'"', "`\"`")?;
        loop {
            self.plain();
            match self.peek() {
                Some(b'"') => {
                    self.step();
                    return Ok(());
                }
                Some(b'\\') => drop(self.escape()?),
                _control => return Err(self.expected("no control character, and an end of the text")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::scan;
    use crate::canonical::{Value, parse};
    use proptest::prelude::*;

    fn same(text: &str) {
        let mut seen = Vec::new();
        let scanned = scan(text.as_bytes(), |name, value| seen.push((name.to_owned(), value)));
        match parse(text.as_bytes()) {
            Err(error) if text.starts_with('{') => assert_eq!(scanned, Err(error), "{text}"),
            Ok(Value::Object(fields)) => {
                assert_eq!(scanned, Ok(()), "{text}");
                assert_eq!(seen.len(), fields.len(), "{text}");
                for ((name, value), (found, whole)) in seen.iter().zip(&fields) {
                    assert_eq!(name, found);
                    match whole {
                        Value::Object(_) => assert_eq!(*value, Value::Object(vec![])),
                        Value::Array(_) => assert_eq!(*value, Value::Array(vec![])),
                        scalar => assert_eq!(value, scalar),
                    }
                }
            }
            _other => assert!(scanned.is_err(), "{text}"),
        }
    }

    #[test]
    fn it_takes_what_the_parser_takes_and_refuses_the_rest_at_the_same_place() {
        let nested = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        for text in [
            r#"{"a":[1,{"b":"\n\u001f","c":[]}],"b":{"c":{},"d":-1},"c":"x\ty","d":true,"e":null}"#,
            r#"{"a":{"c":1,"b":2}}"#,
            r#"{"a":["\u0041"]}"#,
            r#"{"a":{"b":01}}"#,
            r#"{"a":1} "#,
            r#"{}"#,
            "[]",
            "1",
            &nested(15),
            &nested(16),
        ] {
            same(text);
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_parser(text in r#"[\[\]{}:,"a\\u0n1tfe -]{0,12}"#) {
            same(&text);
            same(&format!("{{\"a\":{text}}}"));
            same(&format!("{{\"a\":[{text}],\"b\":{{\"c\":\"{text}\"}}}}"));
        }
    }
}
