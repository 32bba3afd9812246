//! Waits for a descriptor within tokio's event loop.

use std::os::fd::{AsFd, OwnedFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::HostError;

/// Watches a descriptor for readiness, through a duplicate that nobody else can close.
pub fn watch(descriptor: impl AsFd, interest: Interest) -> Result<AsyncFd<OwnedFd>, HostError> {
    let failed = |source| HostError::Call { call: "epoll_ctl", source };
    let duplicate = descriptor.as_fd().try_clone_to_owned().map_err(failed)?;
    // SAFETY: the `AsyncFd` owns the duplicate and never gives it away, so it stays open and the same for as long
    // as it is watched.
    let watched = unsafe { AsyncFd::register_with_interest(duplicate, interest) };
    watched.map_err(|error| failed(error.into_parts().1))
}
