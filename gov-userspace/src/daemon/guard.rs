//! The guard: a small process that outlives a daemon that is killed, and ends what the daemon would have watched.
//!
//! The hooks stay in force without the daemon, but nobody writes down what they decide. The guard waits on a pipe whose
//! other end only the daemon holds; when that closes without a farewell, the guard kills every governed process at once.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::Context;

use crate::host::cgroup::Hierarchy;

/// The argument that makes `govd` a guard.
pub const ARGUMENT: &str = "--guard";
/// What the guard says when it is there.
const AWAKE: &[u8] = b"awake";
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
        let mut process = Command::new("/proc/self/exe")
            .arg0("govd")
            .arg(ARGUMENT)
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("cannot start the guard")?;
        let mut word = [0; AWAKE.len()];
        let mut voice = process.stdout.take().context("the guard has no voice")?;
        voice.read_exact(&mut word).context("the guard does not say that it is awake")?;
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
    let hierarchy = Hierarchy::open()?;
    std::io::stdout().write_all(AWAKE).context("cannot speak to the daemon")?;
    std::io::stdout().flush().context("cannot speak to the daemon")?;
    let mut said = Vec::new();
    std::io::stdin().read_to_end(&mut said).context("cannot hear the daemon")?;
    if said == FAREWELL {
        return Ok(0);
    }
    let left = hierarchy.list()?;
    let mut outcome = Ok(left.len());
    for cgroup in left {
        // One that cannot be killed does not save the others.
        if let Err(error) = cgroup.kill() {
            outcome = Err(error);
        }
    }
    Ok(outcome?)
}
