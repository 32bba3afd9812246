//! Receipts as events of the Open Cybersecurity Schema Framework, one for each receipt: File System, Process and
//! Network Activity, and Base Events for the rest. What the schema has no place for stands in `unmapped`.

mod class;
mod parts;

use serde_json::{Map, Value as Json, json};

use self::class::{Activity, Class, OTHER, activity};
use crate::audit::words::{incident, number, text, what};
use crate::canonical::{self, CanonicalError, Value};

/// The version of the schema.
const VERSION: &str = "1.7.0";

/// Members of a receipt that have their place in an event.
const MAPPED: [&str; 8] = ["v", "kind", "session", "index", "wall", "action", "task", "verdict"];
/// Members of a decision's receipt that have.
const DECIDED: [&str; 3] = ["errno", "reason", "enforced"];

/// Turns a log's lines into events, from its first on.
#[derive(Clone, Debug)]
pub struct Events {
    /// The log's origin, which with a line's number names an event for ever.
    log: String,
    /// What the start receipt says of host and gov.
    device: Json,
    product: Json,
}

impl Events {
    /// Of the log with this origin.
    pub fn new(log: &str) -> Self {
        Self { log: log.to_owned(), device: parts::device("", ""), product: parts::product("") }
    }

    /// The event of the next line. A granted execution has none: the receipt that it took place has.
    ///
    /// # Errors
    /// [`CanonicalError`] if the line is no receipt.
    pub fn event(&mut self, line: &[u8]) -> Result<Option<Json>, CanonicalError> {
        let receipt = canonical::parse(line)?;
        if text(&receipt, "kind") == "start" {
            let host = receipt.field("host");
            let of = |name: &str| host.map_or("", |host| text(host, name));
            self.device = parts::device(of("name"), of("kernel"));
            self.product = parts::product(text(&receipt, "gov"));
        }
        let granted = text(&receipt, "verdict") == "allow";
        Ok((!(granted && text(&receipt, "action") == "code.execute")).then(|| self.mapped(&receipt)))
    }

    fn mapped(&self, receipt: &Value<'_>) -> Json {
        let kind = text(receipt, "kind");
        let activity = match kind {
            "decision" | "executed" => activity(text(receipt, "action")),
            _fact => Activity { class: Class::Base, id: OTHER },
        };
        let name = match text(receipt, "action") {
            "" => kind,
            action => action,
        };
        let outcome = Outcome::of(receipt);
        let mut event = Map::new();
        let mut put = |name: &str, value: Json| event.insert(name.to_owned(), value);
        put("time", json!(parts::milliseconds(text(receipt, "wall"))));
        put("category_uid", json!(activity.class.category()));
        put("class_uid", json!(activity.class.uid()));
        put("activity_id", json!(activity.id));
        put("activity_name", json!(activity.class.activity(activity.id).unwrap_or(name)));
        put("type_uid", json!(activity.class.uid().saturating_mul(100).saturating_add(activity.id)));
        let (severity_id, severity) = severity(receipt);
        put("severity_id", json!(severity_id));
        put("severity", json!(severity));
        put("message", json!(message(receipt, name)));
        put("metadata", self.metadata(receipt));
        put("device", self.device.clone());
        if receipt.field("task").is_some() {
            put("actor", parts::actor(receipt));
        }
        outcome.put(receipt, &mut put);
        match activity.class {
            Class::File => parts::files(receipt, &mut put),
            Class::Process => drop(put("process", parts::process(receipt))),
            Class::Network => parts::network(receipt, &mut put),
            Class::Base => {}
        }
        put("unmapped", unmapped(receipt, activity.class));
        Json::Object(event)
    }

    fn metadata(&self, receipt: &Value<'_>) -> Json {
        let index = number(receipt, "index");
        json!({
            "version": VERSION,
            "product": self.product,
            "profiles": ["host", "security_control"],
            "uid": format!("{}:{index}", self.log),
            "log_name": self.log,
            "event_code": text(receipt, "kind"),
            "correlation_uid": text(receipt, "session"),
            "sequence": index,
            "original_time": text(receipt, "wall"),
        })
    }
}

