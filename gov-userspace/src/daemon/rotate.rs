//! Rotates the key that signs logs while the daemon runs: sessions that began keep theirs, to the end of their logs.

use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;

use super::answers::{code, refusal};
use super::core::Core;
use super::ground::credentials;
use super::lock;
use super::own::HOST;
use super::recovery::last_kind;
use crate::control::message::{Reply, Rotated};
use crate::journal::{self, JournalError, MAX_SESSION_FILE, SESSION, SessionFile};
use crate::key::Public;
use crate::keystore::LogKeys;
use crate::session::enforcer::Enforcer;

/// Bytes that hold the last line of a log that was closed: one that lists every hook. Of one that is longer it is not known
/// whether it was, and its key stays.
const LAST_LINE: u64 = 64 << 10;

impl<E: Enforcer> Core<E> {
    /// Has a new key sign the logs of sessions that begin from here on.
    pub(super) fn rotate_log_key(&mut self) -> Reply {
        let old = self.ground.keys.current().public().to_string();
        if let Err(error) = self.ground.keys.rotate(Timestamp::now()) {
            tracing::error!("the key that signs logs was not rotated: {error}");
            return Reply::Refused(refusal(code::FAILED, "the key that signs logs", &error));
        }
        let new = self.ground.keys.current().public().to_string();
        tracing::info!(old, new, "the key that signs logs was rotated; sessions that run keep the old one");
        self.destroy_unneeded_keys();
        Reply::Rotated(Rotated { old, new })
    }

    /// Destroys the keys that gave way and that no log without an end needs any more.
    pub(super) fn destroy_unneeded_keys(&mut self) {
        for key in self.ground.keys.retired() {
            match self.is_needed(key) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%key, "a key that gave way is kept, because a log cannot be looked at: {error}");
                    continue;
                }
            }
            match self.ground.keys.destroy(key) {
                Ok(true) => {
                    tracing::info!(%key, "a key that gave way was overwritten and removed: no log needs it")
                }
                Ok(false) => tracing::info!(
                    %key,
                    "a key that gave way is not needed any more: take the credential `log.key.previous` away"
                ),
                Err(error) => tracing::error!(%key, "a key that gave way stays: {error}"),
            }
        }
    }

    /// The sessions whose logs have no end yet.
    fn open_logs(&self) -> impl Iterator<Item = &str> {
        let open = self.sessions.keys().chain(self.released.keys());
        open.chain(self.unfinished.iter().map(|(name, _)| name)).map(String::as_str)
    }

    /// Whether a log without an end names the key: first of the sessions that are here, then of all that are left.
    fn is_needed(&self, key: Public) -> anyhow::Result<bool> {
        let logs = &self.ground.folders.logs;
        for name in self.open_logs() {
            if names(&logs.join(name), key)? {
                return Ok(true);
            }
        }
        for entry in std::fs::read_dir(logs)? {
            let entry = entry?;
            // A stray file is no log.
            if !entry.file_type()?.is_dir() {
                continue;
            }
            let folder = entry.path();
            if names(&folder, key)?
                && !matches!(last_kind(&folder, LAST_LINE)?.as_deref(), Some("close" | "recovered"))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Rotates the key where no daemon runs, and keeps one from starting meanwhile: the old key and the new one. The next
/// daemon destroys the old one when no log needs it.
pub fn rotate_alone(state: &Path) -> anyhow::Result<(Public, Public)> {
    std::fs::create_dir_all(HOST).with_context(|| format!("cannot make the folder `{HOST}`"))?;
    let _lock = lock::take(&Path::new(HOST).join("govd.lock"))?;
    let mut keys = LogKeys::open(state, credentials().as_deref())?;
    let old = keys.current().public();
    keys.rotate(Timestamp::now())?;
    Ok((old, keys.current().public()))
}

/// Whether a log names this key as its own.
fn names(folder: &Path, key: Public) -> Result<bool, JournalError> {
    let Some(file) = journal::open(folder, SESSION)? else { return Ok(false) };
    // What cannot be read may name any key.
    Ok(serde_json::from_reader::<_, SessionFile>(BufReader::new(file.take(MAX_SESSION_FILE)))
        .map_or(true, |session| session.key == key.to_string()))
}
