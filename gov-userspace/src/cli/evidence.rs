//! Where evidence lies and who may have signed it: what `verify`, `audit` and `receipts` share.

use std::fs::File;
use std::io::{BufReader, Read};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use super::bar::Bar;
use super::{Exit, Failure};
use crate::journal::{ANCESTORS, CHECKPOINT, CHECKPOINTS, DELEGATION, KEYS, LOG, SESSION, SessionFile};
use crate::key::Public;
use crate::keystore;
use crate::note::{MAX_NOTE, parse_verifier_key};
use crate::rotation::{Chain, Purpose};
use crate::verify::{self, Evidence, Report, Signers};

/// The longest delegation or session file that is read.
const MAX_SMALL_FILE: u64 = 1 << 20;
/// The longest file with a receipt and its proof: the longest line, twice as long when it is quoted, and its proof.
const MAX_PROOF: u64 = 3 << 20;

/// Who may have signed, and for whom the answer is printed.
#[derive(clap::Args, Debug)]
pub(super) struct Reading {
    /// A public key that is trusted to sign logs: 64 hexadecimal digits, did:key, verifier key, or a file with one.
    /// Without it, this host's own.
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// The rotations that lead from such a key to the one that signed, as `gov keys export --log --chain` prints them.
    /// Without it, those beside the log, or this host's own.
    #[arg(long, value_name = "FILE")]
    chain: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Check a log on this many threads. Without it, on as many as there are processors.
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
}

impl Reading {
    /// The keys that are trusted: those given, or this host's own if none is, and all that rotations lead to from
    /// there. `beside` is the log's folder, if there is one.
    pub(super) fn trusted(&self, beside: Option<&Path>) -> Result<Signers, Failure> {
        let parse = |text: Vec<u8>| Chain::parse(&text, Purpose::Log);
        let read = |path: &Path| small(path).map_err(|error| unreadable(path, &error));
        let given = match &self.chain {
            Some(path) => Some(parse(read(path)?.ok_or_else(|| {
                Failure::new(Exit::Usage, format!("`{}`", path.display()), "no such file")
                    .remedy("`gov keys export --log --chain` prints one")
            })?)),
            None => None,
        };
        // Whoever may not look at this host's keys is told by the verdict to give one.
        let own = small(&state().join("keys/log.chain")).ok().flatten().map(parse);
        let past = own.clone().and_then(Result::ok).unwrap_or_default();
        if self.key.is_empty() {
            let current = keystore::log_public(&state()).ok().flatten();
            let keys = current.into_iter().chain(past.rotated()).collect();
            return Ok(Signers::new(keys, given.or(own)).told_by(past));
        }
        let keys: Vec<Public> = self.key.iter().map(|text| key(text)).collect::<Result<_, _>>()?;
        let beside = beside.map_or(Ok(None), |folder| read(&folder.join(KEYS)))?.map(parse);
        // What a log brings along must not tell another story than this host's own, where that knows the key.
        let chain = given.or(beside).map(|chain| chain.and_then(|chain| chain.beside(&past))).or(own);
        Ok(Signers::new(keys, chain))
    }
}

/// The daemon's state folder: `GOV_STATE`, or `/var/lib/gov`.
pub(super) fn state() -> PathBuf {
    std::env::var_os("GOV_STATE").map_or_else(|| PathBuf::from("/var/lib/gov"), PathBuf::from)
}

/// The log's folder: a folder with a log, or the name of one of this host's sessions.
pub(super) fn folder(target: &Path) -> Result<PathBuf, Failure> {
    let session = state().join("logs").join(target);
    for folder in [target.to_owned(), session] {
        match std::fs::metadata(folder.join(LOG)) {
            Ok(_there) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err(unreadable(&folder, &error));
            }
            Err(_absent) => {}
        }
    }
    Err(Failure::new(
        Exit::Usage,
        format!("`{}`", target.display()),
        "no such session, and no folder with a log",
    )
    .remedy("`gov ps --all` lists this host's sessions"))
}

/// The failure of a file that cannot be read: without it nothing can be known.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::because(Exit::Unknown, format!("cannot read `{}`", path.display()), error);
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            failure.remedy("its owner and root can read it, and so can whoever they give a copy to")
        }
        _other => failure,
    }
}

