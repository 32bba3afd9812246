//! Scopes: one line of a delegation each, `resource:action[:target]`.
//!
//! [`Scope::parse`] reads the text that people write, [`grant`] the form that a signed delegation carries. Both
//! refuse what they do not know. What [`Scope`] prints is what `parse` reads.

pub mod grant;
mod net;
mod parse;
mod path;

use std::fmt;
use std::net::IpAddr;

pub use net::{Host, NetFault, Ports, Prefix};
pub use parse::{Fault, ScopeError};
pub use path::{CleanPath, PathFault};

/// One grant of a delegation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A right on a file or subtree: `file:read:PATH`, `file:write:PATH`, `code:execute:PATH`.
    File(FileRight, CleanPath),
    /// `network:external`: every address outside the machine.
    External,
    /// `network:connect:HOST[:PORT[-PORT]]`; no ports means all.
    Connect(Host, Ports),
    /// `network:listen[:ADDR][:PORT]`; no address or port means every one.
    Listen(Option<IpAddr>, Option<u16>),
    /// `network:loopback[:PORT]`; no port means all.
    Loopback(Option<u16>),
    /// `network:unix:PATH`: sockets at or below a path.
    Unix(CleanPath),
    /// `shell:arbitrary`.
    Shell,
    /// `process:ACT`, one of [`PROCESS_ACTS`].
    Process(&'static str),
    /// `capability:CAP_X`, one of [`CAPABILITIES`].
    Capability(&'static str),
    /// `kernel:ACT`, one of [`KERNEL_ACTS`].
    Kernel(&'static str),
    /// `profile:NAME`: the scopes of a profile file.
    Profile(String),
}

/// A right on files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileRight {
    /// Reading files and listing directories.
    Read,
    /// Creating, changing, renaming, deleting; implies reading.
    Write,
    /// Executing files and mapping their code; implies reading.
    Execute,
}

impl FileRight {
    /// How the scope starts: resource and action.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "file:read",
            Self::Write => "file:write",
            Self::Execute => "code:execute",
        }
    }

    /// Whether holding this right is holding `other` too.
    pub fn implies(self, other: Self) -> bool {
        self == other || other == Self::Read
    }
}

/// What `process:` scopes can name: acts on processes outside the session.
pub const PROCESS_ACTS: [&str; 3] = ["ipc", "signal", "trace"];

/// What `kernel:` scopes can name: acts on the ground that enforcement stands on.
pub const KERNEL_ACTS: [&str; 9] =
    ["bpf", "io-uring", "kexec", "keyring", "module", "mount", "perf", "time", "user-namespace"];

/// The capabilities that Linux has, as `capability:` scopes name them.
#[rustfmt::skip]
pub const CAPABILITIES: [&str; 41] = [
    "CAP_AUDIT_CONTROL", "CAP_AUDIT_READ", "CAP_AUDIT_WRITE", "CAP_BLOCK_SUSPEND", "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER",
    "CAP_FSETID", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_KILL", "CAP_LEASE", "CAP_LINUX_IMMUTABLE",
    "CAP_MAC_ADMIN", "CAP_MAC_OVERRIDE", "CAP_MKNOD", "CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST", "CAP_NET_RAW", "CAP_PERFMON", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP",
    "CAP_SETUID", "CAP_SYSLOG", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_CHROOT", "CAP_SYS_MODULE",
    "CAP_SYS_NICE", "CAP_SYS_PACCT", "CAP_SYS_PTRACE", "CAP_SYS_RAWIO", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_WAKE_ALARM",
];

impl Scope {
    /// Whether everything that `other` grants is granted by this scope too. Where that depends on the host
    /// (`network:external` and an address that may be the host's own), the answer is no.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(right, path), Self::File(right_below, below)) => {
                right.implies(*right_below) && path.covers(below)
            }
            (Self::Unix(path), Self::Unix(below)) => path.covers(below),
            (Self::Connect(host, ports), Self::Connect(host_below, ports_below)) => {
                host.covers(host_below) && ports.covers(*ports_below)
            }
            (Self::Loopback(None), Self::Loopback(_)) => true,
            (Self::Listen(address, port), Self::Listen(address_below, port_below)) => {
                (address.is_none() || address == address_below) && (port.is_none() || port == port_below)
            }
            _ => self == other,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(right, path) => write!(out, "{}:{path}", right.name()),
            Self::External => out.write_str("network:external"),
            Self::Connect(host, ports) => {
                if host.is_ipv6() {
                    write!(out, "network:connect:[{host}]")?;
                } else {
                    write!(out, "network:connect:{host}")?;
                }
                if *ports == Ports::ALL { Ok(()) } else { write!(out, ":{ports}") }
            }
            Self::Listen(address, port) => {
                out.write_str("network:listen")?;
                match address {
                    Some(IpAddr::V6(v6)) => write!(out, ":[{v6}]")?,
                    Some(IpAddr::V4(v4)) => write!(out, ":{v4}")?,
                    None => {}
                }
                port.map_or(Ok(()), |port| write!(out, ":{port}"))
            }
            Self::Loopback(None) => out.write_str("network:loopback"),
            Self::Loopback(Some(port)) => write!(out, "network:loopback:{port}"),
            Self::Unix(path) => write!(out, "network:unix:{path}"),
            Self::Shell => out.write_str("shell:arbitrary"),
            Self::Process(act) => write!(out, "process:{act}"),
            Self::Capability(name) => write!(out, "capability:{name}"),
            Self::Kernel(act) => write!(out, "kernel:{act}"),
            Self::Profile(name) => write!(out, "profile:{name}"),
        }
    }
}

#[cfg(test)]
mod grant_tests;
#[cfg(test)]
pub(crate) mod tests;
