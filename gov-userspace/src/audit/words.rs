//! What a receipt's fields say, as a report words them.

use crate::canonical::Value;

/// The text of this name; empty if there is none.
pub(crate) fn text<'a>(receipt: &'a Value<'_>, name: &str) -> &'a str {
    receipt.field(name).and_then(Value::text).unwrap_or_default()
}

/// The number of this name; 0 if there is none.
pub(crate) fn number(receipt: &Value<'_>, name: &str) -> u64 {
    receipt.field(name).and_then(Value::number).unwrap_or_default()
}

/// The texts of an array.
pub(crate) fn list(array: Option<&Value<'_>>) -> Vec<String> {
    let elements = array.map_or(&[][..], |array| array.elements());
    elements.iter().filter_map(|element| element.text().map(str::to_owned)).collect()
}

/// The path of an object. Bytes that are not UTF-8 stand as `\xff`, so that two names never look like one.
pub(crate) fn path(object: &Value<'_>) -> String {
    match object.field("hex").and_then(Value::text).and_then(|digits| hex::decode(digits).ok()) {
        Some(bytes) => escaped(&bytes),
        None => text(object, "path").to_owned(),
    }
}

/// The arguments of an execution, with the same care.
pub(crate) fn arguments(receipt: &Value<'_>) -> Vec<String> {
    let bytes = receipt.field("argv_hex").and_then(Value::text).and_then(|digits| hex::decode(digits).ok());
    match bytes {
        Some(bytes) => bytes.split(|byte| *byte == 0).map(escaped).collect(),
        None => list(receipt.field("argv")),
    }
}

fn escaped(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        shown.push_str(chunk.valid());
        chunk
            .invalid()
            .iter()
            .for_each(|byte| shown.extend(std::ascii::escape_default(*byte).map(char::from)));
    }
    shown
}

/// What was acted on: an address, a path and perhaps the second one, or a door or capability.
pub(crate) fn what(receipt: &Value<'_>) -> String {
    if let Some(far) = receipt.field("address")
        && let Some(ip) = far.field("ip").and_then(Value::text)
    {
        let port = number(far, "port");
        return if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") };
    }
    match (receipt.field("object").map(path), receipt.field("to").map(path), receipt.field("address")) {
        (Some(path), Some(to), _) => format!("{path} -> {to}"),
        (Some(path), None, _) => path,
        // A local socket's abstract name stands without an object.
        (None, Some(to), _) => to,
        (None, None, Some(far)) => format!("address family {}", number(far, "family")),
        (None, None, None) => text(receipt, "about").to_owned(),
    }
}

/// What counted refusals were about.
pub(crate) fn repeats(receipt: &Value<'_>) -> String {
    match text(receipt, "alike") {
        "object" => format!("the same as event {}", number(receipt, "last")),
        _action => "different objects".to_owned(),
    }
}

/// What happened to the session and was no act of it, and the details; `None` of what is another receipt.
pub(crate) fn incident(receipt: &Value<'_>) -> Option<(&'static str, String)> {
    let (text, number) = (|name| text(receipt, name), |name| number(receipt, name));
    Some(match text("kind") {
        "budget" => {
            let of = receipt.field("most").and_then(Value::number).map(|most| format!(" of {most}"));
            ("used", format!("{}, {}{}", text("about"), number("used"), of.unwrap_or_default()))
        }
        "break" => match number("seconds") {
            0 => ("too many refusals", "everything is refused for good".to_owned()),
            seconds => ("too many refusals", format!("everything is refused for {seconds} s")),
        },
        "cut" if text("detail").is_empty() => ("cut", text("reason").to_owned()),
        "cut" => ("cut", format!("{}, {}", text("reason"), text("detail"))),
        "interference" => {
            let judged = match receipt.field("enforced") {
                None => "everything was judged all the same",
                Some(_) => "acts may have gone unjudged",
            };
            ("enforcement was interfered with", format!("{}, {judged}", text("what")))
        }
        "clock" => ("the wall clock was set", format!("from {} to {}", text("from"), text("to"))),
        "resumed" => ("went on", "its circuit was closed again".to_owned()),
        "loss" => ("lost", format!("{} events from {}", number("count"), number("first"))),
        "recovered" => (
            "recovered",
            format!(
                "{} lines found, {} of them signed before, {} bytes torn",
                number("found"),
                number("covered"),
                number("torn")
            ),
        ),
        "policy-changed" => ("policy changed", text("policy").to_owned()),
        _other => return None,
    })
}

/// How much a reader should care about a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// What is granted, and what belongs to every session.
    Ordinary,
    /// Something was refused, or a limit was met.
    Refused,
    /// The session was cut off, or something of its evidence or of what governs it was lost or changed.
    Broken,
    /// Acts may have gone unjudged.
    Unjudged,
}

/// How much a reader should care about this one.
pub(crate) fn weight(receipt: &Value<'_>) -> Weight {
    match (text(receipt, "kind"), text(receipt, "verdict")) {
        (_, "deny") | ("budget" | "break" | "clock" | "repeated", _) => Weight::Refused,
        ("interference", _) if receipt.field("enforced").is_some() => Weight::Unjudged,
        ("interference" | "loss" | "cut" | "recovered", _) => Weight::Broken,
        _ordinary => Weight::Ordinary,
    }
}

/// What a receipt is about: its action, or what kind of fact it is.
pub(crate) fn name<'a>(receipt: &'a Value<'_>) -> &'a str {
    match text(receipt, "action") {
        "" => text(receipt, "kind"),
        action => action,
    }
}

/// The receipt in a sentence.
pub(crate) fn sentence(receipt: &Value<'_>) -> String {
    if let Some((what, details)) = incident(receipt) {
        return format!("{what}: {details}");
    }
    let (name, object) = (name(receipt), what(receipt));
    let act = if object.is_empty() { name.to_owned() } else { format!("{name} {object}") };
    match (text(receipt, "verdict"), receipt.field("grant").and_then(Value::text)) {
        ("deny", Some(scope)) => format!("refused: {act}: {}; allowed by {scope}", text(receipt, "reason")),
        ("deny", None) => format!("refused: {act}: {}", text(receipt, "reason")),
        _granted => act,
    }
}

#[cfg(test)]
mod tests {
    use super::{arguments, path};
    use crate::canonical::parse;

    #[test]
    fn names_that_are_not_utf_8_stay_apart() {
        let object = |hex: &str| {
            path(&parse(format!("{{\"hex\":\"{hex}\",\"path\":\"/\u{fffd}\"}}").as_bytes()).unwrap())
        };
        assert_eq!([object("2fff"), object("2ffe")], ["/\\xff", "/\\xfe"]);
        let run = r#"{"argv":["cat","�"],"argv_hex":"63617400fe"}"#;
        assert_eq!(arguments(&parse(run.as_bytes()).unwrap()), ["cat", "\\xfe"]);
    }
}
