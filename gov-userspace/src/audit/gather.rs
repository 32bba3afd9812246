//! Gathers a report from a log's lines, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use super::files::Files;
use super::{Audit, Connection, End, Executed, Privileged, Reads, Refusal, Start};
use crate::canonical::{self, CanonicalError, Value};

/// Task names that one group of refusals lists.
const MAX_TASKS: usize = 8;

/// A report in the making.
#[derive(Debug, Default)]
pub struct Gatherer {
    audit: Audit,
    files: Files,
    executed: BTreeMap<(String, Vec<String>, bool), u64>,
    connections: BTreeMap<(String, String, String), u64>,
    listening: BTreeMap<(String, String, String), u64>,
    privileged: BTreeMap<(String, String), u64>,
    refusals: BTreeMap<RefusalKey, (BTreeSet<String>, u64)>,
    /// Paths of directories by device and inode.
    directories: BTreeMap<(String, u64), String>,
    reads: BTreeMap<(String, u64), u64>,
    /// Reads with a receipt each, by directory.
    single_reads: BTreeMap<String, u64>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RefusalKey {
    action: String,
    object: String,
    reason: String,
    errno: String,
    grant: Option<String>,
    wanted: Vec<String>,
    enforced: bool,
}

impl Gatherer {
    /// Takes the next line.
    ///
    /// # Errors
    /// [`CanonicalError`] if it is no receipt; the report goes on without it.
    pub fn take(&mut self, line: &[u8]) -> Result<(), CanonicalError> {
        let receipt = canonical::parse(line)?;
        match text(&receipt, "kind") {
            "decision" => self.decision(&receipt),
            "executed" => self.execution(&receipt),
            "directory" => {
                if let Some(object) = receipt.field("object") {
                    let place = (text(object, "device").to_owned(), number(object, "inode"));
                    self.directories.insert(place, text(object, "path").to_owned());
                }
            }
            "reads" => {
                let place = (text(&receipt, "device").to_owned(), number(&receipt, "inode"));
                add(self.reads.entry(place).or_default(), number(&receipt, "count"));
            }
            "start" => self.audit.start = Some(start(&receipt)),
            "artifacts" => {
                let files = receipt.field("files").map_or(&[][..], |files| files.elements());
                files.iter().for_each(|file| self.files.artifact(file));
            }
            "close" => self.audit.end = Some(end(&receipt)),
            "budget" => {
                let of = receipt.field("most").and_then(Value::number).map(|most| format!(" of {most}"));
                let used = format!("{}{}", number(&receipt, "used"), of.unwrap_or_default());
                self.incident(&receipt, "used", &[text(&receipt, "about"), &used]);
            }
            "break" => {
                let lasts = match number(&receipt, "seconds") {
                    0 => "everything is refused for good".to_owned(),
                    seconds => format!("everything is refused for {seconds} s"),
                };
                self.incident(&receipt, "too many refusals", &[&lasts]);
            }
            "cut" => self.incident(&receipt, "cut", &[text(&receipt, "reason"), text(&receipt, "detail")]),
            "interference" => {
                let judged = match receipt.field("enforced") {
                    None => "everything was judged all the same",
                    Some(_) => "acts may have gone unjudged",
                };
                self.incident(&receipt, "enforcement was interfered with", &[text(&receipt, "what"), judged]);
            }
            "resumed" => self.incident(&receipt, "went on", &["its circuit was closed again"]),
            "loss" => {
                let count =
                    format!("{} events from {}", number(&receipt, "count"), number(&receipt, "first"));
                self.incident(&receipt, "lost", &[&count]);
            }
            "recovered" => {
                let what = format!(
                    "{} lines found, {} of them signed before, {} bytes torn",
                    number(&receipt, "found"),
                    number(&receipt, "covered"),
                    number(&receipt, "torn")
                );
                self.incident(&receipt, "recovered", &[&what]);
            }
            "policy-changed" => self.incident(&receipt, "policy changed", &[text(&receipt, "policy")]),
            _other => {}
        }
        if self.audit.session.is_empty() {
            text(&receipt, "session").clone_into(&mut self.audit.session);
        }
        Ok(())
    }

    fn decision(&mut self, receipt: &Value<'_>) {
        if text(receipt, "verdict") != "allow" {
            return self.refusal(receipt);
        }
        let path = receipt.field("object").map_or("", |object| text(object, "path"));
        match text(receipt, "class") {
            "write" => {
                let to = receipt.field("to").map(|to| text(to, "path"));
                self.files.act(text(receipt, "action"), path, to);
            }
            "connect" => {
                let protocol = receipt.field("address").map_or("", |far| text(far, "protocol"));
                let key = (what(receipt), protocol.to_owned(), text(receipt, "scope").to_owned());
                let own = matches!(text(receipt, "action"), "network.bind" | "network.listen");
                let list = if own { &mut self.listening } else { &mut self.connections };
                // A socket is bound and then listens: that is one place where it listens.
                let sum = list.entry(key).or_default();
                if own { *sum = 1 } else { add(sum, 1) }
            }
            "read" => {
                let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
                let directory = if directory.is_empty() { "/" } else { directory };
                add(self.single_reads.entry(directory.to_owned()).or_default(), 1);
            }
            "other" if receipt.field("about").is_some() => {
                let key = (text(receipt, "action").to_owned(), what(receipt));
                add(self.privileged.entry(key).or_default(), 1);
            }
            _execute => {}
        }
    }

    fn execution(&mut self, receipt: &Value<'_>) {
        let path = receipt.field("object").map_or("", |object| text(object, "path")).to_owned();
        let argv = receipt.field("argv").map_or(&[][..], |argv| argv.elements());
        let argv = argv.iter().filter_map(|argument| argument.text().map(str::to_owned)).collect();
        add(self.executed.entry((path, argv, receipt.field("argv_cut").is_some())).or_default(), 1);
    }

