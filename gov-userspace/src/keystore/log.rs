//! The daemon's keys that sign logs: the one in use, those before it that an open log still needs, and how each came to
//! follow the other.
//!
//! The key is a file in the state folder, or one there that the host's TPM sealed, or a credential of the service
//! manager's. Where two of them, or what was used before, say different things, it is an error and never a choice.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rustix::process::geteuid;

use super::slot::{Form, Held, Slot, wipe};
use super::{KeystoreError, open};
use crate::guarded;
use crate::key::{Public, Secret};
use crate::rotation::Chain;

/// The credential's name.
const CREDENTIAL: &str = "log.key";
/// The name of the one before it, when another takes its place.
const PREVIOUS: &str = "log.key.previous";

/// The keys of a daemon.
#[derive(Debug)]
pub struct LogKeys {
    slot: Slot,
    current: Arc<Secret>,
    chain: Chain,
    retired: Vec<Arc<Secret>>,
}

impl LogKeys {
    /// Opens them; the first is made on first use. `credentials` is the folder that the service manager made for this
    /// process.
    ///
    /// # Errors
    /// [`KeystoreError`].
    pub fn open(state: &Path, credentials: Option<&Path>) -> Result<Self, KeystoreError> {
        let uid = geteuid().as_raw();
        let slot = Slot::log(state, uid);
        guarded::make_folder(&state.join("keys"), 0o711)?;
        let held = slot.hold()?;
        slot.settle(&held)?;
        let credential =
            |name: &str| credentials.map_or(Ok(None), |folder| open_credential(&folder.join(name), uid));
        let (given, previous) = (credential(CREDENTIAL)?, credential(PREVIOUS)?);
        let mut chain = slot.chain()?;
        let used = match chain.end() {
            Some(end) => Some(end),
            // One that is torn was never used: it is written right after the key.
            None => public(state).ok().flatten(),
        };
        let current = match given {
            Some(given) => {
                from_credential(&slot, &held, &given, previous.as_ref(), used, &mut chain)?;
                given
            }
            None => from_files(&slot, &held, used)?,
        };
        write_public(state, current.public())?;
        // What a rotation that was taken back left: another name of the key in use.
        slot.destroy(current.public())?;
        let mut retired: Vec<_> = slot.kept(current.public())?.into_iter().map(unswapped).collect();
        let known = |key: Public, all: &[Arc<Secret>]| all.iter().any(|secret| secret.public() == key);
        let previous = previous.filter(|it| it.public() != current.public() && !known(it.public(), &retired));
        retired.extend(previous.map(unswapped));
        Ok(Self { slot, current: unswapped(current), chain, retired })
    }

    /// The key that new logs are signed with.
    pub fn current(&self) -> &Arc<Secret> {
        &self.current
    }

    /// The key with this public half, if it is the one in use or is kept.
    pub fn secret(&self, public: Public) -> Option<Arc<Secret>> {
        let mut all = std::iter::once(&self.current).chain(&self.retired);
        all.find(|secret| secret.public() == public).cloned()
    }

    /// Whether the daemon signs logs with it, or did.
    pub fn knows(&self, public: Public) -> bool {
        self.secret(public).is_some() || self.chain.rotated().any(|key| key == public)
    }

    /// How the key in use came to follow those before it.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The keys that are kept for logs which they began.
    pub fn retired(&self) -> Vec<Public> {
        self.retired.iter().map(|secret| secret.public()).collect()
    }

    /// Has a new key follow the one in use, which is kept.
    ///
    /// # Errors
    /// [`KeystoreError`]; [`KeystoreError::Elsewhere`] for a credential, which whoever gives it must rotate.
    pub fn rotate(&mut self, at: Timestamp) -> Result<(), KeystoreError> {
        let held = self.slot.hold()?;
        let form = self.slot.form().ok_or(KeystoreError::Elsewhere)?;
        let (new, chain) = self.slot.rotate(&held, &self.current, form, at)?;
        self.retired.push(std::mem::replace(&mut self.current, unswapped(new)));
        self.chain = chain;
        write_public_beside(&self.slot.path(Form::Plain), self.current.public())
    }

    /// Destroys a key that no log needs any more: whether it was here, and not a credential of somebody else's.
    ///
    /// # Errors
    /// [`KeystoreError`] if its file cannot be overwritten and removed; it is not used any more all the same.
    pub fn destroy(&mut self, public: Public) -> Result<bool, KeystoreError> {
        self.retired.retain(|secret| secret.public() != public);
        self.slot.destroy(public)
    }
}

/// Seals the key in the host's TPM, the first one too, and removes its plain file: the sealed file, and whose it is.
///
/// # Errors
/// [`KeystoreError`]; the plain file stays unless what was sealed opens again.
pub fn seal(state: &Path) -> Result<(PathBuf, Public), KeystoreError> {
    let slot = Slot::log(state, geteuid().as_raw());
    guarded::make_folder(&state.join("keys"), 0o711)?;
    let held = slot.hold()?;
    slot.settle(&held)?;
    let (plain, sealed) = (slot.path(Form::Plain), slot.path(Form::Sealed));
    if sealed.exists() {
        return Err(KeystoreError::Sealed(sealed));
    }
    let secret = match (slot.read(&plain, Form::Plain)?, slot.chain()?.end().or(public(state)?)) {
        (Some(secret), _) => secret,
        (None, Some(used)) => return Err(KeystoreError::Missing { used }),
        (None, None) => {
            Secret::generate().map_err(|source| KeystoreError::Key { path: sealed.clone(), source })?
        }
    };
    slot.write(&sealed, Form::Sealed, &secret)?;
    let opened = slot.read(&sealed, Form::Sealed)?.map(|opened| opened.public());
    if opened != Some(secret.public()) {
        return Err(KeystoreError::Differ {
            what: "what was sealed".to_owned(),
            found: opened,
            used: secret.public(),
        });
    }
    if plain.exists() {
        wipe(&plain)?;
    }
    write_public(state, secret.public())?;
    Ok((sealed, secret.public()))
}

