//! The acts that hooks judge and record.

use crate::abi::Kind;

/// What was attempted. The numbers are part of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Action {
    /// A file or directory opened for reading (`file_open`).
    Read = 0,
    /// The first counted read in a directory: the object is the directory.
    ReadDirectory = 1,
    /// A file opened for writing, appending or truncation (`file_open`).
    Write = 2,
    /// A file created (`path_mknod`).
    Create = 3,
    /// A directory created (`path_mkdir`).
    CreateDirectory = 4,
    /// A symbolic link created (`path_symlink`); extra: its target, as written.
    CreateSymlink = 5,
    /// A hard link created (`path_link`); the object is the existing file, extra the new path.
    Link = 6,
    /// A name removed (`path_unlink`).
    Unlink = 7,
    /// A directory removed (`path_rmdir`).
    RemoveDirectory = 8,
    /// A name moved (`path_rename`); the object is the old path, extra the new one.
    Rename = 9,
    /// A file cut or lengthened (`path_truncate`, `file_truncate`).
    Truncate = 10,
    /// Mode bits changed (`path_chmod`).
    ChangeMode = 11,
    /// Owner changed (`path_chown`).
    ChangeOwner = 12,
    /// Times set (`inode_setattr`).
    ChangeTimes = 13,
    /// Extended attributes or an access list changed.
    ChangeAttributes = 14,
    /// A program file to be executed, or a step of its interpreter chain (`bprm_check_security`).
    Execute = 15,
    /// An execution that took place (`sched_process_exec`); extra: its arguments. Not a decision.
    Executed = 16,
    /// A file's code mapped (`mmap_file`, `file_mprotect`).
    MapCode = 17,
    /// A connection to an address (`socket_connect`).
    Connect = 18,
    /// A message to an address on an unconnected socket (`socket_sendmsg`).
    Send = 19,
    /// A task started into another cgroup (`task_alloc`), or a write to a cgroup file system.
    LeaveCgroup = 20,
    /// Enforcement began (`bprm_check_security` of a session that arms at exec). Not a decision.
    Armed = 21,
    /// Tracing or reading another process's memory (`ptrace_access_check`).
    Trace = 22,
    /// Changing mounts (`sb_mount` and its kin).
    Mount = 23,
    /// Using bpf(2), loading modules and the like.
    Ground = 24,
    /// A socket of a family that cannot be judged (`socket_create`).
    CreateSocket = 25,
    /// A connection or message to a Unix socket.
    ConnectUnix = 26,
    /// A signal to a process outside the session (`task_kill`), or a file told to send one (`file_fcntl`,
    /// `file_ioctl`).
    Signal = 27,
    /// Keystrokes for whoever reads a terminal, or another terminal for all who have it (`file_ioctl`).
    Type = 28,
    /// Another process's limits or scheduling (`task_setrlimit` and its kin).
    Limit = 29,
    /// A file received from another process (`file_receive`).
    Receive = 30,
    /// A socket bound to an own address and port (`socket_bind`).
    Bind = 31,
    /// A socket that begins to listen (`socket_listen`).
    Listen = 32,
    /// A capability used (`capable`); the detail is its number.
    Capability = 33,
    /// A System V IPC object that was made outside the session (`ipc_permission`).
    Ipc = 34,
    /// A program file that changes its caller's user, group or capabilities (`bprm_creds_from_file`).
    GainPrivilege = 35,
    /// A process started (`task_alloc`), where a session limits how many.
    Fork = 36,
    /// A budget at four fifths or at its end; the detail is its [`crate::limits::Budget`], the target how much of it is
    /// used. Not a decision.
    Budget = 37,
    /// Too much was refused and the session is cut off; the target is for how many seconds, 0 for good. Not a decision.
    Break = 38,
}

