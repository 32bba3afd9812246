//! Keys in files: each user's own, and the daemon's that signs logs.

use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use thiserror::Error;

use crate::accounts::{Accounts, AccountsError};
use crate::guarded::{self, GuardError, OTHERS, ROOT};
use crate::key::{KeyError, Public, Secret};
use crate::trust::{Enrolment, TrustError, TrustRoots};

/// Why there is no key, with what to do.
#[derive(Debug, Error)]
pub enum KeystoreError {
    /// The file's place, owner or mode.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The file's content, or a new key.
    #[error("key file `{path}`: {source}", path = .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
    /// No place for the user's key.
    #[error("uid {0} has no home folder: set HOME to an absolute path")]
    NoHome(u32),
    /// The home of another.
    #[error("the home folder `{home}` belongs to uid {owner}, and you are uid {uid}: set HOME to your own", home = .home.display())]
    OthersHome {
        /// The folder.
        home: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who asks.
        uid: u32,
    },
    /// The accounts.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// Enrolment of root's own key.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// A key from its file.
#[derive(Debug)]
pub struct Stored {
    /// The key.
    pub secret: Secret,
    /// Where it is.
    pub path: PathBuf,
    /// It was made just now.
    pub created: bool,
}

/// The folder of a user's own key, in the home folder.
pub const USER_FOLDER: &str = ".config/gov";

/// Where the user's own key is: `.config/gov/key` in the home folder.
///
/// # Errors
/// [`KeystoreError`] if there is no home folder or it belongs to another.
pub fn user_key_path() -> Result<PathBuf, KeystoreError> {
    use std::os::unix::fs::MetadataExt;
    let uid = geteuid().as_raw();
    let given = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let home = match given {
        Some(home) => home,
        None => Accounts::read()?
            .with_uid(uid)
            .map(|account| account.home.clone())
            .ok_or(KeystoreError::NoHome(uid))?,
    };
    let metadata = std::fs::metadata(&home);
    let metadata =
        metadata.map_err(|source| GuardError::Io { act: "look at", path: home.clone(), source })?;
    let owner = metadata.uid();
    if owner == uid {
        Ok(home.join(USER_FOLDER).join("key"))
    } else {
        Err(KeystoreError::OthersHome { home, owner, uid })
    }
}

/// The user's own key, made on first use. Root's is trusted on this host from then on; another user's must be
/// enrolled by root.
///
/// # Errors
/// [`KeystoreError`].
pub fn user_key(trust_folder: &Path) -> Result<Stored, KeystoreError> {
    let uid = geteuid().as_raw();
    let stored = open_or_make(&user_key_path()?, uid)?;
    if uid == ROOT {
        enrol_root(&stored.secret, trust_folder)?;
    }
    Ok(stored)
}

/// The user's own key, if it was made.
///
/// # Errors
/// [`KeystoreError`].
pub fn existing_user_key() -> Result<Option<Secret>, KeystoreError> {
    open(&user_key_path()?, geteuid().as_raw())
}

/// Pins root's own key, for root, unless a file says anything of it already.
fn enrol_root(secret: &Secret, trust_folder: &Path) -> Result<(), KeystoreError> {
    let key = secret.public();
    if TrustRoots::load(trust_folder, ROOT)?.roots.iter().any(|root| root.key == key) {
        return Ok(());
    }
    let accounts = Accounts::read()?;
    let user = accounts.with_uid(ROOT).map_or_else(|| ROOT.to_string(), |account| account.name.clone());
    let enrolment = Enrolment { key, users: vec![user], scopes: Vec::new(), max_spend: None };
    match enrolment.write(trust_folder, ROOT, &accounts) {
        // Somebody else enrolled it meanwhile.
        Err(TrustError::Guard(GuardError::Io { source, .. }))
            if source.kind() == std::io::ErrorKind::AlreadyExists =>
        {
            Ok(())
        }
        outcome => Ok(outcome.map(|_path| ())?),
    }
}

/// The daemon's key that signs logs, in `keys/log.key` of its state folder, made on first use; `keys/log.pub`
/// beside it holds the public half, for whoever verifies.
///
/// # Errors
/// [`KeystoreError`].
pub fn log_key(state: &Path) -> Result<Stored, KeystoreError> {
    let stored = open_or_make(&state.join("keys/log.key"), geteuid().as_raw())?;
    let public = stored.path.with_extension("pub");
    let text = format!("{}\n", stored.secret.public());
    let known = std::fs::read_to_string(&public);
    if !known.is_ok_and(|known| known == text) {
        guarded::replace(&public, &text, 0o644)?;
    }
    Ok(stored)
}

/// The daemon's key that signs logs, if it was made: for whoever may read it.
///
/// # Errors
/// [`KeystoreError`].
pub fn existing_log_key(state: &Path) -> Result<Option<Secret>, KeystoreError> {
    open(&state.join("keys/log.key"), geteuid().as_raw())
}

/// The public half of the daemon's key that signs logs, if it was made.
///
/// # Errors
/// [`KeystoreError`].
pub fn log_public(state: &Path) -> Result<Option<Public>, KeystoreError> {
    let path = state.join("keys/log.pub");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(GuardError::Io { act: "read", path, source }.into()),
    };
    let public = Public::from_hex(text.trim_end());
    public.map(Some).map_err(|source| KeystoreError::Key { path, source })
}

