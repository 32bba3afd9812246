//! The outcome of one decision: what was decided, why, and which errno says so.

/// Why a decision came out as it did. The numbers are part of the ABI; a new reason takes a new number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// A scope of the delegation grants it.
    Granted = 0,
    /// No scope of the delegation grants it.
    OutOfScope = 1,
    /// The delegation's time is over.
    Expired = 2,
    /// The delegation, or one above it, was revoked.
    Revoked = 3,
    /// A budget is spent.
    Exhausted = 4,
    /// The daemon cut the session off.
    CutOff = 5,
    /// The decision could not be recorded: no receipt, no action.
    NoRoomToRecord = 6,
    /// The object lies deeper than the walk goes ([`crate::policy::MAX_DEPTH`]).
    TooDeep = 7,
    /// A kernel structure on the object's path could not be read.
    Unreadable = 8,
    /// The tree was being renamed while it was walked, on every attempt.
    RenameRace = 9,
    /// The object's mount is not one of the mount namespace that the session was armed in.
    ForeignMount = 10,
    /// The address family is not one that gov can judge.
    UnknownFamily = 11,
    /// A shell, and neither `shell:arbitrary` nor a `code:execute` of that very file is granted.
    ShellNotGranted = 12,
    /// Leaving the session's cgroup, by whatever road.
    CgroupEscape = 13,
    /// Executing memory or a deleted file, which no path grants.
    AnonymousExecution = 14,
    /// The act changes the ground that enforcement stands on (mounts, tracing, programs) and is never granted here.
    Ground = 15,
    /// More sessions lie above the task than the kernel object judges ([`crate::abi::MAX_NESTING`]).
    TooNested = 16,
    /// More was refused than the delegation suffers, and the session is cut off for a while.
    CircuitOpen = 17,
    /// A program file that would give its caller another user's or group's rights, or capabilities.
    PrivilegeGain = 18,
}

impl Reason {
    /// Every reason, for tables and tests.
    pub const ALL: [Self; 19] = [
        Self::Granted,
        Self::OutOfScope,
        Self::Expired,
        Self::Revoked,
        Self::Exhausted,
        Self::CutOff,
        Self::NoRoomToRecord,
        Self::TooDeep,
        Self::Unreadable,
        Self::RenameRace,
        Self::ForeignMount,
        Self::UnknownFamily,
        Self::ShellNotGranted,
        Self::CgroupEscape,
        Self::AnonymousExecution,
        Self::Ground,
        Self::TooNested,
        Self::CircuitOpen,
        Self::PrivilegeGain,
    ];

    /// The reason with this number.
    #[inline(always)]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// The errno that a refusal for this reason answers with (0 for [`Reason::Granted`]): the agent that prints
    /// `strerror` tells its user the truth.
    #[inline(always)]
    pub const fn errno(self) -> i32 {
        match self {
            Self::Granted => 0,
            Self::Expired => EKEYEXPIRED,
            Self::Revoked => EKEYREVOKED,
            Self::Exhausted | Self::CircuitOpen => EDQUOT,
            Self::NoRoomToRecord => EAGAIN,
            Self::CutOff
            | Self::OutOfScope
            | Self::TooDeep
            | Self::Unreadable
            | Self::RenameRace
            | Self::ForeignMount
            | Self::UnknownFamily
            | Self::ShellNotGranted
            | Self::CgroupEscape
            | Self::AnonymousExecution
            | Self::Ground
            | Self::TooNested
            | Self::PrivilegeGain => EACCES,
        }
    }

    /// The name in receipts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::OutOfScope => "out-of-scope",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Exhausted => "exhausted",
            Self::CutOff => "cut-off",
            Self::NoRoomToRecord => "no-room-to-record",
            Self::TooDeep => "too-deep",
            Self::Unreadable => "unreadable",
            Self::RenameRace => "rename-race",
            Self::ForeignMount => "foreign-mount",
            Self::UnknownFamily => "unknown-family",
            Self::ShellNotGranted => "shell-not-granted",
            Self::CgroupEscape => "cgroup-escape",
            Self::AnonymousExecution => "anonymous-execution",
            Self::Ground => "ground",
            Self::TooNested => "too-nested",
            Self::CircuitOpen => "circuit-open",
            Self::PrivilegeGain => "privilege-gain",
        }
    }
}

/// Resource temporarily unavailable.
pub const EAGAIN: i32 = 11;
/// Permission denied.
pub const EACCES: i32 = 13;
/// Disk quota exceeded.
pub const EDQUOT: i32 = 122;
/// Key has expired.
pub const EKEYEXPIRED: i32 = 127;
/// Key has been revoked.
pub const EKEYREVOKED: i32 = 128;

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn every_reason_is_found_by_its_number_and_only_granting_has_no_errno() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
            assert_eq!(Reason::from_number(reason as u8), Some(reason));
            assert_eq!(reason.errno() == 0, reason == Reason::Granted);
        }
        assert_eq!(Reason::from_number(Reason::ALL.len() as u8), None);
    }
}
