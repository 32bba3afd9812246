//! The attributes of a log record: every member of the receipt but its kind and time, by the name that the semantic
//! conventions have for it, else by its own below `gov.`, as in `gov.to.path`.

use serde_json::{Value as Json, json};

use crate::audit::words::{arguments, path, text};
use crate::canonical::Value;

/// Members of a receipt that stand elsewhere in a record: as `eventName` and `timeUnixNano`.
const ELSEWHERE: [&str; 2] = ["kind", "wall"];

/// The attributes of this receipt's record.
pub(super) fn attributes(receipt: &Value<'_>) -> Vec<Json> {
    let Value::Object(members) = receipt else { return Vec::new() };
    let mut found = Vec::new();
    for (name, value) in members.iter().filter(|(name, _)| !ELSEWHERE.contains(&&**name)) {
        leaves(receipt, name, value, &mut found);
    }
    // What an address or a local socket says of the network, beyond its own members.
    let family = match receipt.field("address").map(|address| text(address, "ip")) {
        Some("") => None,
        Some(ip) if ip.contains(':') => Some(("network.type", "ipv6")),
        Some(_ip) => Some(("network.type", "ipv4")),
        None if text(receipt, "action") == "network.connect-unix" => Some(("network.transport", "unix")),
        None => None,
    };
    found.extend(family.map(|(name, value)| attribute(name, string(value))));
    found
}

/// One attribute.
pub(super) fn attribute(name: &str, value: Json) -> Json {
    json!({ "key": name, "value": value })
}

/// Takes what stands at a place of the receipt, and everything below it.
fn leaves(receipt: &Value<'_>, place: &str, value: &Value<'_>, found: &mut Vec<Json>) {
    let whole = match value {
        Value::Object(members) => {
            for (name, inner) in members {
                let place = format!("{place}.{name}");
                match &**name {
                    // With the bytes that are none of UTF-8.
                    "path" => found.push(named(receipt, &place, string(&path(value)))),
                    _other => leaves(receipt, &place, inner, found),
                }
            }
            return;
        }
        _argv if place == "argv" => {
            json!({ "arrayValue": { "values": arguments(receipt).iter().map(|one| string(one)).collect::<Json>() } })
        }
        whole => any(whole),
    };
    found.push(named(receipt, place, whole));
}

/// The attribute of what stands at a place of the receipt.
fn named(receipt: &Value<'_>, place: &str, value: Json) -> Json {
    let action = text(receipt, "action");
    let network = action.starts_with("network.");
    let addressed = receipt.field("address").is_some();
    let listens = matches!(action, "network.bind" | "network.listen");
    let end = |peer, own| if listens { own } else { peer };
    let name = match place {
        "task.pid" => "process.pid",
        "task.parent" => "process.parent_pid",
        "task.tid" => "thread.id",
        "task.comm" => "thread.name",
        "task.uid" => return attribute("user.id", as_text(value)),
        "argv" => "process.command_args",
        "object.path" if text(receipt, "kind") == "executed" => "process.executable.path",
        "object.path" if network && !addressed => end("network.peer.address", "network.local.address"),
        // A local socket's abstract name stands without an object.
        "to.path" if network && !addressed && receipt.field("object").is_none() => {
            end("network.peer.address", "network.local.address")
        }
        "object.path" => "file.path",
        "object.inode" => return attribute("file.inode", as_text(value)),
        "address.ip" => end("network.peer.address", "network.local.address"),
        "address.port" => end("network.peer.port", "network.local.port"),
        // Others are numbers, for which there is no word.
        "address.protocol" if matches!(protocol(receipt), "tcp" | "udp") => "network.transport",
        // Of an act that went on, because the session only records, it is no error.
        "errno" if receipt.field("enforced").is_none() => "error.type",
        own => return attribute(&format!("gov.{own}"), value),
    };
    attribute(name, value)
}

fn protocol<'a>(receipt: &'a Value<'_>) -> &'a str {
    receipt.field("address").map_or("", |address| text(address, "protocol"))
}

