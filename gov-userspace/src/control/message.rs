//! The messages of the control protocol, member by member as they stand on the wire.

use serde::{Deserialize, Serialize};

/// A line from a client.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// [`super::VERSION`].
    pub version: u32,
    /// What is asked.
    pub request: Request,
}

/// What may be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Who is there, and what does it enforce?
    Status {},
    /// Govern the process whose pidfd comes with this line.
    Start(Start),
    /// Which sessions are there? Root is told all, others their own.
    List {},
    /// What is known of one session?
    Info(Named),
    /// Answer when the session is closed, or when the time is over.
    Wait(Wait),
    /// End the session: root or its owner may.
    End(End),
    /// Have a new key sign the logs of sessions that begin from here on: root may.
    RotateLogKey {},
}

/// A request to govern a process that waits to execute its command.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The signed delegation's chain from its root on, each the very bytes that were signed over.
    pub delegations: Vec<String>,
    /// What will be executed, for people to read; the kernel records what was.
    pub command: Vec<String>,
    /// The working folder of the process, for people to read.
    pub folder: String,
    /// The first part of the session's name.
    pub name: String,
    /// Record each read, not only the first in a directory.
    pub record_reads: bool,
    /// End the session when this connection closes.
    pub end_with_connection: bool,
}

/// A session by name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its name.
    pub session: String,
}

/// A session to be ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// Its name.
    pub session: String,
    /// Withdraw its authority: its processes stand still from here on and are killed, and are not asked first.
    pub now: bool,
}

/// How long to wait for a session's end.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// Its name.
    pub session: String,
    /// At most so long; the daemon allows 60,000.
    pub milliseconds: u32,
}

/// A line from the daemon.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// [`super::VERSION`].
    pub version: u32,
    /// What is answered.
    pub reply: Reply,
}

/// What may be answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reply {
    /// To `status`.
    Status(Status),
    /// To `start`: the process is in its session's cgroup, and its next execve is governed.
    Started(Started),
    /// To `list`, by name.
    Sessions(Vec<SessionView>),
    /// To `info`, `wait` and `end`.
    Session(SessionView),
    /// To `rotate-log-key`.
    Rotated(Rotated),
    /// To anything that was not done.
    Refused(Refusal),
}

/// The daemon and what it enforces.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The daemon's version.
    pub daemon: String,
    /// `full`, `partial` or `none`.
    pub enforcement: String,
    /// What is missing when it is not `full`.
    pub missing: Vec<String>,
    /// The kernel's release.
    pub kernel: String,
    /// This boot's id.
    pub boot_id: String,
    /// Attached programs.
    pub hooks: Vec<HookView>,
    /// Sessions that are not closed.
    pub sessions: u32,
    /// The public key that signs the logs, in lowercase hex.
    pub log_key: String,
}

/// One attached program.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookView {
    /// The LSM hook.
    pub hook: String,
    /// The kernel's tag of the program (a hash of its instructions), in hex.
    pub tag: String,
    /// Whether it is attached.
    pub attached: bool,
}

/// A session that began.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// Its name.
    pub session: String,
    /// The delegation's id.
    pub delegation_id: String,
    /// The folder that the command gets as TMPDIR.
    pub temporary_folder: String,
}

/// A session as `gov ps` shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionView {
    /// Its name.
    pub session: String,
    /// Whose it is.
    pub uid: u32,
    /// What was started.
    pub command: Vec<String>,
    /// Where it stands.
    pub state: Stage,
    /// Why it ended or ends; absent while it runs.
    pub ended: Option<Ended>,
    /// The delegation's id.
    pub delegation_id: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// When its delegation ends, RFC 3339.
    pub expires: String,
    /// Decisions of the kernel so far.
    pub decisions: u64,
    /// Those that refused.
    pub refused: u64,
    /// Events that the ring had no room for.
    pub lost: u64,
    /// Receipts in its log.
    pub receipts: u64,
    /// Processes in its cgroup, those of sessions within it among them.
    pub processes: u32,
    /// The session that it lies in, if it lies in one.
    pub parent: Option<String>,
    /// How far the hashing of what it left behind is; absent before and after.
    pub hashing: Option<Hashing>,
}

/// How far the hashing of files is. What there is to hash is 0 until all of them were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hashing {
    /// Bytes that are hashed.
    pub bytes: u64,
    /// Of so many.
    pub of_bytes: u64,
    /// Files that are hashed.
    pub files: u64,
    /// Of so many.
    pub of_files: u64,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Its processes run.
    Running,
    /// Its processes stand still until its circuit breaker's cooldown is over.
    Frozen,
    /// Its processes are being ended.
    Ending,
    /// Its log is closed.
    Closed,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Its last process left.
    Completed,
    /// Its delegation expired.
    Expired,
    /// Its authority was withdrawn.
    Revoked,
    /// The refusals that its delegation suffers are spent.
    Exhausted,
    /// Its circuit breaker opened for good.
    CircuitOpen,
    /// Its owner or root ended it.
    EndedByUser,
    /// Its log could not be written.
    LogFailed,
    /// Somebody took its enforcement away, and it could not be put back.
    NotEnforced,
    /// The daemon stopped.
    DaemonStopped,
    /// The session that it lies in was ended.
    ParentEnded,
}

impl Ended {
    /// The name in receipts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Exhausted => "exhausted",
            Self::CircuitOpen => "circuit-open",
            Self::EndedByUser => "ended-by-user",
            Self::LogFailed => "log-failed",
            Self::NotEnforced => "not-enforced",
            Self::DaemonStopped => "daemon-stopped",
            Self::ParentEnded => "parent-ended",
        }
    }
}

/// Which key follows which, in lowercase hex.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotated {
    /// The key that gave way; sessions that run keep it to their end.
    pub old: String,
    /// The key that signs the logs of sessions that begin.
    pub new: String,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The status that `gov` exits with (docs/exit-codes.md).
    pub code: u8,
    /// What was not done.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do about it.
    pub remedy: Option<String>,
}