fn open(path: &Path, uid: u32) -> Result<Option<Secret>, KeystoreError> {
    let Some(text) = guarded::read(path, uid, OTHERS)?.map(zeroize::Zeroizing::new) else { return Ok(None) };
    let secret = Secret::from_hex(text.trim_end_matches('\n'));
    secret.map(Some).map_err(|source| KeystoreError::Key { path: path.to_owned(), source })
}

fn open_or_make(path: &Path, uid: u32) -> Result<Stored, KeystoreError> {
    if let Some(secret) = open(path, uid)? {
        return Ok(Stored { secret, path: path.to_owned(), created: false });
    }
    let secret = Secret::generate().map_err(|source| KeystoreError::Key { path: path.to_owned(), source })?;
    if let Some(folder) = path.parent() {
        guarded::make_folder(folder, 0o700)?;
    }
    let text = zeroize::Zeroizing::new(format!("{}\n", secret.to_hex().as_str()));
    match guarded::create(path, &text, 0o600) {
        Ok(()) => Ok(Stored { secret, path: path.to_owned(), created: true }),
        // Two made one at once: the first file stands.
        Err(GuardError::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists => {
            let gone = || KeystoreError::Key { path: path.to_owned(), source: KeyError::Secret };
            Ok(Stored { secret: open(path, uid)?.ok_or_else(gone)?, path: path.to_owned(), created: false })
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{KeystoreError, existing_log_key, log_key, log_public, open, open_or_make};
    use crate::guarded::GuardError;
    use std::os::unix::fs::PermissionsExt;

    fn me() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".config/gov/key");
        assert!(open(&path, me()).unwrap().is_none());
        let made = open_or_make(&path, me()).unwrap();
        let again = open_or_make(&path, me()).unwrap();
        assert!(made.created && !again.created);
        assert_eq!(made.secret.public(), again.secret.public());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(path.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        open_or_make(&path, me()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = open_or_make(&path, me()).unwrap_err();
        assert!(matches!(error, KeystoreError::Guard(GuardError::Mode { .. })), "{error}");
        assert!(error.to_string().contains("chmod go= "), "{error}");
        assert!(matches!(open(&path, me() + 1), Err(KeystoreError::Guard(GuardError::Owner { .. }))));
    }

    #[test]
    fn a_damaged_key_is_an_error_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for text in ["", "00", &"G".repeat(64), &"AB".repeat(32)] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            let error = open_or_make(&path, me()).unwrap_err();
            assert!(matches!(error, KeystoreError::Key { .. }), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), *text);
        }
    }

    #[test]
    fn the_log_key_has_its_public_half_beside_it() {
        let state = tempfile::tempdir().unwrap();
        assert!(log_public(state.path()).unwrap().is_none());
        assert!(existing_log_key(state.path()).unwrap().is_none());
        let key = log_key(state.path()).unwrap();
        let existing = existing_log_key(state.path()).unwrap();
        assert_eq!(existing.map(|existing| existing.public()), Some(key.secret.public()));
        assert_eq!(log_public(state.path()).unwrap(), Some(key.secret.public()));
        std::fs::write(state.path().join("keys/log.pub"), "torn").unwrap();
        assert!(log_public(state.path()).is_err());
        log_key(state.path()).unwrap();
        assert_eq!(log_public(state.path()).unwrap(), Some(key.secret.public()));
    }
}
