//! The facts of a session's life that the daemon receipts: how it started, what it lost, how it ended.

use serde::Serialize;

use gov_common::action::Action;
use gov_common::repeated::{ANY_OBJECT, Refusal, RefusalKey};
use gov_common::verdict::Reason;

use super::artifacts::Artifacts;
use super::clock::Clock;
use super::close::Close;
use super::count::Count;

/// A receipt that is not one kernel event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fact {
    /// The session began; always the first line.
    Start(Box<Start>),
    /// How often files of one directory were read, at the end.
    Reads(Reads),
    /// Refusals that have no receipt each, at the end.
    Repeated(Repeated),
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

/// Counted refusals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repeated {
    /// What was refused.
    pub action: &'static str,
    /// `object`: the same act on the same object. `action`: any object, after many different ones.
    pub alike: &'static str,
    /// The class of the action.
    pub class: &'static str,
    /// How many.
    pub count: Count,
    /// The sequence number of the last refusal of this kind that has a receipt of its own.
    pub last: Count,
    /// Why it was refused.
    pub reason: &'static str,
}

impl Repeated {
    /// From the kernel's count; `None` if it counts nothing, or what this version does not know.
    pub fn new(key: &RefusalKey, refusal: &Refusal) -> Option<Self> {
        let action = Action::from_number(key.action).filter(|_| refusal.counted > 0)?;
        Some(Self {
            action: action.name(),
            alike: if key.wanted == ANY_OBJECT { "action" } else { "object" },
            class: action.kind().name(),
            count: Count(refusal.counted),
            last: Count(refusal.last),
            reason: Reason::from_number(key.reason)?.name(),
        })
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
