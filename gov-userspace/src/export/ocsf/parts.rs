//! The objects that events are made of.

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::audit::words::{arguments, number, path, text};
use crate::canonical::Value;

/// Milliseconds since 1970 of an RFC 3339 time; 0 if it is none.
pub(super) fn milliseconds(wall: &str) -> i64 {
    wall.parse::<Timestamp>().map_or(0, Timestamp::as_millisecond)
}

/// The host. What kind of machine it is, gov does not know.
pub(super) fn device(name: &str, kernel: &str) -> Json {
    json!({
        "hostname": name,
        "type_id": 0,
        "type": "Unknown",
        "os": { "name": "Linux", "type_id": 200, "type": "Linux", "kernel_release": kernel },
    })
}

/// gov itself.
pub(super) fn product(version: &str) -> Json {
    json!({ "name": "gov", "vendor_name": "gov", "version": version })
}

/// Who acted.
pub(super) fn actor(receipt: &Value<'_>) -> Json {
    json!({ "process": acting(receipt), "session": { "uid": text(receipt, "session") } })
}

/// The process that acted.
fn acting(receipt: &Value<'_>) -> Json {
    let Some(task) = receipt.field("task") else { return json!({}) };
    let user = number(task, "uid").to_string();
    json!({
        "name": text(task, "comm"),
        "pid": number(task, "pid"),
        "tid": number(task, "tid"),
        // A pid and its start on the boot clock name a process for ever.
        "uid": format!("{}:{}", number(task, "pid"), text(task, "start")),
        "parent_process": { "pid": number(task, "parent") },
        "user": { "uid": user },
    })
}

/// The process that was acted on: the one acted on by its id, else the one that executes.
pub(super) fn process(receipt: &Value<'_>) -> Json {
    if let Some(target) = receipt.field("target").and_then(Value::number) {
        return json!({ "pid": target });
    }
    let mut process = acting(receipt);
    let Some(members) = process.as_object_mut() else { return process };
    if let Some(object) = receipt.field("object") {
        members.insert("file".to_owned(), file(object, 8));
    }
    if receipt.field("argv").is_some() {
        members.insert("cmd_line".to_owned(), json!(arguments(receipt).join(" ")));
    }
    process
}

/// The file that was acted on, and what it becomes.
pub(super) fn files(receipt: &Value<'_>, put: &mut impl FnMut(&str, Json) -> Option<Json>) {
    let kind = match text(receipt, "action") {
        "file.create-directory" | "file.remove-directory" | "file.read-directory" => 2,
        "file.create-symlink" => 7,
        _unsaid => 0,
    };
    // The kernel may have resolved no object; the class wants one all the same.
    let object = receipt
        .field("object")
        .map_or_else(|| json!({ "name": "unknown", "type_id": 0 }), |object| file(object, kind));
    put("file", object);
    if let Some(to) = receipt.field("to") {
        put("file_result", file(to, kind));
    }
}

fn file(object: &Value<'_>, kind: u64) -> Json {
    let path = path(object);
    let name = match path.rsplit_once('/') {
        Some((_, name)) if !name.is_empty() => name,
        _root => &path,
    };
    let word = match kind {
        2 => "Folder",
        7 => "Symbolic Link",
        8 => "Executable File",
        _unsaid => "Unknown",
    };
    let mut file = json!({ "name": name, "path": path, "type_id": kind, "type": word });
    if let Some(members) = file.as_object_mut() {
        if let Some(device) = object.field("device").and_then(Value::text) {
            members.insert("volume".to_owned(), json!(device));
        }
        if object.field("inode").is_some() {
            members.insert("uid".to_owned(), json!(number(object, "inode").to_string()));
        }
    }
    file
}

/// The connection: the address that was acted on is the far end, and of who listens the near one.
pub(super) fn network(receipt: &Value<'_>, put: &mut impl FnMut(&str, Json) -> Option<Json>) {
    let listens = matches!(text(receipt, "action"), "network.bind" | "network.listen");
    let end = if listens { "src_endpoint" } else { "dst_endpoint" };
    let Some(address) = receipt.field("address") else {
        // A local socket goes by its path, or by its abstract name.
        let name = receipt.field("object").or_else(|| receipt.field("to")).map(path);
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            put(end, json!({ "name": name }));
        }
        return;
    };
    if let Some(ip) = address.field("ip").and_then(Value::text) {
        put(end, json!({ "ip": ip, "port": number(address, "port") }));
    }
    let (direction_id, direction) = if listens { (1, "Inbound") } else { (2, "Outbound") };
    let mut connection = json!({ "direction_id": direction_id, "direction": direction });
    if let (Some(members), Some(protocol)) =
        (connection.as_object_mut(), address.field("protocol").and_then(Value::text))
    {
        let number = match protocol {
            "tcp" => Some(6),
            "udp" => Some(17),
            other => other.parse::<u64>().ok(),
        };
        members.insert("protocol_name".to_owned(), json!(protocol));
        members.extend(number.map(|number| ("protocol_num".to_owned(), json!(number))));
    }
    put("connection_info", connection);
}

/// A receipt's value as any JSON.
pub(super) fn plain(value: &Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Truth(truth) => json!(truth),
        Value::Integer(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::Array(elements) => elements.iter().map(plain).collect(),
        Value::Object(members) => {
            Json::Object(members.iter().map(|(name, value)| (name.to_string(), plain(value))).collect())
        }
    }
}
