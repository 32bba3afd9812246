//! The end of a session, with the kernel's own counts.

use std::collections::BTreeMap;

use gov_common::abi::{Kind, State};
use gov_common::limits::Budget;
use serde::Serialize;

use super::count::Count;
use super::fact::EnforcementFacts;

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Close {
    /// When enforcement began, boot clock nanoseconds as text; `0` if it never did.
    pub armed: String,
    /// The kernel's boot id now: another than at the start means that the counters are not of this boot.
    pub boot_id: String,
    /// The kernel's own counts.
    pub counters: Counters,
    /// How and why it ended.
    pub ending: Ending,
    /// What was enforced at the end.
    pub enforcement: EnforcementFacts,
    /// The policy's SHA-256 at the end, in hexadecimal.
    pub policy: String,
}

/// The kernel's counts of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Granted reads that have no receipt each.
    pub counted_reads: Count,
    /// Refusals that have no receipt each.
    pub counted_refusals: Count,
    /// Decisions granted.
    pub granted: Totals,
    /// Events that the ring had no room for.
    pub lost: Count,
    /// Capabilities that were asked for and missing where the kernel itself wants no record of the question.
    pub probes: Count,
    /// Decisions refused.
    pub refused: Totals,
    /// Events numbered: one more than the last sequence number.
    pub sequence: Count,
    /// What was used of each budget that the kernel counted something against, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub used: BTreeMap<&'static str, Count>,
}

impl From<&State> for Counters {
    fn from(state: &State) -> Self {
        let used = Budget::ALL.into_iter().zip(state.used).map(|(budget, used)| (budget.name(), Count(used)));
        Self {
            counted_reads: Count(state.counted_reads),
            counted_refusals: Count(state.counted_refusals),
            granted: Totals::new(&state.granted),
            lost: Count(state.lost),
            probes: Count(state.probes),
            refused: Totals::new(&state.refused),
            sequence: Count(state.sequence),
            used: used.filter(|(_, count)| *count != Count(0)).collect(),
        }
    }
}

/// Decisions by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Connecting and sending.
    pub connect: Count,
    /// Executing and mapping code.
    pub execute: Count,
    /// Everything else.
    pub other: Count,
    /// Reading.
    pub read: Count,
    /// Writing and changing the tree.
    pub write: Count,
}

impl Totals {
    fn new(counters: &[u64; Kind::ALL.len()]) -> Self {
        let [read, write, execute, connect, other] = counters.map(Count);
        Self { connect, execute, other, read, write }
    }
}

/// How and why a session ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// `exited`, `expired`, `revoked`, `exhausted`, `circuit-open`, `cut-off`, `ended` (asked for) or `recovered` (the host restarted).
    pub reason: String,
    /// The command's exit status, if it exited and gov saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<i32>,
    /// The signal that killed the command, if one did and gov saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
}
