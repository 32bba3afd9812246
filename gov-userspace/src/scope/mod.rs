//! Scopes: one line of a delegation each, `resource:action[:target]`.
//!
//! [`Scope::parse`] reads the text that people write, [`grant`] the form that a signed delegation carries. Both
//! refuse what they do not know. What [`Scope`] prints is what `parse` reads.

pub mod grant;
mod limit;
mod names;
mod net;
mod parse;
mod path;

use std::fmt;
use std::net::IpAddr;

pub use limit::{Breaker, Limit, LimitFault, Seconds, most, permits, with_inherited};
pub use names::{CAPABILITIES, KERNEL_ACTS, PROCESS_ACTS, capability_bit, capability_scope, door};
pub use net::{Host, NetFault, Ports, Prefix};
pub use parse::{Fault, ScopeError};
pub use path::{CleanPath, PathFault};

/// One grant, or one limit, of a delegation.
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
    /// `network:unix:PATH`: local sockets that are bound at or below a path.
    Unix(CleanPath),
    /// `shell:arbitrary`.
    Shell,
    /// `process:ACT`, one of [`PROCESS_ACTS`].
    Process(&'static str),
    /// `capability:CAP_X`, one of [`CAPABILITIES`].
    Capability(&'static str),
    /// `kernel:ACT`, one of [`KERNEL_ACTS`].
    Kernel(&'static str),
    /// `limit:…`: how much may be done; it grants nothing.
    Limit(Limit),
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
            (Self::Limit(limit), Self::Limit(below)) => limit.covers(*below),
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
            Self::Limit(limit) => write!(out, "{limit}"),
            Self::Profile(name) => write!(out, "profile:{name}"),
        }
    }
}

#[cfg(test)]
mod grant_tests;
#[cfg(test)]
pub(crate) mod tests;
