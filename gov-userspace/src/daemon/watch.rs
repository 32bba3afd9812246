//! Watches sessions' cgroups and says when the last process has left one.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use crate::host::cgroup::{Cgroup, open_events, populated};
use crate::host::{HostError, readiness};

/// Starts to watch; the session's name is sent once, when nobody is left.
pub(super) fn start(
    session: String,
    cgroup: &Cgroup,
    emptied: mpsc::Sender<String>,
) -> Result<(), HostError> {
    let events = open_events(cgroup)?;
    let watched = readiness::watch(&events, Interest::PRIORITY)?;
    tokio::spawn(async move {
        match until_empty(&events, &watched).await {
            Ok(()) => {}
            // The engine saw it first, and removed the cgroup.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NODEV.raw_os_error()) => return,
            Err(error) => {
                // The engine looks at each cgroup now and then, too: the end is noticed late, but it is noticed.
                tracing::warn!(session, "cannot watch the session's cgroup: {error}");
                return;
            }
        }
        if emptied.send(session).await.is_err() {
            tracing::debug!("a session ended after the engine");
        }
    });
    Ok(())
}

/// Each read of the file arms the next notice, so the state is read after the notice is cleared. The duplicate
/// that is watched shares its notices with the file.
async fn until_empty(mut events: &File, watched: &AsyncFd<OwnedFd>) -> std::io::Result<()> {
    loop {
        watched.ready(Interest::PRIORITY).await?.clear_ready();
        let mut text = String::new();
        events.rewind()?;
        events.read_to_string(&mut text)?;
        if populated(&text) == Some(false) {
            return Ok(());
        }
    }
}