fn string(text: &str) -> Json {
    json!({ "stringValue": text })
}

/// A number as the text that the conventions want where it names something.
fn as_text(value: Json) -> Json {
    match value.get("intValue") {
        Some(digits) => json!({ "stringValue": digits }),
        None => value,
    }
}

/// `AnyValue`.
fn any(value: &Value<'_>) -> Json {
    match value {
        Value::Null => json!({}),
        Value::Truth(truth) => json!({ "boolValue": truth }),
        Value::Integer(number) => json!({ "intValue": number.to_string() }),
        Value::Text(text) => string(text),
        Value::Array(elements) => {
            json!({ "arrayValue": { "values": elements.iter().map(any).collect::<Json>() } })
        }
        Value::Object(members) => {
            let members: Json = members.iter().map(|(name, value)| attribute(name, any(value))).collect();
            json!({ "kvlistValue": { "values": members } })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::attributes;
    use crate::canonical::parse;

    /// The attributes in short: `name=value`.
    fn of(receipt: &str) -> Vec<String> {
        let short = |one: &serde_json::Value| {
            let value = one["value"].as_object().unwrap().values().next().unwrap();
            format!("{}={}", one["key"].as_str().unwrap(), value.to_string().trim_matches('"'))
        };
        attributes(&parse(receipt.as_bytes()).unwrap()).iter().map(short).collect()
    }

    #[test]
    fn what_the_conventions_have_a_name_for_goes_by_it_and_the_rest_by_its_own() {
        let refused = r#"{"action":"file.create","errno":"EACCES","index":1,"kind":"decision","object":{"inode":42,"path":"/a"},"task":{"comm":"sh","pid":10,"uid":0},"to":{"path":"/b"}}"#;
        assert_eq!(
            of(refused),
            [
                "gov.action=file.create",
                "error.type=EACCES",
                "gov.index=1",
                "file.inode=42",
                "file.path=/a",
                "thread.name=sh",
                "process.pid=10",
                "user.id=0",
                "gov.to.path=/b"
            ]
        );
        let recorded = r#"{"enforced":false,"errno":"EACCES"}"#;
        assert_eq!(of(recorded), ["gov.enforced=false", "gov.errno=EACCES"]);
        let executed = r#"{"argv":["a","b"],"kind":"executed","object":{"path":"/a"}}"#;
        assert_eq!(of(executed)[1], "process.executable.path=/a");
    }

    #[test]
    fn an_address_is_the_far_end_but_for_who_listens_and_a_local_socket_is_one_too() {
        let address = r#""address":{"family":2,"ip":"192.0.2.1","port":443,"protocol":"tcp"}"#;
        assert_eq!(
            of(&format!(r#"{{"action":"network.connect",{address}}}"#))[1..],
            [
                "gov.address.family=2",
                "network.peer.address=192.0.2.1",
                "network.peer.port=443",
                "network.transport=tcp",
                "network.type=ipv4"
            ]
        );
        let listening = of(&format!(r#"{{"action":"network.listen",{address}}}"#));
        assert!(listening.contains(&"network.local.port=443".to_owned()));
        for socket in [r#""object":{"path":"/s"}"#, r#""to":{"path":"/s"}"#] {
            let found = of(&format!(r#"{{"action":"network.connect-unix",{socket}}}"#));
            assert_eq!(found[1..], ["network.peer.address=/s", "network.transport=unix"]);
        }
        let odd =
            of(r#"{"action":"network.connect","address":{"family":2,"ip":"::1","port":1,"protocol":"132"}}"#);
        assert_eq!(odd[4..], ["gov.address.protocol=132", "network.type=ipv6"]);
    }

    #[test]
    fn bytes_that_are_not_utf_8_stay_apart() {
        let found = of(r#"{"action":"file.read","object":{"hex":"2fff","path":"/�"}}"#);
        assert_eq!(found[1..], ["gov.object.hex=2fff", r"file.path=/\\xff"]);
    }
}