/// The key that signed a log of this host, if it is still here and may be read.
///
/// # Errors
/// [`KeystoreError`].
pub fn log_secret(state: &Path, wanted: Public) -> Result<Option<Secret>, KeystoreError> {
    let slot = Slot::log(state, geteuid().as_raw());
    for form in [Form::Plain, Form::Sealed] {
        for path in [slot.path(form), slot.retired(wanted, form)] {
            if let Some(secret) = slot.read(&path, form)?.filter(|secret| secret.public() == wanted) {
                return Ok(Some(secret));
            }
        }
    }
    Ok(None)
}

/// Whether the secret of a key that gave way is still kept.
pub fn is_kept(state: &Path, key: Public) -> bool {
    let slot = Slot::log(state, geteuid().as_raw());
    [Form::Plain, Form::Sealed].iter().any(|form| slot.retired(key, *form).exists())
}

/// A secret in its place in memory, which is not written to swap.
fn unswapped(secret: Secret) -> Arc<Secret> {
    let secret = Arc::new(secret);
    let place = Arc::as_ptr(&secret).cast_mut().cast();
    // SAFETY: the memory is the secret's own and alive; to lock it changes nothing of what it holds.
    if let Err(error) = unsafe { rustix::mm::mlock(place, size_of::<Secret>()) } {
        tracing::warn!("a key may be written to swap: {error}");
    }
    secret
}

/// A credential, which the service manager may have given to the process's user alone.
fn open_credential(path: &Path, uid: u32) -> Result<Option<Secret>, KeystoreError> {
    open(path, uid)
}

/// Holds a credential against what was used before and what stands in files.
fn from_credential(
    slot: &Slot,
    held: &Held,
    given: &Secret,
    previous: Option<&Secret>,
    used: Option<Public>,
    chain: &mut Chain,
) -> Result<(), KeystoreError> {
    let new = given.public();
    let differ = |what: &str, used| KeystoreError::Differ { what: what.to_owned(), found: Some(new), used };
    match (used, previous) {
        (Some(used), Some(previous)) if used != new && used == previous.public() => {
            *chain = slot.name(held, previous, given, Timestamp::now())?;
        }
        (Some(used), _) if used != new => return Err(differ("the credential `log.key`", used)),
        _same_or_first => {}
    }
    let plain = slot.path(Form::Plain);
    let file = slot.read(&plain, Form::Plain)?.map(|file| file.public());
    match file {
        // The very same, or one that gave way to it: it is kept as those are, by name, until no log needs it.
        Some(file) if file != new && chain.rotated().any(|key| key == file) => slot.retire(&plain, file),
        Some(file) if file != new => Err(differ("the credential `log.key`", file)),
        Some(_same) => {
            tracing::warn!("`{}` holds the key that is a credential too: remove the file", plain.display());
            Ok(())
        }
        None => Ok(()),
    }
}

/// The key of the state folder, made if there never was one.
fn from_files(slot: &Slot, held: &Held, used: Option<Public>) -> Result<Secret, KeystoreError> {
    let (plain, sealed) = (slot.path(Form::Plain), slot.path(Form::Sealed));
    let read = |path: &Path, form| slot.read(path, form);
    let secret = match (read(&plain, Form::Plain)?, read(&sealed, Form::Sealed)?) {
        (Some(plain_one), Some(sealed_one)) if plain_one.public() == sealed_one.public() => {
            // The sealing stopped before its last step.
            wipe(&plain)?;
            sealed_one
        }
        (Some(plain_one), Some(sealed_one)) => {
            let (what, used) = (format!("`{}`", sealed.display()), plain_one.public());
            return Err(KeystoreError::Differ { what, found: Some(sealed_one.public()), used });
        }
        (Some(secret), None) | (None, Some(secret)) => secret,
        (None, None) => match used {
            Some(used) => return Err(KeystoreError::Missing { used }),
            None => return make(slot, held),
        },
    };
    match used.filter(|used| *used != secret.public()) {
        Some(used) => {
            let what = format!("`{}`", plain.display());
            Err(KeystoreError::Differ { what, found: Some(secret.public()), used })
        }
        None => Ok(secret),
    }
}

fn make(slot: &Slot, _held: &Held) -> Result<Secret, KeystoreError> {
    let path = slot.path(Form::Plain);
    let secret = Secret::generate().map_err(|source| KeystoreError::Key { path: path.clone(), source })?;
    slot.write(&path, Form::Plain, &secret)?;
    Ok(secret)
}

/// The public half of the key in use, if there is one.
///
/// # Errors
/// [`KeystoreError`].
pub fn public(state: &Path) -> Result<Option<Public>, KeystoreError> {
    let path = state.join("keys/log.pub");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(guarded::GuardError::Io { act: "read", path, source }.into()),
    };
    let public = Public::from_hex(text.trim_end());
    public.map(Some).map_err(|source| KeystoreError::Key { path, source })
}

fn write_public(state: &Path, key: Public) -> Result<(), KeystoreError> {
    write_public_beside(&state.join("keys/log.key"), key)
}

fn write_public_beside(path: &Path, key: Public) -> Result<(), KeystoreError> {
    let (path, text) = (path.with_extension("pub"), format!("{key}\n"));
    if std::fs::read_to_string(&path).is_ok_and(|known| known == text) {
        return Ok(());
    }
    Ok(guarded::replace(&path, &text, 0o644)?)
}

#[cfg(test)]
mod tests;
