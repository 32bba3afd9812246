//! The files of a log's folder: made at once, replaced at once, appended to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{CWD, FallocateFlags, OFlags, RenameFlags, fallocate, renameat_with};
use serde::{Deserialize, Serialize};

use super::appended::Appended;
use super::{JournalError, NewLog};
use crate::clock::{Offset, boot_ns, rfc3339};
use crate::guarded::{self, OTHERS_WRITE};
use crate::key::Public;
use crate::note::{parse_origin, verifier_key};

/// The receipts.
pub const LOG: &str = "log.jsonl";
/// The latest checkpoint.
pub const CHECKPOINT: &str = "checkpoint";
/// Every checkpoint, each a line with one JSON text.
pub const CHECKPOINTS: &str = "checkpoints.jsonl";
/// The delegation's bytes as they came.
pub const DELEGATION: &str = "delegation.json";
/// The delegations that it narrows, a JSON array of texts as they came, from the root on.
pub const ANCESTORS: &str = "ancestors.json";
/// What is known of the session without reading the log: a [`SessionFile`].
pub const SESSION: &str = "session.json";
/// The verifier key of the log, to compare, not to trust.
pub const KEY: &str = "key.pub";
/// The rotations that led to that key, as `gov keys export --log --chain` prints them.
pub const KEYS: &str = "key.chain";
/// Bytes of torn lines that recoveries moved aside.
pub const TORN: &str = "torn";
/// Space for the end of a session whose disk is full.
const RESERVE: &str = "reserve";
const RESERVE_BYTES: u64 = 256 << 10;
/// Bytes that are written again at once.
const PIECE: usize = 256 << 10;

/// What `session.json` says. It is not signed: the start receipt is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionFile {
    /// When the log was made, RFC 3339.
    pub created: String,
    /// The delegation's id.
    pub delegation: String,
    /// The public key that signs, in hexadecimal.
    pub key: String,
    /// The log's name in its checkpoints.
    pub origin: String,
    /// The session's name.
    pub session: String,
}

/// The two files that a log grows in.
pub(super) struct Grown {
    /// The receipts.
    pub(super) log: Appended,
    /// The checkpoints.
    pub(super) history: Appended,
}

/// Makes the folder beside its place and moves it there when it is whole; returns what grows in it.
pub(super) fn create(dir: &Path, new: &NewLog<'_>, key: Public) -> Result<Grown, JournalError> {
    let origin = parse_origin(&new.origin)?;
    let session = SessionFile {
        created: rfc3339(Offset::sample().wall_ns(boot_ns())),
        delegation: new.facts.delegation_id.clone(),
        key: key.to_string(),
        origin: origin.to_owned(),
        session: new.facts.session.clone(),
    };
    let json = |error: serde_json::Error| JournalError::Receipt(error.to_string());
    let mut files = vec![
        (SESSION, serde_json::to_vec(&session).map_err(json)?),
        (DELEGATION, new.delegation.to_vec()),
        (KEY, format!("{}\n", verifier_key(origin, key)).into_bytes()),
    ];
    if !new.keys.is_empty() {
        files.push((KEYS, new.keys.as_bytes().to_vec()));
    }
    if !new.ancestors.is_empty() {
        files.push((ANCESTORS, serde_json::to_vec(new.ancestors).map_err(json)?));
    }
    let unfinished = dir.with_extension("new");
    match std::fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(JournalError::io("remove", &unfinished)(error));
        }
        _removed_or_absent => {}
    }
    let result = fill(&unfinished, new.group, &files).and_then(|[log, history]| {
        let moved = renameat_with(CWD, &unfinished, CWD, dir, RenameFlags::NOREPLACE);
        match moved {
            Ok(()) => sync_folder(dir.parent().unwrap_or(dir)).map(|()| Grown {
                log: Appended::new(log, dir.join(LOG), 0),
                history: Appended::new(history, dir.join(CHECKPOINTS), 0),
            }),
            Err(rustix::io::Errno::EXIST) => Err(JournalError::Exists(dir.to_owned())),
            Err(error) => Err(JournalError::io("make", dir)(error.into())),
        }
    });
    if result.is_err() {
        // What is left is nobody's evidence; the error that matters is the one returned.
        let _unfinished = std::fs::remove_dir_all(&unfinished);
    }
    result
}

fn fill(dir: &Path, group: Option<u32>, files: &[(&str, Vec<u8>)]) -> Result<[File; 2], JournalError> {
    std::fs::create_dir(dir).map_err(JournalError::io("make", dir))?;
    if let Some(group) = group {
        std::os::unix::fs::chown(dir, None, Some(group)).map_err(JournalError::io("give a group to", dir))?;
    }
    // Set-group-id: what is made inside belongs to the folder's group.
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o2750))
        .map_err(JournalError::io("set the mode of", dir))?;
    for (name, content) in files {
        write_new(dir, name, content)?;
    }
    let reserve = make(dir, RESERVE)?;
    fallocate(&reserve, FallocateFlags::empty(), 0, RESERVE_BYTES)
        .map_err(|error| JournalError::io("reserve space in", dir)(error.into()))?;
    let grown = [make(dir, LOG)?, make(dir, CHECKPOINTS)?];
    sync_folder(dir)?;
    Ok(grown)
}

/// Makes a file to append to; there must be none.
fn make(dir: &Path, name: &str) -> Result<File, JournalError> {
    let path = dir.join(name);
    let mut options = OpenOptions::new();
    options.append(true).create_new(true).mode(0o640).open(&path).map_err(JournalError::io("make", &path))
}