    fn refusal(&mut self, receipt: &Value<'_>) {
        let wanted = receipt.field("wanted").map_or(&[][..], |wanted| wanted.elements());
        let key = RefusalKey {
            action: text(receipt, "action").to_owned(),
            object: what(receipt),
            reason: text(receipt, "reason").to_owned(),
            errno: text(receipt, "errno").to_owned(),
            grant: receipt.field("grant").and_then(Value::text).map(str::to_owned),
            wanted: wanted.iter().filter_map(|right| right.text().map(str::to_owned)).collect(),
            enforced: receipt.field("enforced").is_none(),
        };
        let (tasks, count) = self.refusals.entry(key).or_default();
        if tasks.len() < MAX_TASKS {
            tasks.insert(receipt.field("task").map_or("", |task| text(task, "comm")).to_owned());
        }
        add(count, 1);
    }

    fn incident(&mut self, receipt: &Value<'_>, what: &str, details: &[&str]) {
        let details: Vec<&str> = details.iter().copied().filter(|detail| !detail.is_empty()).collect();
        self.audit.incidents.push(format!("{} {what}: {}", text(receipt, "wall"), details.join(", ")));
    }

    /// The report.
    pub fn finish(self) -> Audit {
        let (files, temporary) = self.files.changes();
        let executed = self.executed.into_iter();
        let refusals = self.refusals.into_iter();
        let mut reads = self.single_reads;
        for ((device, inode), count) in self.reads {
            let directory = match self.directories.get(&(device.clone(), inode)) {
                Some(path) => path.clone(),
                None => format!("inode {inode} of device {device}"),
            };
            add(reads.entry(directory).or_default(), count);
        }
        let mut reads: Vec<Reads> =
            reads.into_iter().map(|(directory, count)| Reads { directory, count }).collect();
        reads.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.directory.cmp(&b.directory)));
        Audit {
            files,
            temporary,
            executed: executed
                .map(|((path, argv, cut), count)| Executed { path, argv, cut, count })
                .collect(),
            connections: connections(self.connections),
            listening: connections(self.listening),
            privileged: self
                .privileged
                .into_iter()
                .map(|((action, object), count)| Privileged { action, object, count })
                .collect(),
            refusals: refusals
                .map(|(key, (tasks, count))| Refusal {
                    action: key.action,
                    object: key.object,
                    wanted: key.wanted,
                    reason: key.reason,
                    errno: key.errno,
                    grant: key.grant,
                    tasks: tasks.into_iter().collect(),
                    enforced: key.enforced,
                    count,
                })
                .collect(),
            reads,
            ..self.audit
        }
    }
}

fn connections(sums: BTreeMap<(String, String, String), u64>) -> Vec<Connection> {
    let connection = |((address, protocol, scope), count)| Connection { address, protocol, scope, count };
    sums.into_iter().map(connection).collect()
}

fn start(receipt: &Value<'_>) -> Start {
    let list = |value: Option<&Value<'_>>| -> Vec<String> {
        let elements = value.map_or(&[][..], |value| value.elements());
        elements.iter().filter_map(|element| element.text().map(str::to_owned)).collect()
    };
    let host = receipt.field("host");
    let part = |name: &str| host.map_or("", |host| text(host, name));
    let enforcement = receipt.field("enforcement");
    let hooks = enforcement.and_then(|enforcement| enforcement.field("hooks"));
    Start {
        command: list(receipt.field("command")),
        delegation: text(receipt, "delegation").to_owned(),
        delegated_to: text(receipt, "delegated_to").to_owned(),
        enforcement: enforcement.map_or("", |enforcement| text(enforcement, "status")).to_owned(),
        missing: list(enforcement.and_then(|enforcement| enforcement.field("missing"))),
        hooks: hooks.map_or(0, |hooks| hooks.elements().len()),
        host: format!("{}, Linux {} {}", part("name"), part("kernel"), part("machine")),
        spend_limit: text(receipt, "spend_limit").to_owned(),
        scopes: list(receipt.field("scopes")),
        wall: text(receipt, "wall").to_owned(),
    }
}

fn end(receipt: &Value<'_>) -> End {
    let ending = receipt.field("ending");
    End {
        reason: ending.map_or("", |ending| text(ending, "reason")).to_owned(),
        status: ending.and_then(|ending| ending.field("status")?.number()),
        wall: text(receipt, "wall").to_owned(),
    }
}

/// What was acted on: an address, a path and perhaps the second one, or a door or capability.
fn what(receipt: &Value<'_>) -> String {
    if let Some(far) = receipt.field("address")
        && let Some(ip) = far.field("ip").and_then(Value::text)
    {
        let port = number(far, "port");
        return if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") };
    }
    let path = |name: &str| receipt.field(name).map(|object| text(object, "path"));
    match (path("object"), path("to"), receipt.field("address")) {
        (Some(path), Some(to), _) => format!("{path} -> {to}"),
        (Some(path), None, _) => path.to_owned(),
        // A local socket's abstract name stands without an object.
        (None, Some(to), _) => to.to_owned(),
        (None, None, Some(far)) => format!("address family {}", number(far, "family")),
        (None, None, None) => text(receipt, "about").to_owned(),
    }
}

fn text<'a>(receipt: &'a Value<'_>, name: &str) -> &'a str {
    receipt.field(name).and_then(Value::text).unwrap_or_default()
}

fn number(receipt: &Value<'_>, name: &str) -> u64 {
    receipt.field(name).and_then(Value::number).unwrap_or_default()
}

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}