impl Action {
    /// Every action, in the order of its number.
    pub const ALL: [Self; 39] = [
        Self::Read,
        Self::ReadDirectory,
        Self::Write,
        Self::Create,
        Self::CreateDirectory,
        Self::CreateSymlink,
        Self::Link,
        Self::Unlink,
        Self::RemoveDirectory,
        Self::Rename,
        Self::Truncate,
        Self::ChangeMode,
        Self::ChangeOwner,
        Self::ChangeTimes,
        Self::ChangeAttributes,
        Self::Execute,
        Self::Executed,
        Self::MapCode,
        Self::Connect,
        Self::Send,
        Self::LeaveCgroup,
        Self::Armed,
        Self::Trace,
        Self::Mount,
        Self::Ground,
        Self::CreateSocket,
        Self::ConnectUnix,
        Self::Signal,
        Self::Type,
        Self::Limit,
        Self::Receive,
        Self::Bind,
        Self::Listen,
        Self::Capability,
        Self::Ipc,
        Self::GainPrivilege,
        Self::Fork,
        Self::Budget,
        Self::Break,
    ];

    /// The action with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// The name in receipts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "file.read",
            Self::ReadDirectory => "file.read-directory",
            Self::Write => "file.write",
            Self::Create => "file.create",
            Self::CreateDirectory => "file.create-directory",
            Self::CreateSymlink => "file.create-symlink",
            Self::Link => "file.link",
            Self::Unlink => "file.unlink",
            Self::RemoveDirectory => "file.remove-directory",
            Self::Rename => "file.rename",
            Self::Truncate => "file.truncate",
            Self::ChangeMode => "file.change-mode",
            Self::ChangeOwner => "file.change-owner",
            Self::ChangeTimes => "file.change-times",
            Self::ChangeAttributes => "file.change-attributes",
            Self::Execute => "code.execute",
            Self::Executed => "code.executed",
            Self::MapCode => "code.map",
            Self::Connect => "network.connect",
            Self::Send => "network.send",
            Self::LeaveCgroup => "session.leave-cgroup",
            Self::Armed => "session.armed",
            Self::Trace => "process.trace",
            Self::Mount => "kernel.mount",
            Self::Ground => "kernel.ground",
            Self::CreateSocket => "network.create-socket",
            Self::ConnectUnix => "network.connect-unix",
            Self::Signal => "process.signal",
            Self::Type => "terminal.type",
            Self::Limit => "process.limit",
            Self::Receive => "file.receive",
            Self::Bind => "network.bind",
            Self::Listen => "network.listen",
            Self::Capability => "capability.use",
            Self::Ipc => "process.ipc",
            Self::GainPrivilege => "code.gain-privilege",
            Self::Fork => "process.fork",
            Self::Budget => "session.budget",
            Self::Break => "session.break",
        }
    }

    /// Whether this is a decision, and so counted in [`crate::abi::State`]'s `granted` or `refused`.
    pub const fn is_decision(self) -> bool {
        !matches!(self, Self::ReadDirectory | Self::Executed | Self::Armed | Self::Budget | Self::Break)
    }

    /// The counter that a decision of this action adds to.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Read | Self::ReadDirectory | Self::Receive => Kind::Read,
            Self::Write
            | Self::Create
            | Self::CreateDirectory
            | Self::CreateSymlink
            | Self::Link
            | Self::Unlink
            | Self::RemoveDirectory
            | Self::Rename
            | Self::Truncate
            | Self::ChangeMode
            | Self::ChangeOwner
            | Self::ChangeTimes
            | Self::ChangeAttributes => Kind::Write,
            Self::Execute | Self::Executed | Self::MapCode | Self::GainPrivilege => Kind::Execute,
            Self::Connect
            | Self::Send
            | Self::CreateSocket
            | Self::ConnectUnix
            | Self::Bind
            | Self::Listen => Kind::Connect,
            Self::LeaveCgroup
            | Self::Armed
            | Self::Trace
            | Self::Signal
            | Self::Type
            | Self::Limit
            | Self::Mount
            | Self::Ground
            | Self::Capability
            | Self::Ipc
            | Self::Fork
            | Self::Budget
            | Self::Break => Kind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Action;

    #[test]
    fn every_action_is_found_by_its_number() {
        for (index, action) in Action::ALL.into_iter().enumerate() {
            assert_eq!(action as usize, index);
            assert_eq!(Action::from_number(action as u8), Some(action));
        }
        assert_eq!(Action::from_number(Action::ALL.len() as u8), None);
    }
}
