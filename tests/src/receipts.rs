//! Reads a session's log as anyone may: one JSON object a line.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// One line of a log.
#[derive(Clone, Debug)]
pub struct Receipt(Value);

impl Receipt {
    /// The text at a member, or at a member of a member (`object.path`); empty where there is none.
    pub fn text(&self, member: &str) -> &str {
        self.at(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// The number at a member, or at a member of a member; `None` where there is none.
    pub fn number(&self, member: &str) -> Option<u64> {
        self.at(member).and_then(Value::as_u64)
    }

    /// The number at a member, whether it stands as a number or, above 2^53, as text.
    pub fn decimal(&self, member: &str) -> Option<u64> {
        self.number(member).or_else(|| self.text(member).parse().ok())
    }

    /// Whether a member is a list that holds this text.
    pub fn has(&self, member: &str, text: &str) -> bool {
        let list = self.at(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().any(|entry| entry == text)
    }

    /// Whether `false` stands at a member.
    pub fn is_false(&self, member: &str) -> bool {
        self.at(member).and_then(Value::as_bool) == Some(false)
    }

    /// The elements of the list at a member; none where there is none.
    pub fn parts(&self, member: &str) -> Vec<Self> {
        self.at(member).and_then(Value::as_array).into_iter().flatten().cloned().map(Self).collect()
    }

    /// The numbers of the list at a member.
    pub fn numbers(&self, member: &str) -> Vec<u64> {
        self.parts(member).iter().filter_map(|part| part.0.as_u64()).collect()
    }

    fn at(&self, member: &str) -> Option<&Value> {
        member.split('.').try_fold(&self.0, |value, name| value.get(name))
    }

    /// Whether this is a decision on this action and object, with this reason (`granted` or why not). An object that
    /// begins with `…` is only how the object must end.
    pub fn says(&self, action: &str, object: &str, reason: &str) -> bool {
        let same = match object.strip_prefix('…') {
            Some(end) => self.object().ends_with(end),
            None => self.object() == object,
        };
        same && self.text("action") == action && self.text("reason") == reason
    }

    /// Whether something was refused.
    pub fn is_refusal(&self) -> bool {
        self.text("verdict") == "deny"
    }

    /// The arguments of an execution, separated by blanks.
    pub fn arguments(&self) -> String {
        let list = self.at("argv").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Whether this is the last receipt that a session can have.
    pub fn closes(&self) -> bool {
        self.text("kind") == "close"
    }

    /// What was acted on: an address with its port, a path, a capability, or the scope of what is no file.
    pub fn object(&self) -> String {
        let ip = self.text("address.ip").parse::<IpAddr>();
        let port = self.number("address.port").and_then(|port| u16::try_from(port).ok());
        match (ip, port) {
            (Ok(ip), Some(port)) => SocketAddr::new(ip, port).to_string(),
            _no_address if self.at("object").is_some() => self.text("object.path").to_owned(),
            _no_object => self.text("about").to_owned(),
        }
    }
}

/// All receipts of a log, in its order, but for a last line that is being written.
pub fn read(log: &Path) -> Result<Vec<Receipt>> {
    let file = log.join("log.jsonl");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|line| {
            serde_json::from_str(line).map(Receipt).with_context(|| format!("not a receipt: `{line}`"))
        })
        .collect()
}

/// Copies a log's files into a folder, which holds nothing else then.
pub fn copy(log: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(log)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
