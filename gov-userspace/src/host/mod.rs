//! What this host is and can do, and its cgroup file system. Nothing here is assumed: every fact is read from the
//! running kernel, and a fact that cannot be read is an error or an explicit "unknown".

pub mod addresses;
pub mod alarm;
pub mod cgroup;
pub mod disks;
pub mod facts;
pub mod mounts;
pub mod paths;
pub mod process;
pub mod readiness;
pub mod standing;

use std::path::{Path, PathBuf};

/// Why the host could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A file of /proc, /sys or the cgroup file system could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// One could not be written, made or removed.
    #[error("cannot change `{path}`")]
    Change {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// One does not have the form that the kernel documents.
    #[error("`{path}` does not read as expected: {what}")]
    Form {
        /// Which.
        path: PathBuf,
        /// What was expected.
        what: String,
    },
    /// No cgroup v2 hierarchy is mounted.
    #[error("no cgroup v2 file system is mounted")]
    NoCgroup2,
    /// This process does not see the cgroup tree from its root.
    #[error("this process is in a cgroup namespace of its own, so levels of the cgroup tree cannot be known")]
    ForeignCgroupNamespace,
    /// The process that a pidfd names has ended.
    #[error("the process has ended")]
    ProcessGone,
    /// A system call on a process or descriptor failed.
    #[error("{call} failed")]
    Call {
        /// The call.
        call: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

/// Reads a small kernel text file.
fn read_text(path: &Path) -> Result<String, HostError> {
    std::fs::read_to_string(path).map_err(|source| HostError::Read { path: path.to_owned(), source })
}

/// Writes one value into a kernel file.
fn write_text(path: &Path, value: &str) -> Result<(), HostError> {
    std::fs::write(path, value).map_err(|source| HostError::Change { path: path.to_owned(), source })
}
