//! Adds up what a log's receipts say, line by line.

mod judge;

use std::collections::BTreeSet;

use gov_common::abi::Kind;
use serde::Serialize;

use super::ranges::Ranges;
use crate::canonical::{self, Value};
use crate::receipt::FORMAT;

/// What was counted in a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The session's name.
    pub session: Option<String>,
    /// Lines.
    pub receipts: u64,
    /// Kernel events that are missing, declared or not.
    pub missing: u64,
    /// Decisions with a receipt each: granted.
    pub granted: u64,
    /// Decisions with a receipt each: refused.
    pub refused: u64,
    /// Granted reads that were counted.
    pub counted_reads: u64,
    /// Granted decisions that name no scope.
    pub without_scope: u64,
    /// Whether the session is closed.
    pub closed: bool,
    /// Why it cannot be said that nothing outside the boundary was touched; empty if it can.
    pub limits: Vec<String>,
}

/// The sums so far.
#[derive(Default)]
pub(super) struct Account {
    session: Option<String>,
    delegation: Option<String>,
    start: Option<Start>,
    close: Option<Close>,
    /// Whether a line other than a recovery followed the close receipt.
    after_close: bool,
    scopes: BTreeSet<String>,
    unknown_scope: Option<String>,
    without_scope: u64,
    granted: [u64; Kind::ALL.len()],
    refused: [u64; Kind::ALL.len()],
    unenforced: u64,
    /// How often somebody changed what keeps the session governed, and how often that may have left acts unjudged.
    interferences: u64,
    unjudged: u64,
    directory_reads: u64,
    next_sequence: u64,
    gaps: Ranges,
    losses: Ranges,
    order: Option<String>,
}

/// What the start receipt says.
pub(super) struct Start {
    key: String,
    pub(super) delegation_sha256: String,
    pub(super) wall: String,
    boot_id: String,
    enforcement: String,
    missing: Vec<String>,
    counts_on_full: bool,
    records_only: bool,
}

struct Close {
    boot_id: String,
    armed: bool,
    granted: [u64; Kind::ALL.len()],
    refused: [u64; Kind::ALL.len()],
    counted_reads: u64,
    lost: u64,
    sequence: u64,
}

