//! Pins: they keep the hooks in force when the daemon dies, whatever kills it, and the maps, until the next one takes
//! over.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use aya::maps::MapData;
use aya::programs::links::{FdLink, PinnedLink};
use rustix::mount::MountFlags;

use super::error::{KernelError, causes};

/// Where BPF's own file system is mounted by convention.
const FILE_SYSTEM: &str = "/sys/fs/bpf";
/// The folder of the pinned links, one file a hook.
pub const FOLDER: &str = "/sys/fs/bpf/gov";
/// The folder of the pinned maps.
const MAPS: &str = "/sys/fs/bpf/gov/maps";
/// `f_type` of BPF's file system (`BPF_FS_MAGIC`, include/uapi/linux/magic.h).
const MAGIC: rustix::fs::FsWord = 0xcafe_4a11;

/// The hooks' links, pinned. Dropping them leaves the hooks in force.
#[derive(Debug, Default)]
pub(super) struct Pins(Vec<Pin>);

/// One pinned link. The kernel lets nobody detach such a link: it is in force while anyone holds it.
#[derive(Debug)]
struct Pin {
    name: &'static str,
    link: PinnedLink,
    /// A second hold on the link: pinning takes one and does not give it back when it fails.
    spare: Option<FdLink>,
    /// Device and inode of the pin, by which another file of its name is told from it.
    identity: (u64, u64),
    /// It could not be put back.
    lost: bool,
}

impl Pins {
    /// Pins the links that attached hooks have, by the hooks' names.
    pub(super) fn make(links: Vec<(&'static str, FdLink)>) -> Result<Self, KernelError> {
        mount_file_system()?;
        make(FOLDER)?;
        links.into_iter().map(|(name, link)| Pin::make(name, link)).collect::<Result<_, _>>().map(Self)
    }

    /// Takes over the pins that stand, by the hooks' names.
    pub(super) fn take_over(hooks: impl Iterator<Item = &'static str>) -> Result<Self, KernelError> {
        let found = found()?;
        hooks.filter(|name| found.contains(*name)).map(Pin::take_over).collect::<Result<_, _>>().map(Self)
    }

    /// Whether nothing was pinned.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The hooks that are pinned, and the numbers of their programs.
    pub(super) fn programs(&self) -> impl Iterator<Item = (&'static str, Option<u32>)> {
        let program = |pin: &Pin| pin.spare.as_ref()?.info().ok().map(|info| info.program_id());
        self.0.iter().map(move |pin| (pin.name, program(pin)))
    }

    /// Puts back the pins that somebody took away: the names of their hooks, and why some could not be put back.
    pub(super) fn restore(&mut self) -> (Vec<&'static str>, Option<KernelError>) {
        let (mut names, mut outcome) = (Vec::new(), Ok(()));
        for pin in self.0.iter_mut().filter(|pin| !pin.lost && !pin.stands()) {
            names.push(pin.name);
            let restored = pin.restore();
            pin.lost = restored.is_err();
            outcome = outcome.and(restored);
        }
        (names, outcome.err())
    }
}

impl Pin {
    fn make(name: &'static str, link: FdLink) -> Result<Self, KernelError> {
        let place = place(name);
        let link = link
            .pin(&place)
            .map_err(|error| failed("pin a hook", place.clone(), std::io::Error::other(causes(&error))))?;
        Ok(Self { name, link, spare: spare(&place), identity: identity(&place)?, lost: false })
    }

    fn take_over(name: &'static str) -> Result<Self, KernelError> {
        let place = place(name);
        let link = PinnedLink::from_pin(&place).map_err(|error| {
            failed("take over a hook", place.clone(), std::io::Error::other(causes(&error)))
        })?;
        Ok(Self { name, link, spare: spare(&place), identity: identity(&place)?, lost: false })
    }

    /// Whether it is where it was put.
    fn stands(&self) -> bool {
        identity(&place(self.name)).is_ok_and(|found| found == self.identity)
    }

    /// Puts it back with the spare hold, while the other one keeps the hook in force.
    fn restore(&mut self) -> Result<(), KernelError> {
        let place = place(self.name);
        let gone = || failed("pin a hook again", place.clone(), ErrorKind::Unsupported.into());
        mount_file_system()?;
        make(FOLDER)?;
        match fs::remove_file(&place) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                return Err(failed("remove what stands in a pin's place", place, source));
            }
            _gone => {}
        }
        let link = self.spare.take().ok_or_else(gone)?;
        let link = link.pin(&place).map_err(|error| {
            failed("pin a hook again", place.clone(), std::io::Error::other(causes(&error)))
        })?;
        self.spare = Some(FdLink::from(std::mem::replace(&mut self.link, link)));
        self.identity = identity(&place)?;
        Ok(())
    }
}

fn place(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// A second hold on a pinned link; without one, the pin cannot be put back.
fn spare(place: &Path) -> Option<FdLink> {
    PinnedLink::from_pin(place).ok().map(FdLink::from)
}

/// Pins a map, for another daemon to go on with.
pub(super) fn pin_map(name: &str, map: &MapData) -> Result<(), KernelError> {
    make(MAPS)?;
    let place = map_place(name);
    map.pin(&place).map_err(|error| failed("pin a map", place, std::io::Error::other(causes(&error))))
}

/// Whether a map is pinned.
pub(super) fn has_map(name: &str) -> bool {
    map_place(name).exists()
}

/// Where a map's pin stands; names there hold no dots.
fn map_place(name: &str) -> PathBuf {
    Path::new(MAPS).join(name.rsplit('.').next().unwrap_or(name))
}

/// A pinned map.
pub(super) fn map(name: &str) -> Result<MapData, KernelError> {
    let place = map_place(name);
    MapData::from_pin(&place)
        .map_err(|error| failed("take over a map", place, std::io::Error::other(causes(&error))))
}

/// Another hold on a map.
pub(super) fn another_hold(map: &MapData) -> Result<MapData, KernelError> {
    const HOLD: &str = "hold a map twice";
    let id = map.info().map_err(KernelError::map(HOLD))?.id();
    MapData::from_id(id).map_err(KernelError::map(HOLD))
}

fn identity(place: &Path) -> Result<(u64, u64), KernelError> {
    let metadata =
        fs::symlink_metadata(place).map_err(|source| failed("look at a pin", place.to_owned(), source))?;
    Ok((metadata.dev(), metadata.ino()))
}

fn make(folder: &str) -> Result<(), KernelError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(source) if source.kind() != ErrorKind::AlreadyExists => {
            Err(failed("make the folder", folder.into(), source))
        }
        _made => Ok(()),
    }
}

/// The hooks that are pinned, by whomever.
///
/// # Errors
/// The folder cannot be read.
pub fn found() -> Result<BTreeSet<String>, KernelError> {
    let unreadable = |source| failed("read the folder", FOLDER.into(), source);
    match fs::read_dir(FOLDER) {
        Err(source) if source.kind() == ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(source) => Err(unreadable(source)),
        Ok(entries) => entries
            .filter(|entry| !entry.as_ref().is_ok_and(|entry| entry.path().is_dir()))
            .map(|entry| Ok(entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned()))
            .collect(),
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
