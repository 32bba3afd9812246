//! Takes a log up again after the daemon stopped without closing it, and says so in the log.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use super::folder::{self, CHECKPOINT, CHECKPOINTS, LOG, SESSION, SessionFile};
use super::{JournalError, Log};
use crate::canonical::{self, Value};
use crate::crash;
use crate::key::{Public, Secret};
use crate::lines::{Line, Lines};
use crate::merkle::{self, Tree};
use crate::note::{Checkpoint, MAX_NOTE, NoteError};
use crate::receipt::{Count, Encoder, Fact, Receipt, Recovered, SessionFacts};

/// The longest `session.json` that is read.
const MAX_SESSION_FILE: u64 = 64 << 10;

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
    /// The boot clock in the last line, nanoseconds.
    pub last_ns: u64,
}

impl Log {
    /// Takes up the log in `dir`, with the key among those that may sign logs here which `find` knows: checks what the last checkpoint covers, keeps the whole lines
    /// after it, moves a torn end to the file `torn`, and adds and commits a receipt that says so. Before it stands
    /// what `tell` makes of the log as it was found. Each whole line is shown to `read`.
    ///
    /// # Errors
    /// [`JournalError::Changed`] if the covered lines are not what was signed, or were signed by another key; the
    /// folder is then left as it was found. Otherwise what the system says.
    pub fn recover(
        dir: &Path,
        find: impl FnOnce(Public) -> Option<Signer>,
        mut read: impl FnMut(&Value<'_>),
        tell: impl FnOnce(&Resumed) -> Option<Fact>,
    ) -> Result<Recovery, JournalError> {
        let session = read_session(dir)?;
        let public = Public::from_hex(&session.key).ok();
        let signer = public.and_then(|public| Some((public, find(public)?)));
        let Some((public, signer)) = signer else {
            return Err(changed(dir, format!("its key is {}, which never signed logs here", session.key)));
        };
        let history = History::read(dir)?;
        let last = last_checkpoint(dir, &history, &session.origin, public)?;
        let path = dir.join(LOG);
        let file = File::open(&path).map_err(JournalError::io("open", &path))?;
        let length = file.metadata().map_err(JournalError::io("look at", &path))?.len();
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
        folder::move_aside(dir, CHECKPOINTS, history.whole)?;
        let torn = folder::move_aside(dir, LOG, scan.bytes)?;
        crash::point("moved-aside");
        let log = folder::open_log(dir)?;
        resume(dir, key, log, scan, torn, tell)
    }
}

fn resume(
    dir: &Path,
    key: Arc<Secret>,
    file: File,
    scan: Scan,
    torn: u64,
    tell: impl FnOnce(&Resumed) -> Option<Fact>,
) -> Result<Recovery, JournalError> {
    let found = scan.tree.size();
    let resumed = Resumed {
        covered: scan.covered,
        found,
        torn,
        boot_id: scan.boot_id,
        hooks: scan.hooks,
        last_ns: scan.last_ns,
    };
    let mut log = Log {
        dir: dir.to_owned(),
        origin: scan.origin,
        key,
        encoder: Encoder::new(scan.facts),
        file,
        written: scan.bytes,
        pending: Vec::new(),
        tree: scan.tree,
        covered: scan.covered,
        durable: true,
    };
    // Behind a close receipt nothing stands but the recovery.
    if !scan.closed
        && let Some(fact) = tell(&resumed)
    {
        log.append(Receipt::Fact(&fact))?;
    }
    let fact = Recovered { covered: Count(resumed.covered), found: Count(found), torn: Count(torn) };
    log.append(Receipt::Fact(&Fact::Recovered(fact)))?;
    log.commit()?;
    Ok(Recovery::Resumed(Box::new(log), resumed))
}

fn changed(dir: &Path, what: impl Into<String>) -> JournalError {
    JournalError::Changed { path: dir.to_owned(), what: what.into() }
}

fn read_session(dir: &Path) -> Result<SessionFile, JournalError> {
    let path = dir.join(SESSION);
    let mut bytes = Vec::new();
    File::open(&path)
        .and_then(|file| file.take(MAX_SESSION_FILE).read_to_end(&mut bytes))
        .map_err(JournalError::io("read", &path))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| changed(dir, format!("`{SESSION}` is unreadable: {error}")))
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
                return Err(changed(dir, format!("a checkpoint is of `{}`", checkpoint.origin)));
            }
            Ok((checkpoint, _)) => {
                best = best.filter(|best| best.size >= checkpoint.size).or(Some(checkpoint));
            }
            Err(NoteError::Form(_)) => {}
            Err(error) => return Err(changed(dir, format!("a checkpoint does not verify: {error}"))),
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
        let file = File::open(&path).map_err(JournalError::io("open", &path))?;
        let mut history = Self { latest: read_note(&dir.join(CHECKPOINT))?, last: Vec::new(), whole: 0 };
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

