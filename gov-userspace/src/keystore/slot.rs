//! The place of a key that can be rotated: its file, the chain of those before it, and what is kept meanwhile.
//!
//! The chain's file decides. A new key is written beside the old one first, then the chain that names it takes the
//! place of the one before, whole, and only then the key itself: a stop at any point leaves the old key and the old
//! chain, or the new chain and, at the latest when the place is next opened, the new key.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{AtFlags, CWD, FlockOperation};
use zeroize::Zeroizing;

use super::{KeystoreError, seal};
use crate::crash;
use crate::guarded::{self, GuardError};
use crate::key::{Public, Secret};
use crate::rotation::{Chain, Purpose, Rotation};

/// Keys that gave way, each as long as it is needed.
const RETIRED: &str = "retired";

/// How a secret stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Its digits.
    Plain,
    /// Sealed by the host's TPM.
    Sealed,
}

impl Form {
    const ALL: [Self; 2] = [Self::Plain, Self::Sealed];

    const fn ending(self) -> &'static str {
        match self {
            Self::Plain => "key",
            Self::Sealed => "cred",
        }
    }
}

/// Where a key is.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    folder: PathBuf,
    /// The plain key's file.
    name: &'static str,
    purpose: Purpose,
    uid: u32,
}

/// The slot held against others who would change it.
pub(super) struct Held(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl Slot {
    /// The daemon's key below its state folder.
    pub(super) fn log(state: &Path, uid: u32) -> Self {
        Self { folder: state.join("keys"), name: "log.key", purpose: Purpose::Log, uid }
    }

    /// The user's key at this path.
    pub(super) fn user(path: &Path, uid: u32) -> Self {
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        Self { folder, name: "key", purpose: Purpose::User, uid }
    }

    /// Where the key is in this form.
    pub(super) fn path(&self, form: Form) -> PathBuf {
        match form {
            Form::Plain => self.folder.join(self.name),
            Form::Sealed => self.folder.join(self.name).with_extension(form.ending()),
        }
    }

    /// Where the chain is.
    pub(super) fn chain_path(&self) -> PathBuf {
        self.folder.join(self.name).with_extension("chain")
    }

    fn next(&self, form: Form) -> PathBuf {
        self.folder.join(format!("next.{}", form.ending()))
    }

    pub(super) fn retired(&self, key: Public, form: Form) -> PathBuf {
        self.folder.join(RETIRED).join(format!("{key}.{}", form.ending()))
    }

    /// Keeps everybody else from changing it.
    pub(super) fn hold(&self) -> Result<Held, KeystoreError> {
        let folder = File::open(&self.folder).map_err(io("open", &self.folder))?;
        rustix::fs::flock(&folder, FlockOperation::LockExclusive)
            .map_err(|error| io("lock", &self.folder)(error.into()))?;
        Ok(Held(folder))
    }

    /// The rotations so far.
    pub(super) fn chain(&self) -> Result<Chain, KeystoreError> {
        read_chain(&self.chain_path(), self.purpose)
    }

    /// The key in a file of this form, if there is one.
    pub(super) fn read(&self, path: &Path, form: Form) -> Result<Option<Secret>, KeystoreError> {
        match form {
            Form::Plain => super::open(path, self.uid),
            Form::Sealed => Ok(seal::open(path, self.uid)?),
        }
    }

    /// The form in which the key is there, if it is.
    pub(super) fn form(&self) -> Option<Form> {
        Form::ALL.into_iter().rev().find(|form| self.path(*form).exists())
    }

    /// Writes a key's file, which must not be there yet.
    pub(super) fn write(&self, path: &Path, form: Form, secret: &Secret) -> Result<(), KeystoreError> {
        let text = match form {
            Form::Plain => Zeroizing::new(format!("{}\n", secret.to_hex().as_str())),
            Form::Sealed => Zeroizing::new(seal::seal(secret)?),
        };
        Ok(guarded::create(path, &text, 0o600)?)
    }

    /// Has a new key follow this one, which stands here in this form; the old one is kept among the retired.
    pub(super) fn rotate(
        &self,
        _held: &Held,
        old: &Secret,
        form: Form,
        at: Timestamp,
    ) -> Result<(Secret, Chain), KeystoreError> {
        let path = self.path(form);
        let new = Secret::generate().map_err(|source| KeystoreError::Key { path: path.clone(), source })?;
        let chain = self.follow(old, &new, at)?;
        self.write(&self.next(form), form, &new)?;
        crash::point("key-made");
        let kept = self.retired(old.public(), form);
        guarded::make_folder(&self.folder.join(RETIRED), 0o700)?;
        match rustix::fs::linkat(CWD, &path, CWD, &kept, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => sync_folder_of(&kept)?,
            Err(error) => return Err(io("keep the old key as", &kept)(error.into())),
        }
        crash::point("key-kept");
        guarded::replace(&self.chain_path(), &chain.text(), 0o644)?;
        crash::point("key-named");
        self.finish(form)?;
        Ok((new, chain))
    }

    /// The chain with one rotation more.
    fn follow(&self, old: &Secret, new: &Secret, at: Timestamp) -> Result<Chain, KeystoreError> {
        let chain = self.chain()?;
        // A clock that was set back makes no chain that nobody believes.
        let at = chain.links().last().map_or(at, |last| last.at.max(at));
        let link = Rotation::sign(self.purpose, old, new, at);
        let path = self.chain_path();
        chain.with(link).map_err(|source| KeystoreError::Chain { path, source })
    }

    /// Names a key that somebody else keeps as the one that follows.
    pub(super) fn name(
        &self,
        _held: &Held,
        old: &Secret,
        new: &Secret,
        at: Timestamp,
    ) -> Result<Chain, KeystoreError> {
        let chain = self.follow(old, new, at)?;
        guarded::replace(&self.chain_path(), &chain.text(), 0o644)?;
        Ok(chain)
    }

    /// Finishes a rotation that was interrupted, or takes it back.
    pub(super) fn settle(&self, _held: &Held) -> Result<(), KeystoreError> {
        for form in Form::ALL {
            let path = self.next(form);
            if !path.exists() {
                continue;
            }
            let named = self.chain()?.end();
            if self.read(&path, form)?.is_some_and(|next| Some(next.public()) == named) {
                self.finish(form)?;
            } else {
                wipe(&path)?;
            }
        }
        Ok(())
    }

    fn finish(&self, form: Form) -> Result<(), KeystoreError> {
        let path = self.path(form);
        std::fs::rename(self.next(form), &path).map_err(io("replace", &path))?;
        sync_folder_of(&path)
    }

    /// Puts the key's file among the retired.
    pub(super) fn retire(&self, path: &Path, key: Public) -> Result<(), KeystoreError> {
        let kept = self.retired(key, Form::Plain);
        guarded::make_folder(&self.folder.join(RETIRED), 0o700)?;
        std::fs::rename(path, &kept).map_err(io("keep the old key as", &kept))?;
        sync_folder_of(&kept)?;
        sync_folder_of(path)
    }

    /// The retired keys that are kept, but for the one in use: a rotation that was taken back leaves that there.
    pub(super) fn kept(&self, current: Public) -> Result<Vec<Secret>, KeystoreError> {
        let folder = self.folder.join(RETIRED);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io("read", &folder)(error)),
        };
        let mut kept = Vec::new();
        for entry in entries {
            let path = entry.map_err(io("read", &folder))?.path();
            let form =
                Form::ALL.into_iter().find(|form| path.extension().is_some_and(|it| it == form.ending()));
            let Some(form) = form else { continue };
            if let Some(secret) = self.read(&path, form)?.filter(|secret| secret.public() != current) {
                kept.push(secret);
            }
        }
        Ok(kept)
    }

    /// Destroys a retired key: whether there was one.
    pub(super) fn destroy(&self, key: Public) -> Result<bool, KeystoreError> {
        let mut destroyed = false;
        for form in Form::ALL {
            let path = self.retired(key, form);
            if path.exists() {
                wipe(&path)?;
                destroyed = true;
            }
        }
        Ok(destroyed)
    }
}

