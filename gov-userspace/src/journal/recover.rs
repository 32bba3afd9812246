//! Takes a log up again after the daemon stopped without closing it, and says so in the log.

use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;

use super::folder::{self, CHECKPOINT, CHECKPOINTS, Grown, LOG, SESSION, SessionFile};
use super::publish::{Publisher, Publishing};
use super::scan::{Scan, scan};
use super::{JournalError, Log};
use crate::canonical::Value;
use crate::clock::Offset;
use crate::crash;
use crate::key::{Public, Secret};
use crate::lines::{Line, Lines};
use crate::note::{Checkpoint, MAX_NOTE, NoteError};
use crate::receipt::{Count, Encoder, Fact, Receipt, Recovered};

/// The longest `session.json` that is read.
pub const MAX_SESSION_FILE: u64 = 64 << 10;

/// What became of a log that was found.
pub enum Recovery {
    /// It was closed and signed: nothing to do.
    Closed,
    /// It can be gone on with.
    Resumed(Box<Log>, Resumed),
}

/// A key that may sign logs here.
pub enum Signer {
    /// It is in use, or kept for logs that it began.
    Kept(Arc<Secret>),
    /// It gave way and was destroyed; what it signed it signed.
    Gone,
}

/// Where a log stands that is gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// Lines that the last checkpoint covers.
    pub covered: u64,
    /// Whole lines found.
    pub found: u64,
    /// Bytes moved aside.
    pub torn: u64,
    /// The boot in which the session began, if the start receipt was written.
    pub boot_id: Option<String>,
    /// The hooks that were attached then.
    pub hooks: Vec<String>,
    /// The latest time of the boot clock in a line, nanoseconds.
    pub last_ns: u64,
    /// How far the wall clock was ahead of the boot clock when the last line was written.
    pub offset: Option<Offset>,
    /// The number after that of the last kernel event in it.
    pub next_sequence: u64,
}

impl Resumed {
    fn of(scan: &Scan, length: u64) -> Self {
        Self {
            covered: scan.covered,
            found: scan.tree.size(),
            torn: length.saturating_sub(scan.bytes),
            boot_id: scan.boot_id.clone(),
            hooks: scan.hooks.clone(),
            last_ns: scan.last_ns,
            offset: scan.last.offset(),
            next_sequence: scan.next_sequence,
        }
    }
}

impl Log {
    /// Takes up the log in `dir`, with the key among those that may sign logs here which `find` knows: checks what the
    /// last checkpoint covers, keeps the whole lines after it, moves a torn end to the file `torn`, and adds and commits a receipt that says so. Before it stands
    /// what `tell` makes of the log as it was found, if it does not say why it cannot be right. Each whole line is shown
    /// to `read`.
    ///
    /// # Errors
    /// [`JournalError::Changed`] if the folder or a file is not as the daemon made it, if the log is another's, if the
    /// covered lines are not what was signed, or were signed by another key; the folder is then left as it was found.
    /// Otherwise what the system says.
    pub fn recover(
        dir: &Path,
        find: impl FnOnce(Public) -> Option<Signer>,
        mut read: impl FnMut(&Value<'_>),
        tell: impl FnOnce(&Resumed) -> Result<Vec<Fact>, String>,
    ) -> Result<Recovery, JournalError> {
        folder::check(dir)?;
        let session = read_session(dir)?;
        let public = Public::from_hex(&session.key).ok();
        let signer = public.and_then(|public| Some((public, find(public)?)));
        let Some((public, signer)) = signer else {
            let what = format!("its key is {}, which never signed logs here", session.key);
            return Err(JournalError::changed(dir, what));
        };
        check_name(dir, &session)?;
        let history = History::read(dir)?;
        let last = last_checkpoint(dir, &history, &session.origin, public)?;
        let file = folder::open(dir, LOG, OFlags::RDONLY)?;
        let length = file.metadata().map_err(JournalError::io("look at", &dir.join(LOG)))?.len();
        let scan = scan(dir, BufReader::new(&file), last.as_ref(), session, &mut read)?;
        if scan.closed && scan.covered == scan.tree.size() && scan.bytes == length {
            // The last checkpoint stands among all of them before it takes the latest one's place.
            if history.latest != history.last && !history.last.is_empty() {
                folder::replace(dir, CHECKPOINT, &history.last)?;
            }
            return Ok(Recovery::Closed);
        }
        let Signer::Kept(key) = signer else {
            return Err(JournalError::NoKey { path: dir.to_owned(), key: public });
        };
        let resumed = Resumed::of(&scan, length);
        let told = tell(&resumed).map_err(|why| JournalError::changed(dir, why))?;
        folder::move_aside(dir, CHECKPOINTS, history.whole)?;
        folder::move_aside(dir, LOG, scan.bytes)?;
        crash::point("moved-aside");
        let grown = Grown {
            log: folder::grow(dir, LOG, scan.bytes)?,
            history: folder::grow(dir, CHECKPOINTS, history.whole)?,
        };
        folder::write_again(dir, LOG, scan.covered_bytes..scan.bytes)?;
        let log = resume(dir, key, grown, scan, &resumed, &told)?;
        Ok(Recovery::Resumed(Box::new(log), resumed))
    }
}

fn resume(
    dir: &Path,
    key: Arc<Secret>,
    grown: Grown,
    scan: Scan,
    resumed: &Resumed,
    told: &[Fact],
) -> Result<Log, JournalError> {
    let publisher = Publisher { dir: dir.to_owned(), key, history: grown.history, noted: scan.covered };
    let mut log = Log {
        dir: dir.to_owned(),
        origin: scan.origin,
        encoder: Encoder::new(scan.facts),
        lines: grown.log,
        publishing: Publishing::new(publisher),
        pending: Vec::new(),
        tree: scan.tree,
        covered: scan.covered,
        durable: true,
    };
    // Behind a close receipt nothing stands but the recovery.
    if !scan.closed {
        for fact in told {
            log.append(Receipt::Fact(fact))?;
        }
    }
    let Resumed { covered, found, torn, .. } = *resumed;
    let fact = Recovered { covered: Count(covered), found: Count(found), torn: Count(torn) };
    log.append(Receipt::Fact(&Fact::Recovered(fact)))?;
    log.commit()?;
    Ok(log)
}

/// The log must be that of the session whose name its folder has: a copy that went on would be a second log of one name.
fn check_name(dir: &Path, session: &SessionFile) -> Result<(), JournalError> {
    let own = dir.file_name().is_some_and(|name| name == session.session.as_str());
    if own && session.origin.rsplit('/').next() == Some(&session.session) {
        return Ok(());
    }
    Err(JournalError::changed(
        dir,
        format!("it is the log of the session `{}`, `{}`", session.session, session.origin),
    ))
}

fn read_session(dir: &Path) -> Result<SessionFile, JournalError> {
    let mut bytes = Vec::new();
    folder::open(dir, SESSION, OFlags::RDONLY)?
        .take(MAX_SESSION_FILE)
        .read_to_end(&mut bytes)
        .map_err(JournalError::io("read", &dir.join(SESSION)))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| JournalError::changed(dir, format!("`{SESSION}` is unreadable: {error}")))
}

