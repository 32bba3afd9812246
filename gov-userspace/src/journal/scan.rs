//! Reads a log that was found, and says how much of it is to be believed.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::JournalError;
use super::folder::{LOG, SessionFile};
use crate::canonical::{self, Value};
use crate::clock::Offset;
use crate::lines::{Line, Lines};
use crate::merkle::{self, Tree};
use crate::note::Checkpoint;
use crate::receipt::SessionFacts;

/// Lines that a log may have without a checkpoint: the first one is made over the start receipt alone.
const UNSIGNED: u64 = 1;

/// What was found in a log.
pub(super) struct Scan {
    pub(super) origin: String,
    pub(super) facts: SessionFacts,
    pub(super) tree: Tree,
    pub(super) covered: u64,
    /// Bytes of the covered ones.
    pub(super) covered_bytes: u64,
    /// Bytes of whole, usable lines.
    pub(super) bytes: u64,
    pub(super) closed: bool,
    pub(super) boot_id: Option<String>,
    pub(super) hooks: Vec<String>,
    pub(super) last_ns: u64,
    pub(super) last: Times,
    /// The number after that of the last kernel event.
    pub(super) next_sequence: u64,
}

/// Both clocks in a line.
#[derive(Default)]
pub(super) struct Times {
    boot_ns: Option<u64>,
    wall: String,
}

impl Times {
    /// How far the wall clock was ahead.
    pub(super) fn offset(&self) -> Option<Offset> {
        Some(Offset::between(self.boot_ns?, self.wall.parse().ok()?))
    }
}

pub(super) fn scan(
    dir: &Path,
    reader: BufReader<&File>,
    last: Option<&Checkpoint>,
    session: SessionFile,
    read: &mut impl FnMut(&Value<'_>),
) -> Result<Scan, JournalError> {
    let covered = last.map_or(0, |checkpoint| checkpoint.size);
    let mut scan = Scan {
        origin: session.origin,
        facts: SessionFacts {
            session: session.session,
            delegation_id: session.delegation,
            scopes: Vec::new(),
        },
        tree: Tree::default(),
        covered,
        covered_bytes: 0,
        bytes: 0,
        closed: false,
        boot_id: None,
        hooks: Vec::new(),
        last_ns: 0,
        last: Times::default(),
        next_sequence: 0,
    };
    let mut lines = Lines::new(reader);
    while let Line::Whole(line) = lines.read().map_err(JournalError::io("read", &dir.join(LOG)))? {
        if scan.take(line, read).is_none() {
            // Behind the last checkpoint, a power cut may leave anything: it is moved aside, not trusted.
            break;
        }
        if scan.tree.size() == covered {
            scan.covered_bytes = scan.bytes;
            if last.is_some_and(|last| last.root != scan.tree.root()) {
                return Err(JournalError::changed(
                    dir,
                    format!("its first {covered} lines are not those of the checkpoint"),
                ));
            }
        }
    }
    if last.is_none() && scan.tree.size() > UNSIGNED {
        return Err(JournalError::changed(
            dir,
            format!("{} lines, and no checkpoint of any", scan.tree.size()),
        ));
    }
    if scan.tree.size() < covered {
        return Err(JournalError::changed(
            dir,
            format!("{} usable lines, {covered} were signed", scan.tree.size()),
        ));
    }
    Ok(scan)
}

impl Scan {
    /// Takes a line if it is the next receipt.
    fn take(&mut self, line: &[u8], read: &mut impl FnMut(&Value<'_>)) -> Option<()> {
        let value = canonical::parse(line).ok()?;
        if value.field("index")?.number()? != self.tree.size()
            || value.field("session")?.text()? != self.facts.session
            || value.field("delegation")?.text()? != self.facts.delegation_id
        {
            return None;
        }
        let kind = value.field("kind")?.text()?;
        if matches!(kind, "start" | "policy-changed") {
            let scopes = value.field("scopes")?.elements();
            self.facts.scopes = scopes.iter().filter_map(|scope| scope.text().map(str::to_owned)).collect();
        }
        if kind == "start" {
            self.boot_id = value.field("boot_id").and_then(Value::text).map(str::to_owned);
            let hooks = value.field("enforcement").and_then(|enforcement| enforcement.field("hooks"));
            let hooks = hooks.map_or(&[][..], |hooks| hooks.elements());
            self.hooks =
                hooks.iter().filter_map(|hook| Some(hook.field("name")?.text()?.to_owned())).collect();
        }
        let boot = value.field("boot").and_then(Value::text).and_then(|text| text.parse().ok());
        self.last_ns = boot.map_or(self.last_ns, |boot: u64| self.last_ns.max(boot));
        self.last.boot_ns = boot;
        self.last.wall.clear();
        self.last.wall.push_str(value.field("wall").and_then(Value::text).unwrap_or_default());
        if let Some(sequence) = value.field("sequence").and_then(Value::number) {
            self.next_sequence = self.next_sequence.max(sequence.saturating_add(1));
        }
        self.closed = kind == "close";
        read(&value);
        self.tree.push(merkle::leaf(line));
        let length = u64::try_from(line.len()).ok()?;
        self.bytes = self.bytes.saturating_add(length).saturating_add(1);
        Some(())
    }
}
