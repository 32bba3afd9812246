//! Adds up what a log's receipts say, in their order.

mod judge;

use std::collections::BTreeSet;

use gov_common::abi::Kind;
use serde::Serialize;

use super::chunk::{Events, Step};
use super::ends::{Close, Start};
use super::ranges::Ranges;

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
    /// Refusals that were counted.
    pub counted_refusals: u64,
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
    /// How often the wall clock was set.
    clock_steps: u64,
    directory_reads: u64,
    repeated: [u64; Kind::ALL.len()],
    next_sequence: u64,
    gaps: Ranges,
    losses: Ranges,
    order: Option<String>,
}

impl Account {
    pub(super) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    pub(super) fn start(&self) -> Option<&Start> {
        self.start.as_ref()
    }

    pub(super) fn delegation(&self) -> Option<&str> {
        self.delegation.as_deref()
    }

    /// Takes what the next lines say.
    pub(super) fn take(&mut self, step: Step) -> Result<(), String> {
        if let Step::Of { session, delegation } = step {
            same(&mut self.session, session, "session")?;
            return same(&mut self.delegation, delegation, "delegation");
        }
        if self.close.is_some() && matches!(step, Step::Recovered) {
            self.close = None;
        }
        self.after_close |= self.close.is_some();
        match step {
            Step::Events(events) => self.events(events)?,
            Step::Start(start, scopes) => (self.start, self.scopes) = (Some(*start), scopes),
            Step::Policy(scopes) => self.scopes = scopes,
            Step::Reads(count) => self.directory_reads = self.directory_reads.saturating_add(count),
            Step::Repeated { class, count } => {
                if let Some(sum) = self.repeated.get_mut(class) {
                    *sum = sum.saturating_add(count);
                }
            }
            Step::Loss { first, count } => self.losses.add(first, count)?,
            Step::Interference { unjudged } => {
                self.interferences = self.interferences.saturating_add(1);
                self.unjudged = self.unjudged.saturating_add(u64::from(unjudged));
            }
            Step::Clock => self.clock_steps = self.clock_steps.saturating_add(1),
            Step::Close(close) => self.close = Some(*close),
            Step::Of { .. } | Step::Recovered | Step::Told => {}
        }
        Ok(())
    }

    fn events(&mut self, events: Events) -> Result<(), String> {
        add(&mut self.granted, &events.granted);
        add(&mut self.refused, &events.refused);
        self.unenforced = self.unenforced.saturating_add(events.unenforced);
        self.without_scope = self.without_scope.saturating_add(events.without_scope);
        if self.unknown_scope.is_none() {
            self.unknown_scope = events.scopes.into_iter().find(|scope| !self.scopes.contains(scope));
        }
        match events.first.checked_sub(self.next_sequence) {
            Some(0) => {}
            Some(missing) => self.gaps.add(self.next_sequence, missing)?,
            None => {
                let last = self.next_sequence.saturating_sub(1);
                self.order.get_or_insert(format!("event {} comes after event {last}", events.first));
            }
        }
        self.next_sequence = self.next_sequence.max(events.first.saturating_add(events.count));
        Ok(())
    }
}

fn add(sums: &mut [u64; Kind::ALL.len()], more: &[u64; Kind::ALL.len()]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = sum.saturating_add(*more);
    }
}

/// Holds `found` against what the lines before said.
fn same(known: &mut Option<String>, found: String, what: &str) -> Result<(), String> {
    match known {
        Some(known) if *known == found => Ok(()),
        Some(known) => Err(format!("its {what} is `{found}`, the lines before say `{known}`")),
        None => {
            *known = Some(found);
            Ok(())
        }
    }
}
