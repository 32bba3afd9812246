//! What can go wrong between the daemon and the kernel.

use std::io;
use std::path::PathBuf;

/// Why the kernel's side cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The library was built without the kernel object.
    #[error("this build of gov holds no kernel object: build it with `cargo xtask build`")]
    NoObject,
    /// The kernel describes no types.
    #[error(
        "cannot read the kernel's type information from `{path}`: {message} (gov needs CONFIG_DEBUG_INFO_BTF)"
    )]
    Btf {
        /// Where it was looked for.
        path: &'static str,
        /// What went wrong.
        message: String,
    },
    /// A field that the hooks read is nowhere in the kernel's types.
    #[error(
        "this kernel has no field `{field}` in `struct {structure}`: this version of gov does not know its layout"
    )]
    UnknownField {
        /// The structure.
        structure: &'static str,
        /// The field's path in it.
        field: &'static str,
    },
    /// Two structures of one name lay a field out differently.
    #[error(
        "the kernel's types hold {count} structures `{structure}` that place `{field}` differently: gov does not guess"
    )]
    AmbiguousField {
        /// The structure.
        structure: &'static str,
        /// The field's path in it.
        field: &'static str,
        /// How many there are.
        count: usize,
    },
    /// The kernel lays something out in a way that the hooks cannot read.
    #[error("this kernel lays out {what} in a way that this version of gov does not know")]
    Layout {
        /// What.
        what: &'static str,
    },
    /// A kernel symbol's address is hidden or absent.
    #[error(
        "cannot learn the address of `{symbol}` from /proc/kallsyms: run as root with CAP_SYSLOG, with kernel.kptr_restrict below 2, on a kernel with CONFIG_KALLSYMS_ALL"
    )]
    Symbol {
        /// The symbol.
        symbol: &'static str,
    },
    /// Object and daemon are of different versions.
    #[error(
        "the kernel object speaks version {object} of the boundary and this daemon {daemon}: build both together"
    )]
    Version {
        /// The object's.
        object: u32,
        /// The daemon's.
        daemon: u32,
    },
    /// Another version's daemon has left sessions that its hooks govern.
    #[error(
        "the hooks in force speak version {found} of the boundary and this daemon {ours}: start the version that left them until its sessions have ended, or end these with `govd --end-leftovers`"
    )]
    OtherVersion {
        /// The version of the hooks.
        found: u32,
        /// The daemon's.
        ours: u32,
    },
    /// Hooks of another daemon's sessions are not pinned any more.
    #[error("a daemon left sessions whose hooks are gone: {hooks}")]
    Unhooked {
        /// Which.
        hooks: String,
    },
    /// The BPF LSM is not among the active ones, so that attached programs would never run.
    #[error(
        "the kernel runs without the BPF LSM (active: `{active}`): add `bpf` to the `lsm=` list on its command line and reboot"
    )]
    LsmOff {
        /// The active ones.
        active: String,
    },
    /// The kernel refuses LSM programs.
    #[error(
        "the kernel refuses LSM programs with EPERM: gov needs root with CAP_BPF and CAP_PERFMON, and a kernel that is not locked down against them"
    )]
    NotPermitted,
    /// A program does not load or attach.
    #[error("the hook `{hook}` cannot be put in force: {message}")]
    Program {
        /// The hook.
        hook: &'static str,
        /// What the kernel said.
        message: String,
    },
    /// The object cannot be loaded at all.
    #[error("the kernel object cannot be loaded: {message}")]
    Object {
        /// What went wrong.
        message: String,
    },
    /// A map operation failed.
    #[error("cannot {what}: {message}")]
    Map {
        /// What was being done.
        what: &'static str,
        /// What the kernel said.
        message: String,
    },
    /// No room for one more session.
    #[error("the kernel already holds {limit} sessions: end some with `gov end`")]
    NoSlot {
        /// How many there may be.
        limit: u32,
    },
    /// The numbers of policy nodes are used up.
    #[error(
        "the numbers of policy nodes are used up since the daemon started: restart govd when no session runs"
    )]
    NoNumbers,
    /// A slot that no session is bound to.
    #[error("no session is bound to slot {slot}")]
    Unbound {
        /// The slot.
        slot: u32,
    },
    /// The cgroup lies deeper than hooks look.
    #[error(
        "the session's cgroup lies {level} levels deep, and hooks look no deeper than {limit}: use a hierarchy nearer to the root"
    )]
    TooDeep {
        /// Its level.
        level: u32,
        /// The deepest level that is looked at.
        limit: u32,
    },
    /// Something that the host keeps could not be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The hooks cannot be made to outlive the daemon.
    #[error("cannot {what} `{path}`: {source}")]
    Pin {
        /// What was being done.
        what: &'static str,
        /// The pin, or the folder of all.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The hooks are attached and do not do what they must.
    #[error("the self-test failed, so nothing can be promised on this kernel: {what}")]
    SelfTest {
        /// What was expected and what happened.
        what: String,
    },
}

impl KernelError {
    /// A failed map operation.
    pub(super) fn map(what: &'static str) -> impl FnOnce(aya::maps::MapError) -> Self {
        move |error| Self::Map { what, message: causes(&error) }
    }
}

/// An error with everything that caused it.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// Whether an error is, or comes from, EPERM.
pub(super) fn is_not_permitted(error: &(dyn std::error::Error + 'static)) -> bool {
    comes_from(error, libc::EPERM)
}

/// Whether an error is, or comes from, ENOENT: a map has no such element.
pub(super) fn is_absent(error: &(dyn std::error::Error + 'static)) -> bool {
    comes_from(error, libc::ENOENT)
}

/// Whether an error is, or comes from, an errno.
fn comes_from(error: &(dyn std::error::Error + 'static), errno: i32) -> bool {
    let mut next = Some(error);
    while let Some(this) = next {
        if this.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) == Some(errno) {
            return true;
        }
        if let Some(call) = this.downcast_ref::<aya::sys::SyscallError>()
            && call.io_error.raw_os_error() == Some(errno)
        {
            return true;
        }
        next = this.source();
    }
    false
}
