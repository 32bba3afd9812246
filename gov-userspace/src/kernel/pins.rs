//! Pins: they keep the hooks in force when the daemon dies, whatever kills it, until the next one takes over.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use aya::programs::links::{FdLink, PinnedLink};
use rustix::mount::MountFlags;

use super::error::{KernelError, causes};

/// Where BPF's own file system is mounted by convention.
const FILE_SYSTEM: &str = "/sys/fs/bpf";
/// The folder of the pinned links, one file a hook.
pub const FOLDER: &str = "/sys/fs/bpf/gov";
/// `f_type` of BPF's file system (`BPF_FS_MAGIC`, include/uapi/linux/magic.h).
const MAGIC: rustix::fs::FsWord = 0xcafe_4a11;

/// The hooks' links, pinned. Dropping them leaves the hooks in force.
#[derive(Debug)]
pub struct Pins(Vec<PinnedLink>);

impl Pins {
    /// Pins the links that attached hooks have, by the hooks' names.
    pub(super) fn make(links: Vec<(&'static str, FdLink)>) -> Result<Self, KernelError> {
        mount_file_system()?;
        DirBuilder::new()
            .mode(0o700)
            .create(FOLDER)
            .map_err(|source| failed("make the folder", FOLDER.into(), source))?;
        let mut pins = Self(Vec::with_capacity(links.len()));
        for (name, link) in links {
            let place = Path::new(FOLDER).join(name);
            let pinned = link
                .pin(&place)
                .map_err(|error| failed("pin a hook", place, std::io::Error::other(causes(&error))))?;
            pins.0.push(pinned);
        }
        Ok(pins)
    }

    /// Lets the hooks go: enforcement ends. End every governed task first.
    ///
    /// # Errors
    /// A pin cannot be removed; then its hook stays in force.
    pub fn remove(self) -> Result<(), KernelError> {
        drop(self.0);
        clear()
    }
}

/// Removes the pins that a daemon left which did not stop in order, and so its hooks.
///
/// # Errors
/// A pin cannot be removed.
pub fn clear() -> Result<(), KernelError> {
    match fs::remove_dir_all(FOLDER) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(failed("remove the pins", FOLDER.into(), source))
        }
        _gone => Ok(()),
    }
}

/// Mounts BPF's file system where no service manager did.
fn mount_file_system() -> Result<(), KernelError> {
    let found =
        rustix::fs::statfs(FILE_SYSTEM).map_err(|error| failed("find", FILE_SYSTEM.into(), error.into()))?;
    if found.f_type == MAGIC {
        return Ok(());
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount("bpf", FILE_SYSTEM, "bpf", flags, Some(c"mode=0700"))
        .map_err(|error| failed("mount BPF's file system on", FILE_SYSTEM.into(), error.into()))
}

fn failed(what: &'static str, path: PathBuf, source: std::io::Error) -> KernelError {
    KernelError::Pin { what, path, source }
}