/// Reads the rotations of one key from its file; none if there is no file.
pub(super) fn read_chain(path: &Path, purpose: Purpose) -> Result<Chain, KeystoreError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Chain::default()),
        Err(error) => return Err(io("read", path)(error)),
    };
    Chain::parse(&text, purpose).map_err(|source| KeystoreError::Chain { path: path.to_owned(), source })
}

/// Overwrites a secret's file and removes it. One that has another name too is only removed: that is the key in use.
pub(super) fn wipe(path: &Path) -> Result<(), KeystoreError> {
    let mut file = OpenOptions::new().write(true).open(path).map_err(io("overwrite", path))?;
    let metadata = file.metadata().map_err(io("look at", path))?;
    if metadata.nlink() == 1 {
        let zeros = vec![0; usize::try_from(metadata.len()).unwrap_or(0)];
        file.write_all(&zeros).and_then(|()| file.sync_all()).map_err(io("overwrite", path))?;
    }
    std::fs::remove_file(path).map_err(io("remove", path))?;
    sync_folder_of(path)
}

fn sync_folder_of(path: &Path) -> Result<(), KeystoreError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io("sync", folder))
}

fn io(act: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> KeystoreError {
    let path = path.to_owned();
    move |source| GuardError::Io { act, path, source }.into()
}
