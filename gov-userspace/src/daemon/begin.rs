//! How the daemon comes to enforce: it goes on with what another left that is gone, or begins anew.

use std::collections::BTreeMap;

use super::ground::Ground;
use super::inherit::{self, Estate};
use super::recovery;
use crate::config::Config;
use crate::host::cgroup::{Cgroup, Hierarchy};
use crate::kernel::{Kernel, KernelError, Left, LoadOptions, Ring, Slot, pins};

/// Why the daemon does not run.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The kernel's side cannot be loaded, or does not do what it should.
    #[error(transparent)]
    CannotEnforce(KernelError),
    /// Only root can load programs and make cgroups.
    #[error("only root can load programs and make cgroups")]
    NotRoot,
    /// Something else that it needs is missing or taken.
    #[error(transparent)]
    Start(#[from] anyhow::Error),
}

/// What becomes of the sessions of a daemon that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftovers {
    /// They go on.
    GoOn,
    /// They are ended.
    End,
}

/// The kernel's side, in force, and what was left of sessions.
pub(super) struct Inherited {
    pub(super) kernel: Kernel,
    pub(super) ring: Ring,
    pub(super) estate: Estate<Slot>,
}

/// Enforces: goes on with what a daemon left that is gone, or begins anew.
pub(super) fn enforce(ground: &Ground, leftovers: Leftovers) -> Result<Inherited, DaemonError> {
    let cgroups = inherit::cgroups(&ground.hierarchy)?;
    let pinned = pins::found().map_err(DaemonError::CannotEnforce)?;
    if leftovers == Leftovers::GoOn && !cgroups.is_empty() {
        match Kernel::adopt(|id| cgroups.get(&id).map(Cgroup::level)) {
            Ok(Some(Left { kernel, ring, sessions })) => {
                let estate = Estate { sessions, cgroups, pinned };
                return Ok(Inherited { kernel, ring, estate });
            }
            Ok(None) => {}
            Err(error @ KernelError::OtherVersion { .. }) => return Err(DaemonError::CannotEnforce(error)),
            Err(error) => tracing::error!("what a daemon left cannot be gone on with, and is ended: {error}"),
        }
    }
    // What is still in force is let go when nobody is left whom it governs.
    recovery::end_leftovers(ground)?;
    pins::clear().map_err(DaemonError::CannotEnforce)?;
    let (mut kernel, ring) = load(&ground.config, &ground.hierarchy)?;
    kernel.pin().map_err(DaemonError::CannotEnforce)?;
    let estate = Estate { sessions: Vec::new(), cgroups: BTreeMap::new(), pinned };
    Ok(Inherited { kernel, ring, estate })
}

/// Loads the kernel's side and tries it: nothing is said to be enforced that was not seen to be.
pub(super) fn load(config: &Config, hierarchy: &Hierarchy) -> Result<(Kernel, Ring), DaemonError> {
    let ring_bytes = config.ring_kib.saturating_mul(1024);
    let options = LoadOptions { ring_bytes };
    let (mut kernel, mut ring) = Kernel::load(&options).map_err(DaemonError::CannotEnforce)?;
    kernel.self_test(&mut ring, hierarchy.folder(), hierarchy.level()).map_err(DaemonError::CannotEnforce)?;
    Ok((kernel, ring))
}
