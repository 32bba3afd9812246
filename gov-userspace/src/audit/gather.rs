//! Gathers a report from a log's lines, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use super::ends::{end, limits, start};
use super::files::Files;
use super::words::{arguments, incident, list, number, path, repeats, text, what};
use super::{Audit, Connection, Executed, Privileged, Reads, Refusal};
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
    /// Enforced refusals by the number of their event: the kernel records a few thousand of a session at most, and counts
    /// those that repeat them.
    refused: BTreeMap<u64, RefusalKey>,
    /// Paths of directories by device and inode.
    directories: BTreeMap<(String, u64), String>,
    reads: BTreeMap<(String, u64), u64>,
    /// Reads with a receipt each, by directory.
    single_reads: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
                    self.directories.insert(place, path(object));
                }
            }
            "reads" => {
                let place = (text(&receipt, "device").to_owned(), number(&receipt, "inode"));
                add(self.reads.entry(place).or_default(), number(&receipt, "count"));
            }
            "repeated" => self.repeated(&receipt),
            "start" => self.audit.start = Some(start(&receipt)),
            "artifacts" => {
                let files = receipt.field("files").map_or(&[][..], |files| files.elements());
                files.iter().for_each(|file| self.files.artifact(file));
            }
            "close" => self.audit.end = Some(end(&receipt)),
            _other => {
                if let Some((what, details)) = incident(&receipt) {
                    self.audit.incidents.push(format!("{} {what}: {details}", text(&receipt, "wall")));
                }
            }
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
        let place = receipt.field("object").map(path).unwrap_or_default();
        match text(receipt, "class") {
            "write" => {
                let to = receipt.field("to").map(path);
                self.files.act(text(receipt, "action"), &place, to.as_deref());
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
                let directory = place.rsplit_once('/').map_or("", |(directory, _)| directory);
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
        let file = receipt.field("object").map(path).unwrap_or_default();
        let argv = arguments(receipt);
        add(self.executed.entry((file, argv, receipt.field("argv_cut").is_some())).or_default(), 1);
    }

    fn refusal(&mut self, receipt: &Value<'_>) {
        let key = RefusalKey {
            action: text(receipt, "action").to_owned(),
            object: what(receipt),
            reason: text(receipt, "reason").to_owned(),
            errno: text(receipt, "errno").to_owned(),
            grant: receipt.field("grant").and_then(Value::text).map(str::to_owned),
            wanted: list(receipt.field("wanted")),
            enforced: receipt.field("enforced").is_none(),
        };
        if key.enforced {
            self.refused.insert(number(receipt, "sequence"), key.clone());
        }
        let (tasks, count) = self.refusals.entry(key).or_default();
        if tasks.len() < MAX_TASKS {
            tasks.insert(receipt.field("task").map_or("", |task| text(task, "comm")).to_owned());
        }
        add(count, 1);
    }

    /// Takes refusals that have no receipt each.
    fn repeated(&mut self, receipt: &Value<'_>) {
        let known = self.refused.get(&number(receipt, "last"));
        let key = match known.filter(|_| text(receipt, "alike") == "object") {
            Some(key) => key.clone(),
            None => RefusalKey {
                action: text(receipt, "action").to_owned(),
                object: repeats(receipt),
                reason: text(receipt, "reason").to_owned(),
                errno: String::new(),
                grant: None,
                wanted: Vec::new(),
                enforced: true,
            },
        };
        let (_, count) = self.refusals.entry(key).or_default();
        add(count, number(receipt, "count"));
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
            limits: limits(self.audit.start.as_ref(), self.audit.end.as_ref()),
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

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}