/// A file with one note, nothing if there is no file.
fn read_note(path: &Path) -> Result<Vec<u8>, JournalError> {
    let mut note = Vec::new();
    let limit = u64::try_from(MAX_NOTE).unwrap_or(u64::MAX).saturating_add(1);
    match File::open(path).and_then(|file| file.take(limit).read_to_end(&mut note)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(JournalError::io("read", path)(error))
        }
        _read_or_absent => Ok(note),
    }
}

struct Scan {
    origin: String,
    facts: SessionFacts,
    tree: Tree,
    covered: u64,
    /// Bytes of whole, usable lines.
    bytes: u64,
    closed: bool,
    boot_id: Option<String>,
    hooks: Vec<String>,
    last_ns: u64,
}

fn scan(
    dir: &Path,
    reader: BufReader<&File>,
    last: Option<&Checkpoint>,
    session: SessionFile,
    read: &mut impl FnMut(&Value<'_>),
) -> Result<Scan, JournalError> {
    let covered = last.map_or(0, |checkpoint| checkpoint.size);
    let mut scan = Scan {
        origin: session.origin,
        facts: SessionFacts {
            session: session.session,
            delegation_id: session.delegation,
            scopes: Vec::new(),
        },
        tree: Tree::default(),
        covered,
        bytes: 0,
        closed: false,
        boot_id: None,
        hooks: Vec::new(),
        last_ns: 0,
    };
    let mut lines = Lines::new(reader);
    while let Line::Whole(line) = lines.read().map_err(JournalError::io("read", &dir.join(LOG)))? {
        if scan.take(line, read).is_none() {
            // Behind the last checkpoint, a power cut may leave anything: it is moved aside, not trusted.
            break;
        }
        if scan.tree.size() == covered && last.is_some_and(|last| last.root != scan.tree.root()) {
            return Err(changed(dir, format!("its first {covered} lines are not those of the checkpoint")));
        }
    }
    if scan.tree.size() < covered {
        return Err(changed(dir, format!("{} usable lines, {covered} were signed", scan.tree.size())));
    }
    Ok(scan)
}

impl Scan {
    /// Takes a line if it is the next receipt.
    fn take(&mut self, line: &[u8], read: &mut impl FnMut(&Value<'_>)) -> Option<()> {
        let value = canonical::parse(line).ok()?;
        if value.field("index")?.number()? != self.tree.size() {
            return None;
        }
        let kind = value.field("kind")?.text()?;
        if matches!(kind, "start" | "policy-changed") {
            let scopes = value.field("scopes")?.elements();
            self.facts.scopes = scopes.iter().filter_map(|scope| scope.text().map(str::to_owned)).collect();
        }
        if kind == "start" {
            self.boot_id = value.field("boot_id").and_then(Value::text).map(str::to_owned);
            let hooks = value.field("enforcement").and_then(|enforcement| enforcement.field("hooks"));
            let hooks = hooks.map_or(&[][..], |hooks| hooks.elements());
            self.hooks =
                hooks.iter().filter_map(|hook| Some(hook.field("name")?.text()?.to_owned())).collect();
        }
        let boot = value.field("boot").and_then(Value::text).and_then(|text| text.parse().ok());
        self.last_ns = boot.map_or(self.last_ns, |boot: u64| self.last_ns.max(boot));
        self.closed = kind == "close";
        read(&value);
        self.tree.push(merkle::leaf(line));
        let length = u64::try_from(line.len()).ok()?;
        self.bytes = self.bytes.saturating_add(length).saturating_add(1);
        Some(())
    }
}
