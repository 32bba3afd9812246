//! The guard: a small process that outlives a daemon that is killed, and ends what the daemon would have watched.
//!
//! The kernel's programs go with the daemon. The guard waits on a pipe whose other end only the daemon holds; when
//! that closes without a farewell, the guard kills every governed process at once, so that none goes on ungoverned.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::Context;

use crate::host::cgroup::Hierarchy;

/// The argument that makes `govd` a guard.
pub const ARGUMENT: &str = "--guard";
/// What the daemon says when it stops in order.
const FAREWELL: &[u8] = b"farewell";

/// The daemon's hold on its guard.
#[derive(Debug)]
pub(super) struct Guard {
    process: Child,
    pipe: File,
}

impl Guard {
    /// Starts the guard, in a process group of its own so that a terminal's interrupt does not reach it.
    pub(super) fn start() -> anyhow::Result<Self> {
        let (theirs, ours) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).context("no pipe")?;
        let process = Command::new("/proc/self/exe")
            .arg0("govd")
            .arg(ARGUMENT)
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start the guard")?;
        Ok(Self { process, pipe: File::from(ours) })
    }

    /// Starts another if this one is gone.
    pub(super) fn renew(&mut self) {
        match self.process.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => {
                tracing::error!("the guard ended with {status}; another is started");
                match Self::start() {
                    Ok(guard) => *self = guard,
                    Err(error) => tracing::error!("{error:#}"),
                }
            }
            Err(error) => tracing::error!("cannot look after the guard: {error}"),
        }
    }

    /// Lets it go: nothing is left to be ended.
    pub(super) fn dismiss(mut self) {
        if let Err(error) = self.pipe.write_all(FAREWELL) {
            tracing::warn!("the guard did not hear the farewell: {error}");
        }
        drop(self.pipe);
        if let Err(error) = self.process.wait() {
            tracing::warn!("the guard cannot be waited for: {error}");
        }
    }
}

/// Is the guard: waits for the daemon's end, and ends what it left. Returns how many sessions that were.
pub fn keep() -> anyhow::Result<usize> {
    let mut said = Vec::new();
    std::io::stdin().read_to_end(&mut said).context("cannot hear the daemon")?;
    if said == FAREWELL {
        return Ok(0);
    }
    let left = Hierarchy::open()?.list()?;
    let mut outcome = Ok(left.len());
    for cgroup in left {
        // One that cannot be killed does not save the others.
        if let Err(error) = cgroup.kill() {
            outcome = Err(error);
        }
    }
    Ok(outcome?)
}