/// The signed checkpoint that covers most. A torn one is passed over, a wrongly signed one is an error.
fn last_checkpoint(
    dir: &Path,
    history: &History,
    origin: &str,
    key: Public,
) -> Result<Option<Checkpoint>, JournalError> {
    let mut best: Option<Checkpoint> = None;
    for note in [&history.latest, &history.last] {
        match Checkpoint::verify(note, &[key]) {
            Ok((checkpoint, _)) if checkpoint.origin != origin => {
                return Err(JournalError::changed(
                    dir,
                    format!("a checkpoint is of `{}`", checkpoint.origin),
                ));
            }
            Ok((checkpoint, _)) => {
                best = best.filter(|best| best.size >= checkpoint.size).or(Some(checkpoint));
            }
            Err(NoteError::Form(_)) => {}
            Err(error) => {
                return Err(JournalError::changed(dir, format!("a checkpoint does not verify: {error}")));
            }
        }
    }
    Ok(best)
}

/// The checkpoints that were found.
struct History {
    /// The latest, perhaps torn.
    latest: Vec<u8>,
    /// The last whole one of all.
    last: Vec<u8>,
    /// Bytes of whole lines in the file of all.
    whole: u64,
}

impl History {
    fn read(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join(CHECKPOINTS);
        let file = folder::open(dir, CHECKPOINTS, OFlags::RDONLY)?;
        let mut history = Self { latest: read_note(dir)?, last: Vec::new(), whole: 0 };
        let mut lines = Lines::new(BufReader::new(file));
        while let Line::Whole(line) = lines.read().map_err(JournalError::io("read", &path))? {
            let Ok(note) = serde_json::from_slice::<String>(line) else { break };
            let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
            history.whole = history.whole.saturating_add(length).saturating_add(1);
            history.last = note.into_bytes();
        }
        Ok(history)
    }
}

/// The latest checkpoint, nothing if there is none.
fn read_note(dir: &Path) -> Result<Vec<u8>, JournalError> {
    let mut note = Vec::new();
    let limit = u64::try_from(MAX_NOTE).unwrap_or(u64::MAX).saturating_add(1);
    if let Some(file) = folder::open_if_there(dir, CHECKPOINT, OFlags::RDONLY)? {
        let read = file.take(limit).read_to_end(&mut note);
        read.map_err(JournalError::io("read", &dir.join(CHECKPOINT)))?;
    }
    Ok(note)
}