/// A key as hexadecimal digits, did:key or verifier key, or a file with one of them.
fn key(text: &str) -> Result<Public, Failure> {
    let parse = |text: &str| {
        Public::from_hex(text)
            .or_else(|_| Public::from_did(text))
            .ok()
            .or_else(|| parse_verifier_key(text).ok())
    };
    if let Some(key) = parse(text) {
        return Ok(key);
    }
    let content = small(Path::new(text)).ok().flatten().unwrap_or_default();
    parse(String::from_utf8_lossy(&content).trim()).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("--key `{text}`"), "no Ed25519 public key, and no file with one")
            .remedy("give 64 hexadecimal digits, a did:key, a verifier key `NAME+HASH+BASE64`, or a file with one")
    })
}

/// The content of a small file; `None` if there is no such file.
pub(super) fn small(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    upto(path, MAX_SMALL_FILE)
}

/// The content of a file up to a length; `None` if there is no such file.
fn upto(path: &Path, length: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    match File::open(path).and_then(|file| file.take(length).read_to_end(&mut content)) {
        Ok(_length) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The content of a file with a proof.
pub(super) fn proof(path: &Path) -> Result<Vec<u8>, Failure> {
    upto(path, MAX_PROOF).map_err(|error| unreadable(path, &error)).map(Option::unwrap_or_default)
}

/// The content of a file with a checkpoint's note, which the caller named.
pub(super) fn note(path: &Path) -> Result<Vec<u8>, Failure> {
    match small(path) {
        Ok(Some(note)) => Ok(note),
        Ok(None) => Err(Failure::new(Exit::Usage, format!("`{}`", path.display()), "no such file")),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// A log's receipts.
pub(super) fn log(folder: &Path) -> Result<BufReader<File>, Failure> {
    let path = folder.join(LOG);
    File::open(&path).map(BufReader::new).map_err(|error| unreadable(&path, &error))
}

/// A log's latest checkpoint; empty if there is none.
pub(super) fn checkpoint(folder: &Path) -> Result<Vec<u8>, Failure> {
    let path = folder.join(CHECKPOINT);
    let mut note = small(&path).map_err(|error| unreadable(&path, &error))?.unwrap_or_default();
    note.truncate(MAX_NOTE.saturating_add(1));
    Ok(note)
}

/// The delegation of a log and those that it narrows, as they came, from the root on.
pub(super) fn chain(folder: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let read = |name: &str| {
        let path = folder.join(name);
        small(&path).map_err(|error| unreadable(&path, &error))
    };
    let above: Vec<String> = match read(ANCESTORS)? {
        Some(texts) => serde_json::from_slice(&texts)
            .map_err(|error| Failure::because(Exit::DoesNotHold, format!("`{ANCESTORS}`"), &error))?,
        None => Vec::new(),
    };
    Ok(above.into_iter().map(String::into_bytes).chain(read(DELEGATION)?).collect())
}

/// Checks the log in a folder, and that it begins with what an older checkpoint covered.
pub(super) fn verify(
    folder: &Path,
    reading: &Reading,
    trusted: Signers,
    since: Option<Vec<u8>>,
) -> Result<Report, Failure> {
    let optional = |name: &str| {
        let path = folder.join(name);
        small(&path).map_err(|error| unreadable(&path, &error))
    };
    let path = folder.join(CHECKPOINTS);
    let history = match File::open(&path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(unreadable(&path, &error)),
    };
    let session: Option<SessionFile> =
        optional(SESSION)?.and_then(|session| serde_json::from_slice(&session).ok());
    let path = folder.join(LOG);
    let log = File::open(&path).map_err(|error| unreadable(&path, &error))?;
    let mut bar = Bar::new(log.metadata().map(|log| log.len()).unwrap_or_default());
    let evidence = Evidence {
        log,
        checkpoint: checkpoint(folder)?,
        history,
        since,
        delegation: optional(DELEGATION)?,
        ancestors: optional(ANCESTORS)?,
        claimed: session.and_then(|session| Public::from_hex(&session.key).ok()),
    };
    let threads = reading.threads.or_else(|| std::thread::available_parallelism().ok());
    let report = verify::log(evidence, trusted, threads.map_or(1, NonZero::get), &mut |bytes| bar.add(bytes));
    report.map_err(|error| unreadable(&path, &error))
}
