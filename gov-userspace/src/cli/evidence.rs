//! Where evidence lies and who may have signed it: what `verify`, `audit` and `receipts` share.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::{Exit, Failure};
use crate::journal::{ANCESTORS, CHECKPOINT, CHECKPOINTS, DELEGATION, LOG, SESSION, SessionFile};
use crate::key::Public;
use crate::keystore;
use crate::note::{MAX_NOTE, parse_verifier_key};
use crate::verify::{self, Evidence, Report};

/// The longest delegation or session file that is read.
const MAX_SMALL_FILE: u64 = 1 << 20;

/// Who may have signed, and for whom the answer is printed.
#[derive(clap::Args, Debug)]
pub(super) struct Reading {
    /// A public key that is trusted to sign logs: 64 hexadecimal digits, did:key, verifier key, or a file with one.
    /// Without it, this host's own.
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// Print the report as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl Reading {
    /// The keys that are trusted: those given, or this host's own if none is.
    pub(super) fn trusted(&self) -> Result<Vec<Public>, Failure> {
        if !self.key.is_empty() {
            return self.key.iter().map(|text| key(text)).collect();
        }
        // Whoever may not look at this host's key is told by the verdict to give one.
        Ok(keystore::log_public(&state()).ok().flatten().into_iter().collect())
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
    let mut content = Vec::new();
    match File::open(path).and_then(|file| file.take(MAX_SMALL_FILE).read_to_end(&mut content)) {
        Ok(_length) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
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

/// Checks the log in a folder.
pub(super) fn verify(folder: &Path, trusted: &[Public]) -> Result<Report, Failure> {
    let optional = |name: &str| {
        let path = folder.join(name);
        small(&path).map_err(|error| unreadable(&path, &error))
    };
    let path = folder.join(CHECKPOINTS);
    let history = match File::open(&path) {
        Ok(file) => Some(BufReader::new(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(unreadable(&path, &error)),
    };
    let session: Option<SessionFile> =
        optional(SESSION)?.and_then(|session| serde_json::from_slice(&session).ok());
    let evidence = Evidence {
        log: log(folder)?,
        checkpoint: checkpoint(folder)?,
        history,
        delegation: optional(DELEGATION)?,
        ancestors: optional(ANCESTORS)?,
        claimed: session.and_then(|session| Public::from_hex(&session.key).ok()),
    };
    verify::log(evidence, trusted).map_err(|error| unreadable(&folder.join(LOG), &error))
}