impl Account {
    pub(super) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.start.as_ref().map(|start| start.key.as_str())
    }

    pub(super) fn start(&self) -> Option<&Start> {
        self.start.as_ref()
    }

    pub(super) fn delegation(&self) -> Option<&str> {
        self.delegation.as_deref()
    }

    /// Takes the line with this number.
    pub(super) fn take(&mut self, line: &[u8], index: u64) -> Result<(), String> {
        let receipt = canonical::parse(line).map_err(|error| error.to_string())?;
        if number(&receipt, "v")? != FORMAT {
            return Err(format!("its form is not version {FORMAT}: verify it with the gov that wrote it"));
        }
        let found = number(&receipt, "index")?;
        if found != index {
            return Err(format!("it is numbered {found} and stands at {index}"));
        }
        same(&mut self.session, text(&receipt, "session")?, "session")?;
        same(&mut self.delegation, text(&receipt, "delegation")?, "delegation")?;
        let kind = text(&receipt, "kind")?;
        if (kind == "start") != (index == 0) {
            return Err("the start receipt is the first line, and only the first".to_owned());
        }
        if self.close.is_some() && kind == "recovered" {
            self.close = None;
        }
        self.after_close |= self.close.is_some();
        match kind {
            "decision" => self.decision(&receipt).and_then(|()| self.sequence(&receipt)),
            "directory" | "executed" | "armed" | "budget" | "break" => self.sequence(&receipt),
            "start" => self.starts(&receipt),
            "policy-changed" => self.policy(&receipt),
            "reads" => {
                self.directory_reads = self.directory_reads.saturating_add(number(&receipt, "count")?);
                Ok(())
            }
            "loss" => self.losses.add(number(&receipt, "first")?, number(&receipt, "count")?),
            "close" => self.closes(&receipt),
            "interference" => {
                text(&receipt, "what")?;
                self.interferences = self.interferences.saturating_add(1);
                let unjudged = u64::from(receipt.field("enforced").is_some());
                self.unjudged = self.unjudged.saturating_add(unjudged);
                Ok(())
            }
            "cut" | "resumed" | "recovered" | "artifacts" => Ok(()),
            other => Err(format!("its kind `{other}` is unknown")),
        }
    }

    fn decision(&mut self, receipt: &Value<'_>) -> Result<(), String> {
        let class = text(receipt, "class")?;
        let place = Kind::ALL.iter().position(|kind| kind.name() == class).ok_or("its class is unknown")?;
        let totals = match text(receipt, "verdict")? {
            "allow" => {
                match receipt.field("scope").map(|scope| scope.text().unwrap_or_default()) {
                    None => self.without_scope = self.without_scope.saturating_add(1),
                    Some(scope) if self.scopes.contains(scope) => {}
                    Some(scope) => {
                        self.unknown_scope.get_or_insert_with(|| scope.to_owned());
                    }
                }
                &mut self.granted
            }
            "deny" => {
                if receipt.field("enforced").is_some() {
                    self.unenforced = self.unenforced.saturating_add(1);
                }
                &mut self.refused
            }
            _other => return Err("its verdict is neither `allow` nor `deny`".to_owned()),
        };
        if let Some(total) = totals.get_mut(place) {
            *total = total.saturating_add(1);
        }
        Ok(())
    }

    fn sequence(&mut self, receipt: &Value<'_>) -> Result<(), String> {
        let sequence = number(receipt, "sequence")?;
        match sequence.checked_sub(self.next_sequence) {
            Some(0) => {}
            Some(missing) => self.gaps.add(self.next_sequence, missing)?,
            None => {
                self.order.get_or_insert(format!(
                    "event {sequence} comes after event {}",
                    self.next_sequence.saturating_sub(1)
                ));
                return Ok(());
            }
        }
        self.next_sequence = sequence.saturating_add(1);
        Ok(())
    }

    fn starts(&mut self, receipt: &Value<'_>) -> Result<(), String> {
        let enforcement = receipt.field("enforcement").ok_or("it says nothing of enforcement")?;
        let missing = enforcement.field("missing").map_or(&[][..], |missing| missing.elements());
        self.start = Some(Start {
            key: text(receipt, "key")?.to_owned(),
            delegation_sha256: text(receipt, "delegation_sha256")?.to_owned(),
            wall: text(receipt, "wall")?.to_owned(),
            boot_id: text(receipt, "boot_id")?.to_owned(),
            enforcement: text(enforcement, "status")?.to_owned(),
            missing: missing.iter().filter_map(|lack| lack.text().map(str::to_owned)).collect(),
            counts_on_full: text(receipt, "on_full")? != "refuse",
            records_only: text(receipt, "mode")? != "enforce",
        });
        self.policy(receipt)
    }

    fn policy(&mut self, receipt: &Value<'_>) -> Result<(), String> {
        let scopes = receipt.field("scopes").ok_or("it has no scopes")?.elements();
        self.scopes = scopes.iter().filter_map(|scope| scope.text().map(str::to_owned)).collect();
        Ok(())
    }

    fn closes(&mut self, receipt: &Value<'_>) -> Result<(), String> {
        let counters = receipt.field("counters").ok_or("it has no counters")?;
        let totals = |name: &str| -> Result<[u64; Kind::ALL.len()], String> {
            let totals = counters.field(name).ok_or_else(|| format!("it does not count what was {name}"))?;
            let mut sums = [0; Kind::ALL.len()];
            for (sum, kind) in sums.iter_mut().zip(Kind::ALL) {
                *sum = number(totals, kind.name())?;
            }
            Ok(sums)
        };
        self.close = Some(Close {
            boot_id: text(receipt, "boot_id")?.to_owned(),
            armed: text(receipt, "armed")? != "0",
            granted: totals("granted")?,
            refused: totals("refused")?,
            counted_reads: number(counters, "counted_reads")?,
            lost: number(counters, "lost")?,
            sequence: number(counters, "sequence")?,
        });
        Ok(())
    }
}

fn text<'a>(receipt: &'a Value<'_>, name: &str) -> Result<&'a str, String> {
    receipt.field(name).and_then(Value::text).ok_or_else(|| format!("it has no text `{name}`"))
}

fn number(receipt: &Value<'_>, name: &str) -> Result<u64, String> {
    receipt.field(name).and_then(Value::number).ok_or_else(|| format!("it has no number `{name}`"))
}

/// Holds `found` against what the lines before said.
fn same(known: &mut Option<String>, found: &str, what: &str) -> Result<(), String> {
    match known {
        Some(known) if known == found => Ok(()),
        Some(known) => Err(format!("its {what} is `{found}`, the lines before say `{known}`")),
        None => {
            *known = Some(found.to_owned());
            Ok(())
        }
    }
}
