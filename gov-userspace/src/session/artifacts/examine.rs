//! One path: what stands there, what of it may be told, and its digest.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::Ordering;

use rustix::fs::FileType;
use sha2::{Digest, Sha256};

use super::progress::Progress;
use super::{Found, Reader};
use crate::clock::Offset;
use crate::host::standing::{Facts, Habit, Mounts, Standing};
use crate::receipt::{ArtifactState, Count, Others, Owner};
use crate::session::touched::{Touch, Touched};

/// A look at many paths.
pub(super) struct Look<'a> {
    pub(super) touched: &'a Touched,
    pub(super) reader: Reader,
    pub(super) mounts: Mounts,
    pub(super) offset: Offset,
}

impl Look<'_> {
    fn at(&self, path: &[u8]) -> std::io::Result<Option<Standing>> {
        self.mounts.look(Path::new(OsStr::from_bytes(path)))
    }

    /// What stands at a path, before it is hashed.
    pub(super) fn survey(&self, path: &[u8], touch: &Touch) -> Found {
        let standing = match self.at(path) {
            Ok(Some(standing)) => standing,
            Ok(None) => return Found::of(ArtifactState::Gone),
            Err(error) => return Found::of(unhashed(error.to_string(), None)),
        };
        let facts = standing.facts;
        let mut others = self.others(path, touch, &facts);
        if !self.may_tell(touch, &facts) {
            let why = "it is neither the session's user's nor the file that the receipts name";
            others.retain(|how| *how != Others::AfterEnd);
            return Found { others, ..Found::of(unhashed(why, None)) };
        }
        let state = match (facts.kind, facts.habit) {
            (FileType::Directory, _) => ArtifactState::Directory { owner: owner(&facts) },
            (_, Habit::Kernel | Habit::Program) => {
                unhashed("its content is what the kernel or a program answers", Some(&facts))
            }
            (FileType::Symlink, _) => match standing.target() {
                Ok(target) => ArtifactState::Symlink { sha256: hex::encode(Sha256::digest(target)) },
                Err(error) => unhashed(error.to_string(), None),
            },
            (FileType::RegularFile, _) => {
                let state = unhashed("it was not hashed", Some(&facts));
                return Found { state, others, facts: Some(facts) };
            }
            _other => unhashed("it is a device, a socket or a pipe", Some(&facts)),
        };
        Found { others, ..Found::of(state) }
    }

    /// Whether the log's readers may know what stands there: it belongs to the session's user or to whoever of the
    /// session acted there last, or it is the very file that was granted to the session to change. That its number is
    /// the same does not suffice: it must have been made before, by more than a clock's tick.
    ///
    /// That everybody may read it does not suffice either: a folder on the way may keep them out.
    fn may_tell(&self, touch: &Touch, facts: &Facts) -> bool {
        const TICK_NS: i64 = 10_000_000;
        let Reader::Session { uid, .. } = self.reader else { return true };
        let granted = touch.names(facts.node).is_some_and(|time_ns| {
            let named_ns = self.offset.wall_ns(time_ns);
            facts.born_ns.is_some_and(|born_ns| born_ns.saturating_add(TICK_NS) <= named_ns)
        });
        facts.uid == uid || facts.uid == touch.uid() || granted
    }

    /// How it is known that others than the session changed it: only what is certain.
    fn others(&self, path: &[u8], touch: &Touch, facts: &Facts) -> Vec<Others> {
        let mut others = Vec::new();
        if let Reader::Session { gone_ns, .. } = self.reader
            && matches!(facts.habit, Habit::Local | Habit::Layered)
            && facts.changed_ns > gone_ns
        {
            others.push(Others::AfterEnd);
        }
        if let Some(named) = self.touched.foreign(path, touch, facts.node) {
            match facts.habit {
                Habit::Local | Habit::Layered if named.device != facts.node.device => {
                    others.push(Others::AnotherFileSystem);
                }
                Habit::Local => others.push(Others::AnotherFile),
                // Its numbers do not say for certain.
                _other => {}
            }
        }
        others
    }

    /// A file's state, and whether it was changed meanwhile.
    pub(super) fn hash(&self, path: &[u8], surveyed: &Facts, progress: &Progress) -> (ArtifactState, bool) {
        let changed = || (unhashed("it was changed while it was looked at", None), true);
        let failed = |error: std::io::Error| (unhashed(error.to_string(), Some(surveyed)), false);
        let standing = match self.at(path) {
            Ok(Some(standing)) if standing.facts == *surveyed => standing,
            Ok(_another) => return changed(),
            Err(error) => return failed(error),
        };
        let read = standing.open().and_then(|mut file| {
            let sha256 = digest(&mut file, surveyed.size, progress)?;
            Ok((sha256, self.mounts.facts(&file)?))
        });
        match read {
            Ok((sha256, after)) if after == *surveyed => {
                (ArtifactState::File { owner: owner(surveyed), sha256, size: Count(surveyed.size) }, false)
            }
            Ok(_changed) => changed(),
            Err(error) => failed(error),
        }
    }
}

/// The digest of a file that is not longer than it was found: one that grows is not followed.
fn digest(file: &mut File, size: u64, progress: &Progress) -> std::io::Result<String> {
    let mut digest = Sha256::new();
    let mut reader = file.take(size);
    let mut chunk = vec![0_u8; 64 << 10];
    loop {
        let count = reader.read(&mut chunk)?;
        if count == 0 {
            return Ok(hex::encode(digest.finalize()));
        }
        digest.update(chunk.get(..count).unwrap_or_default());
        progress.bytes.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Something that was not hashed, with what may be told of it.
pub(super) fn unhashed(why: impl Into<String>, facts: Option<&Facts>) -> ArtifactState {
    let size = facts.filter(|facts| facts.kind == FileType::RegularFile).map(|facts| Count(facts.size));
    ArtifactState::Unhashed { owner: facts.map(owner), size, why: why.into() }
}

fn owner(facts: &Facts) -> Owner {
    Owner { gid: facts.gid, mode: facts.mode, uid: facts.uid }
}
