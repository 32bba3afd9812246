//! Keys in files: each user's own, and the daemon's that signs logs.

mod log;
mod seal;
mod slot;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::process::geteuid;
use thiserror::Error;

use self::slot::{Form, Slot};
use crate::accounts::{Accounts, AccountsError};
use crate::guarded::{self, GuardError, OTHERS, ROOT};
use crate::key::{KeyError, Public, Secret};
use crate::rotation::{Chain, ChainError, Purpose};
use crate::trust::{self, Enrolment, TrustError, TrustRoots};

pub use self::log::{LogKeys, is_kept, log_secret, public as log_public, seal as seal_log_key};
pub use self::seal::SealError;

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
    /// The rotations.
    #[error("`{path}`: {source}", path = .path.display())]
    Chain {
        /// Their file.
        path: PathBuf,
        /// What is wrong.
        source: ChainError,
    },
    /// What only the host's TPM opens.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Nothing to rotate.
    #[error("there is no key to rotate: `gov keys new` makes one")]
    NoKey,
    /// A key that says something else than what was used.
    #[error(
        "{what} is key {}, and {used} signed this host's logs until now: give that one again; or, to go over to the other, hand both to the daemon once, the old one as the credential `log.key.previous`",
        .found.map_or_else(|| "of nobody".to_owned(), |key| key.to_string())
    )]
    Differ {
        /// What.
        what: String,
        /// Its key.
        found: Option<Public>,
        /// The key that was used.
        used: Public,
    },
    /// The key that was used is gone.
    #[error(
        "key {used} signed this host's logs until now, and it is not here: hand it to the daemon again (its file, or the credential `log.key`); if it is lost, remove `log.pub` and `log.chain` beside it, and another key begins anew, which nothing connects with the old one"
    )]
    Missing {
        /// The key.
        used: Public,
    },
    /// A credential, which gov does not keep.
    #[error(
        "the key is a credential that somebody else keeps: give the new one as `log.key` and the old one as `log.key.previous`, and restart the daemon; it signs that one follows the other"
    )]
    Elsewhere,
    /// It is sealed already.
    #[error("`{path}` is there: the key is sealed already; `gov keys rotate --log` makes another", path = .0.display())]
    Sealed(PathBuf),
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

/// Has a new key of the user's own follow the one that there is, which is destroyed: the rotations so far. Where root's
/// own key is trusted on this host, the new one stands in its place there.
///
/// # Errors
/// [`KeystoreError`].
pub fn rotate_user_key(trust_folder: &Path, at: Timestamp) -> Result<Chain, KeystoreError> {
    let uid = geteuid().as_raw();
    let path = user_key_path()?;
    let slot = Slot::user(&path, uid);
    let held = match path.parent().map(Path::exists) {
        Some(true) => slot.hold()?,
        _absent => return Err(KeystoreError::NoKey),
    };
    slot.settle(&held)?;
    let old = open(&path, uid)?.ok_or(KeystoreError::NoKey)?;
    let (_new, chain) = slot.rotate(&held, &old, Form::Plain, at)?;
    slot.destroy(old.public())?;
    if uid == ROOT && TrustRoots::load(trust_folder, ROOT)?.roots.iter().any(|root| root.key == old.public())
    {
        trust::succeed(trust_folder, ROOT, &chain, at)?;
    }
    Ok(chain)
}

/// The rotations of the user's own key.
///
/// # Errors
/// [`KeystoreError`].
pub fn user_chain() -> Result<Chain, KeystoreError> {
    let path = user_key_path()?;
    slot::read_chain(&Slot::user(&path, geteuid().as_raw()).chain_path(), Purpose::User)
}

/// The rotations of the daemon's key that signs logs.
///
/// # Errors
/// [`KeystoreError`].
pub fn log_chain(state: &Path) -> Result<Chain, KeystoreError> {
    slot::read_chain(&Slot::log(state, geteuid().as_raw()).chain_path(), Purpose::Log)
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
    use super::{KeystoreError, open, open_or_make};
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
}