/// What became of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It took place.
    Done,
    /// The kernel let it begin; whether it succeeded is not known.
    Allowed,
    /// The kernel refused it.
    Refused,
    /// It would have been refused, and went on.
    Recorded,
    /// It is no act.
    None,
}

impl Outcome {
    fn of(receipt: &Value<'_>) -> Self {
        match (text(receipt, "kind"), text(receipt, "verdict"), receipt.field("enforced")) {
            ("executed", ..) => Self::Done,
            (_, "allow", _) => Self::Allowed,
            (_, "deny", None) => Self::Refused,
            (_, "deny", Some(_)) => Self::Recorded,
            _fact => Self::None,
        }
    }

    /// Status, action and disposition, and why.
    fn put(self, receipt: &Value<'_>, put: &mut impl FnMut(&str, Json) -> Option<Json>) {
        let (status, action, disposition) = match self {
            Self::Done => ((1, "Success"), (1, "Allowed"), (1, "Allowed")),
            Self::Allowed => ((0, "Unknown"), (1, "Allowed"), (1, "Allowed")),
            Self::Refused => ((2, "Failure"), (2, "Denied"), (2, "Blocked")),
            Self::Recorded => ((0, "Unknown"), (1, "Allowed"), (15, "Detected")),
            Self::None => return,
        };
        for (name, (id, word)) in [("status", status), ("action", action), ("disposition", disposition)] {
            put(&format!("{name}_id"), json!(id));
            put(name, json!(word));
        }
        for (name, member) in [("status_code", "errno"), ("status_detail", "reason")] {
            if let Some(word) = receipt.field(member).and_then(Value::text) {
                put(name, json!(word));
            }
        }
        put("policy", json!({ "name": text(receipt, "delegation"), "is_applied": self != Self::Recorded }));
    }
}

/// How much a reader should care.
fn severity(receipt: &Value<'_>) -> (u64, &'static str) {
    match (text(receipt, "kind"), text(receipt, "verdict")) {
        (_, "deny") | ("budget" | "break" | "clock", _) => (3, "Medium"),
        ("interference", _) if receipt.field("enforced").is_some() => (5, "Critical"),
        ("interference" | "loss" | "cut" | "recovered", _) => (4, "High"),
        _ordinary => (1, "Informational"),
    }
}

/// The event in a sentence.
fn message(receipt: &Value<'_>, name: &str) -> String {
    if let Some((what, details)) = incident(receipt) {
        return format!("{what}: {details}");
    }
    let object = what(receipt);
    let act = if object.is_empty() { name.to_owned() } else { format!("{name} {object}") };
    match (text(receipt, "verdict"), receipt.field("grant").and_then(Value::text)) {
        ("deny", Some(scope)) => format!("refused: {act}: {}; allowed by {scope}", text(receipt, "reason")),
        ("deny", None) => format!("refused: {act}: {}", text(receipt, "reason")),
        _granted => act,
    }
}

/// What has no place elsewhere, under the receipt's own names.
fn unmapped(receipt: &Value<'_>, class: Class) -> Json {
    let Value::Object(members) = receipt else { return json!({}) };
    let decided = receipt.field("verdict").is_some();
    let has_file = match class {
        Class::File => true,
        Class::Process => receipt.field("target").is_none(),
        Class::Network | Class::Base => false,
    };
    let rest = members.iter().filter(|(name, value)| match &**name {
        // What is not whole in its place stands here whole.
        "object" | "to" if has_file => {
            ["cut", "hex", "unlinked"].iter().any(|name| value.field(name).is_some())
        }
        "address" if class == Class::Network => value.field("ip").is_none(),
        name => !(MAPPED.contains(&name) || decided && DECIDED.contains(&name)),
    });
    Json::Object(rest.map(|(name, value)| (name.to_string(), parts::plain(value))).collect())
}
