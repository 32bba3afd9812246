//! What a session left behind: the paths that it changed, and what stands there at its end.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use gov_common::abi::Kind;
use gov_common::event::Action;
use gov_common::verdict::Reason;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use sha2::{Digest, Sha256};

use crate::event::{Event, Extra};
use crate::receipt::{Artifact, ArtifactState, Count};

/// Paths that are looked at; those beyond are said to be unhashed.
const MAX_PATHS: usize = 100_000;
/// Bytes that are hashed for one session.
const MAX_BYTES: u64 = 4 << 30;

/// The paths that a session's granted acts changed.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    paths: BTreeSet<Vec<u8>>,
    beyond: u64,
}

impl Touched {
    /// Notes what an event changed.
    pub fn note(&mut self, event: &Event) {
        if event.reason != Reason::Granted || event.action.kind() != Kind::Write {
            return;
        }
        if let Some(object) = event.object.as_ref().filter(|object| !object.cut && !object.unlinked) {
            self.insert(&object.path);
        }
        if let (Action::Rename | Action::Link, Extra::Path(path)) = (event.action, &event.extra) {
            self.insert(path);
        }
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// What stands at each path now. Nothing here follows a symbolic link: the kernel recorded resolved paths,
    /// and whatever was put in their place since is not what the session changed.
    pub fn look(&self) -> Vec<Artifact> {
        let mut budget = MAX_BYTES;
        let mut artifacts: Vec<Artifact> = self.paths.iter().map(|path| look(path, &mut budget)).collect();
        if self.beyond > 0 {
            let why = format!("{} paths beyond the first {MAX_PATHS} were not looked at", self.beyond);
            artifacts.push(Artifact {
                hex: None,
                path: "...".to_owned(),
                state: ArtifactState::Unhashed { why },
            });
        }
        artifacts
    }

    /// The paths, in order.
    #[cfg(test)]
    pub(super) fn paths(&self) -> Vec<Vec<u8>> {
        self.paths.iter().cloned().collect()
    }

    pub(super) fn insert(&mut self, path: &[u8]) {
        if self.paths.len() < MAX_PATHS {
            self.paths.insert(path.to_owned());
        } else if !self.paths.contains(path) {
            self.beyond = self.beyond.saturating_add(1);
        }
    }
}

fn look(path: &[u8], budget: &mut u64) -> Artifact {
    let state = state(Path::new(OsStr::from_bytes(path)), budget)
        .unwrap_or_else(|error| ArtifactState::Unhashed { why: error.to_string() });
    let hex = std::str::from_utf8(path).is_err().then(|| hex::encode(path));
    Artifact { hex, path: String::from_utf8_lossy(path).into_owned(), state }
}

fn state(path: &Path, budget: &mut u64) -> std::io::Result<ArtifactState> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = match rustix::fs::openat2(CWD, path, flags, Mode::empty(), in_folders_only()) {
        Ok(handle) => handle,
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(ArtifactState::Gone),
        Err(error) => return Err(error.into()),
    };
    let found = rustix::fs::fstat(&handle)?;
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => {
            let size = u64::try_from(found.st_size).unwrap_or(0);
            match budget.checked_sub(size) {
                Some(left) => *budget = left,
                None => {
                    let why = format!("more than {MAX_BYTES} bytes to hash in this session");
                    return Ok(ArtifactState::Unhashed { why });
                }
            }
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = rustix::fs::openat2(CWD, path, flags, Mode::empty(), in_folders_only())?;
            let opened = rustix::fs::fstat(&file)?;
            if (opened.st_dev, opened.st_ino) != (found.st_dev, found.st_ino) {
                return Ok(ArtifactState::Unhashed {
                    why: "it was replaced while it was looked at".to_owned(),
                });
            }
            let (sha256, size) = hash(File::from(file), size)?;
            Ok(ArtifactState::File { sha256, size: Count(size) })
        }
        FileType::Directory => Ok(ArtifactState::Directory),
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(&handle, "", Vec::new())?;
            Ok(ArtifactState::Symlink { sha256: hex::encode(Sha256::digest(target.as_bytes())) })
        }
        _other => Ok(ArtifactState::Unhashed { why: "it is a device, a socket or a pipe".to_owned() }),
    }
}

fn in_folders_only() -> ResolveFlags {
    ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS
}

/// The digest and length of a file that is not longer than it was found: one that grows is not followed.
fn hash(file: File, size: u64) -> std::io::Result<(String, u64)> {
    let mut digest = Sha256::new();
    let mut reader = file.take(size);
    let mut chunk = vec![0_u8; 64 << 10];
    let mut length = 0_u64;
    loop {
        let count = reader.read(&mut chunk)?;
        if count == 0 {
            return Ok((hex::encode(digest.finalize()), length));
        }
        digest.update(chunk.get(..count).unwrap_or_default());
        length = length.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::look;
    use crate::receipt::{ArtifactState, Count};
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    fn state(path: &Path) -> ArtifactState {
        look(path.as_os_str().as_bytes(), &mut 1_000).state
    }

    #[test]
    fn a_file_is_hashed_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        std::fs::write(folder.join("file"), "abc").unwrap();
        std::os::unix::fs::symlink("/etc", folder.join("link")).unwrap();
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned();
        assert_eq!(state(&folder.join("file")), ArtifactState::File { sha256, size: Count(3) });
        assert!(matches!(state(&folder.join("link")), ArtifactState::Symlink { .. }));
        assert!(matches!(state(&folder.join("link/passwd")), ArtifactState::Unhashed { .. }));
        assert_eq!(state(&folder.join("none")), ArtifactState::Gone);
        assert_eq!(state(&folder), ArtifactState::Directory);
        std::fs::write(folder.join("large"), vec![0; 2_000]).unwrap();
        assert!(matches!(state(&folder.join("large")), ArtifactState::Unhashed { .. }));
    }
}
