//! The facts of a session's life that the daemon receipts: how it started, what it lost, how it ended.

use std::collections::BTreeMap;

use serde::Serialize;

use gov_common::abi::{Kind, State};
use gov_common::limits::Budget;

use super::artifacts::Artifacts;
use super::clock::Clock;
use super::count::Count;

/// A receipt that is not one kernel event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fact {
    /// The session began; always the first line.
    Start(Box<Start>),
    /// How often files of one directory were read, at the end.
    Reads(Reads),
    /// Kernel events that never arrived.
    Loss(Loss),
    /// Everything is refused from now on.
    Cut(Cut),
    /// Somebody changed what keeps the session governed.
    Interference(Interference),
    /// The host's wall clock was set.
    Clock(Clock),
    /// The session goes on after its circuit was open.
    Resumed(Resumed),
    /// The log was taken up again after the daemon stopped without closing it.
    Recovered(Recovered),
    /// Another policy holds from now on.
    PolicyChanged(PolicyChanged),
    /// What the session's files were at its end.
    Artifacts(Artifacts),
    /// The session ended; always the last line.
    Close(Box<Close>),
}

/// How a session began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Start {
    /// The kernel's boot id: which boot the boot clock counts from.
    pub boot_id: String,
    /// What was asked to be run, if gov ran it.
    pub command: Vec<String>,
    /// SHA-256 of the delegation's bytes as they came, in hexadecimal.
    pub delegation_sha256: String,
    /// Who is delegated to, as the delegation names it.
    pub delegated_to: String,
    /// What is enforced.
    pub enforcement: EnforcementFacts,
    /// When the delegation's time is over, RFC 3339.
    pub expires: String,
    /// gov's version.
    pub gov: String,
    /// Where it ran.
    pub host: HostFacts,
    /// The public key that signs this log, in hexadecimal.
    pub key: String,
    /// `enforce`, or `record` when nothing is refused.
    pub mode: &'static str,
    /// The session's number in the kernel.
    pub number: Count,
    /// `refuse` or `count`: what becomes of a decision that cannot be recorded.
    pub on_full: &'static str,
    /// The session that it lies in, if it lies in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The compiled policy's SHA-256 in hexadecimal.
    pub policy: String,
    /// `count` or `record`: how granted reads are receipted.
    pub reads: &'static str,
    /// The compiled policy's scopes.
    pub scopes: Vec<String>,
    /// What may be spent, as text with its unit.
    pub spend_limit: String,
    /// Whose session: user id.
    pub uid: u32,
}

/// What the kernel enforces for the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnforcementFacts {
    /// Since when the programs are attached, boot clock nanoseconds as text.
    pub attached: String,
    /// The programs.
    pub hooks: Vec<HookFacts>,
    /// What is missing for `full`, in words.
    pub missing: Vec<String>,
    /// `full`, `partial` or `none`.
    pub status: &'static str,
}

/// One attached program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookFacts {
    /// The hook.
    pub name: String,
    /// The kernel's tag of the loaded program, in hexadecimal.
    pub tag: String,
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostFacts {
    /// Kernel release.
    pub kernel: String,
    /// Machine type.
    pub machine: String,
    /// Host name.
    pub name: String,
}

/// Counted reads in one directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reads {
    /// How many.
    pub count: Count,
    /// The directory's device, `major:minor`.
    pub device: String,
    /// The directory's inode number. Its path stands in the `directory` receipt with the same device and inode.
    pub inode: Count,
}

impl Reads {
    /// From the kernel's count.
    pub fn new(key: &gov_common::abi::ReadKey, count: u64) -> Self {
        Self { count: Count(count), device: super::decision::device(key.device), inode: Count(key.inode) }
    }
}

/// A range of sequence numbers whose events the ring had no room for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// How many.
    pub count: Count,
    /// The first of them.
    pub first: Count,
}

/// Why everything is refused from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// The [`gov_common::verdict::Reason`]'s name: `expired`, `revoked`, `exhausted`, `circuit-open` or
    /// `cut-off`.
    pub reason: &'static str,
    /// Who or what did it, in words.
    pub detail: String,
}

/// A change of what keeps a session governed, by somebody who is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interference {
    /// `false` if something may have gone unjudged; absent if everything was judged all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforced: Option<bool>,
    /// When all was last seen to be as it was left, boot clock nanoseconds as text.
    pub since: String,
    /// What was changed, and what became of it, in words.
    pub what: String,
}

/// How a session goes on after its circuit was open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resumed {
    /// Since when its processes stood still, boot clock nanoseconds as text.
    pub since: String,
}

/// How a log was taken up again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recovered {
    /// Lines that the last checkpoint covered.
    pub covered: Count,
    /// Whole lines found, the covered ones among them.
    pub found: Count,
    /// Bytes of a torn last line, moved to the file `torn`.
    pub torn: Count,
}

/// Another policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyChanged {
    /// Its SHA-256 in hexadecimal.
    pub policy: String,
    /// Its scopes.
    pub scopes: Vec<String>,
}

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

/// A fact with what every receipt carries.
#[derive(Serialize)]
pub(super) struct Envelope<'a> {
    pub(super) boot: String,
    pub(super) delegation: &'a str,
    pub(super) index: u64,
    pub(super) session: &'a str,
    pub(super) v: u64,
    pub(super) wall: String,
    #[serde(flatten)]
    pub(super) fact: &'a Fact,
}
