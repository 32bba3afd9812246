//! The files of a log's folder: made at once, replaced at once, appended to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{CWD, FallocateFlags, RenameFlags, fallocate, renameat_with};
use serde::{Deserialize, Serialize};

use super::{JournalError, NewLog};
use crate::clock::{Offset, boot_ns, rfc3339};
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

/// Makes the folder beside its place and moves it there when it is whole; returns the open log.
pub(super) fn create(dir: &Path, new: &NewLog<'_>, key: Public) -> Result<File, JournalError> {
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
        (CHECKPOINTS, Vec::new()),
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
    let result = fill(&unfinished, new.group, &files).and_then(|file| {
        let moved = renameat_with(CWD, &unfinished, CWD, dir, RenameFlags::NOREPLACE);
        match moved {
            Ok(()) => sync_folder(dir.parent().unwrap_or(dir)).map(|()| file),
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

fn fill(dir: &Path, group: Option<u32>, files: &[(&str, Vec<u8>)]) -> Result<File, JournalError> {
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
    let reserve = open(dir, RESERVE, OpenOptions::new().write(true).create_new(true))?;
    fallocate(&reserve, FallocateFlags::empty(), 0, RESERVE_BYTES)
        .map_err(|error| JournalError::io("reserve space in", dir)(error.into()))?;
    let log = open(dir, LOG, OpenOptions::new().append(true).create_new(true))?;
    sync_folder(dir)?;
    Ok(log)
}

fn open(dir: &Path, name: &str, options: &mut OpenOptions) -> Result<File, JournalError> {
    let path = dir.join(name);
    options.mode(0o640).open(&path).map_err(JournalError::io("open", &path))
}

fn write_new(dir: &Path, name: &str, content: &[u8]) -> Result<(), JournalError> {
    let mut file = open(dir, name, OpenOptions::new().write(true).create_new(true))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(JournalError::io("write", &dir.join(name)))
}

/// Opens the log to append to it.
pub(super) fn open_log(dir: &Path) -> Result<File, JournalError> {
    open(dir, LOG, OpenOptions::new().append(true))
}

/// Puts `content` in the file's place at once: a reader finds the old content or the new.
pub(super) fn replace(dir: &Path, name: &str, content: &[u8]) -> Result<(), JournalError> {
    let (new, path) = (dir.join(format!("{name}.new")), dir.join(name));
    let mut file =
        open(dir, &format!("{name}.new"), OpenOptions::new().write(true).create(true).truncate(true))?;
    file.write_all(content).map_err(JournalError::io("write", dir))?;
    std::fs::rename(new, &path).map_err(JournalError::io("replace", &path))
}

/// The line of the checkpoints' file that holds this note.
pub(super) fn history_line(note: &str) -> Result<Vec<u8>, JournalError> {
    let mut line = serde_json::to_vec(note).map_err(|error| JournalError::Receipt(error.to_string()))?;
    line.push(b'\n');
    Ok(line)
}

/// Appends to a file of the folder; on an error it is as long as before.
pub(super) fn append(dir: &Path, name: &str, content: &[u8]) -> Result<(), JournalError> {
    let mut file = open(dir, name, OpenOptions::new().append(true).create(true))?;
    let length = file.metadata().map_err(JournalError::io("look at", dir))?.len();
    file.write_all(content).or_else(|error| {
        file.set_len(length).map_err(JournalError::io("shorten", &dir.join(name)))?;
        Err(JournalError::io("write", dir)(error))
    })
}

/// Appends to a file and makes it durable.
fn append_durably(dir: &Path, name: &str, content: &[u8]) -> Result<(), JournalError> {
    append(dir, name, content)?;
    let file = open(dir, name, OpenOptions::new().append(true))?;
    file.sync_all().map_err(JournalError::io("sync", &dir.join(name)))?;
    sync_folder(dir)
}

/// Moves everything from byte `from` of a file to the end of the file `torn`; returns how many bytes.
pub(super) fn move_aside(dir: &Path, name: &str, from: u64) -> Result<u64, JournalError> {
    let path = dir.join(name);
    let mut file = open(dir, name, OpenOptions::new().read(true).append(true))?;
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
        let file = open(dir, name, OpenOptions::new().read(true))?;
        file.sync_all().map_err(JournalError::io("sync", &dir.join(name)))?;
    }
    sync_folder(dir)
}

pub(super) fn sync_folder(dir: &Path) -> Result<(), JournalError> {
    File::open(dir).and_then(|folder| folder.sync_all()).map_err(JournalError::io("sync", dir))
}

pub(super) fn remove_reserve(dir: &Path) -> Result<(), JournalError> {
    let path = dir.join(RESERVE);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(JournalError::io("remove", &path)(error))
        }
        _removed_or_absent => Ok(()),
    }
}