/// Opens a file that is there: one that belongs to the daemon, that nobody else may write, and that has no other
/// name. Whoever could put something else in its place must not lead the daemon elsewhere, or keep it waiting.
pub(super) fn open(dir: &Path, name: &str, how: OFlags) -> Result<File, JournalError> {
    let path = dir.join(name);
    open_if_there(dir, name, how)?
        .ok_or_else(|| JournalError::io("open", &path)(io::ErrorKind::NotFound.into()))
}

/// The same, for a file that need not be there.
pub(super) fn open_if_there(dir: &Path, name: &str, how: OFlags) -> Result<Option<File>, JournalError> {
    let found = guarded::open(&dir.join(name), how, owner(), OTHERS_WRITE);
    match found.map_err(|error| JournalError::unguarded(dir, error))? {
        Some((_file, metadata)) if metadata.nlink() != 1 => {
            Err(JournalError::changed(dir, format!("`{name}` has a second name")))
        }
        found => Ok(found.map(|(file, _metadata)| file)),
    }
}

/// Looks whether a folder is the daemon's own, and nobody else may write into it.
pub(super) fn check(dir: &Path) -> Result<(), JournalError> {
    guarded::check_folder(dir, owner(), OTHERS_WRITE).map_err(|error| JournalError::unguarded(dir, error))
}

fn owner() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn write_new(dir: &Path, name: &str, content: &[u8]) -> Result<(), JournalError> {
    let mut file = make(dir, name)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(JournalError::io("write", &dir.join(name)))
}

/// Opens a file to append to it, of which so many bytes are whole.
pub(super) fn grow(dir: &Path, name: &str, whole: u64) -> Result<Appended, JournalError> {
    Ok(Appended::new(open(dir, name, OFlags::WRONLY | OFlags::APPEND)?, dir.join(name), whole))
}

/// Puts `content` in the file's place at once: a reader finds the old content or the new.
pub(super) fn replace(dir: &Path, name: &str, content: &[u8]) -> Result<(), JournalError> {
    let (new, path) = (dir.join(format!("{name}.new")), dir.join(name));
    // Left by a daemon that was killed here.
    remove(&new)?;
    let mut file = make(dir, &format!("{name}.new"))?;
    file.write_all(content).map_err(JournalError::io("write", dir))?;
    std::fs::rename(new, &path).map_err(JournalError::io("replace", &path))
}

/// The line of the checkpoints' file that holds this note.
pub(super) fn history_line(note: &str) -> Result<Vec<u8>, JournalError> {
    let mut line = serde_json::to_vec(note).map_err(|error| JournalError::Receipt(error.to_string()))?;
    line.push(b'\n');
    Ok(line)
}

/// Appends to a file, made where it is missing, and makes it durable.
fn append_durably(dir: &Path, name: &str, content: &[u8]) -> Result<(), JournalError> {
    let path = dir.join(name);
    let file = match open_if_there(dir, name, OFlags::WRONLY | OFlags::APPEND)? {
        Some(file) => file,
        None => make(dir, name)?,
    };
    let length = file.metadata().map_err(JournalError::io("look at", &path))?.len();
    let mut grown = Appended::new(file, path.clone(), length);
    grown.append(content)?;
    grown.file().sync_data().map_err(JournalError::io("sync", &path))?;
    sync_folder(dir)
}

/// Writes bytes of a file again as they are. After a sync that failed, the system may take pages for written that are
/// not on the disk, and only what is written anew is in the next sync.
pub(super) fn write_again(dir: &Path, name: &str, range: Range<u64>) -> Result<(), JournalError> {
    let path = dir.join(name);
    let file = open(dir, name, OFlags::RDWR)?;
    let (mut at, mut piece) = (range.start, vec![0; PIECE]);
    while at < range.end {
        let left = usize::try_from(range.end.saturating_sub(at)).unwrap_or(PIECE);
        let Some(bytes) = piece.get_mut(..left.min(PIECE)) else { break };
        file.read_exact_at(bytes, at).map_err(JournalError::io("read", &path))?;
        file.write_all_at(bytes, at).map_err(JournalError::io("write", &path))?;
        at = at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }
    Ok(())
}

/// Moves everything from byte `from` of a file to the end of the file `torn`; returns how many bytes.
pub(super) fn move_aside(dir: &Path, name: &str, from: u64) -> Result<u64, JournalError> {
    let path = dir.join(name);
    let mut file = open(dir, name, OFlags::RDWR)?;
    let mut torn = Vec::new();
    file.seek(SeekFrom::Start(from))
        .and_then(|_place| file.read_to_end(&mut torn))
        .map_err(JournalError::io("read", &path))?;
    if !torn.is_empty() {
        append_durably(dir, TORN, &torn)?;
        file.set_len(from).and_then(|()| file.sync_all()).map_err(JournalError::io("shorten", &path))?;
    }
    Ok(u64::try_from(torn.len()).unwrap_or(u64::MAX))
}

/// Makes every file and the folder durable, and gives the reserve back.
pub(super) fn sync_all(dir: &Path) -> Result<(), JournalError> {
    remove_reserve(dir)?;
    for name in [LOG, CHECKPOINT, CHECKPOINTS] {
        let file = open(dir, name, OFlags::RDONLY)?;
        file.sync_all().map_err(JournalError::io("sync", &dir.join(name)))?;
    }
    sync_folder(dir)
}

pub(super) fn sync_folder(dir: &Path) -> Result<(), JournalError> {
    File::open(dir).and_then(|folder| folder.sync_all()).map_err(JournalError::io("sync", dir))
}

pub(super) fn remove_reserve(dir: &Path) -> Result<(), JournalError> {
    remove(&dir.join(RESERVE))
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<(), JournalError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(JournalError::io("remove", path)(error)),
        _removed_or_absent => Ok(()),
    }
}
