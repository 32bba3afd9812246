//! Receipts: one line of canonical JSON for each decision of the kernel and each fact of a session's life.
//!
//! docs/receipts.md describes every field and docs/receipt.schema.json is its schema. A line is written once and
//! its bytes are what the log's tree hashes; nothing is ever serialised again to be checked.

mod about;
mod artifacts;
mod clock;
mod close;
mod count;
mod decision;
mod fact;
mod remedy;

use crate::canonical::quoted;
use crate::clock::{Offset, rfc3339};
use crate::event::Event;
use crate::scope::Scope;

pub use artifacts::{Artifact, ArtifactState, Artifacts, Change, Others, Owner};
pub use clock::Clock;
pub use close::{Close, Counters, Ending, Totals};
pub use count::Count;
pub use fact::{
    Cut, EnforcementFacts, Fact, HookFacts, HostFacts, Interference, Loss, PolicyChanged, Reads, Recovered,
    Repeated, Resumed, Start,
};
pub use remedy::remedy;

/// The version of the receipt's form; a reader refuses another.
pub const FORMAT: u64 = 3;

/// What every receipt of a session needs to know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// The session's name: `[a-z0-9-]{1,64}`.
    pub session: String,
    /// The id of the delegation at work.
    pub delegation_id: String,
    /// The compiled policy's scopes by index, as receipts show them.
    pub scopes: Vec<String>,
}

/// What a receipt tells.
#[derive(Clone, Copy, Debug)]
pub enum Receipt<'a> {
    /// What the kernel recorded.
    Event(&'a Event),
    /// What the daemon did or found.
    Fact(&'a Fact),
}

/// Writes a session's receipts.
#[derive(Clone, Debug)]
pub struct Encoder {
    facts: SessionFacts,
    /// The delegation's id and the session's name, which stand in each receipt, as they are written there.
    delegation: Vec<u8>,
    session: Vec<u8>,
    granted: Vec<Scope>,
    offset: Offset,
    wall: WallText,
}

impl Encoder {
    /// For this session, with the clocks as they stand now.
    pub fn new(facts: SessionFacts) -> Self {
        let granted = facts.scopes.iter().filter_map(|scope| Scope::parse(scope.as_bytes()).ok()).collect();
        let (delegation, session) = (quoted(&facts.delegation_id), quoted(&facts.session));
        Self { facts, delegation, session, granted, offset: Offset::sample(), wall: WallText::default() }
    }

    /// The session that it writes for.
    pub fn facts(&self) -> &SessionFacts {
        &self.facts
    }

    /// Uses the scopes of another policy from now on.
    pub fn set_scopes(&mut self, scopes: Vec<String>) {
        *self = Self { offset: self.offset, ..Self::new(SessionFacts { scopes, ..self.facts.clone() }) };
    }

    /// Sets how far the wall clock is ahead of the boot clock; sample it with each batch.
    pub fn set_offset(&mut self, offset: Offset) {
        self.offset = offset;
    }

    /// Appends the receipt as line `index` to `out`, without a newline.
    ///
    /// # Errors
    /// If a fact cannot be written as JSON, with the serialiser's words.
    pub fn write(&mut self, receipt: Receipt<'_>, index: u64, out: &mut Vec<u8>) -> Result<(), String> {
        match receipt {
            Receipt::Event(event) => {
                self.wall.show(self.offset.wall_ns(event.time_ns));
                decision::write(event, self, index, out);
                Ok(())
            }
            Receipt::Fact(fact) => {
                let boot_ns = crate::clock::boot_ns();
                let envelope = fact::Envelope {
                    boot: boot_ns.to_string(),
                    delegation: &self.facts.delegation_id,
                    index,
                    session: &self.facts.session,
                    v: FORMAT,
                    wall: rfc3339(self.offset.wall_ns(boot_ns)),
                    fact,
                };
                let line = serde_json_canonicalizer::to_vec(&envelope).map_err(|error| error.to_string())?;
                out.extend_from_slice(&line);
                Ok(())
            }
        }
    }
}

/// The last wall time as text: within one second only the digits after the point change.
#[derive(Clone, Debug, Default)]
struct WallText {
    second: Option<i64>,
    text: String,
}

impl WallText {
    /// Bytes up to and with the point.
    const WHOLE: usize = "1970-01-01T00:00:00.".len();

    fn show(&mut self, wall_ns: i64) {
        let second = wall_ns.div_euclid(1_000_000_000);
        if self.second == Some(second) {
            self.text.truncate(Self::WHOLE);
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(wall_ns.rem_euclid(1_000_000_000));
            self.text.extend(std::iter::repeat_n('0', 9_usize.saturating_sub(digits.len())));
            self.text.push_str(digits);
            self.text.push('Z');
        } else {
            (self.second, self.text) = (Some(second), rfc3339(wall_ns));
        }
    }
}

#[cfg(test)]
mod tests;
