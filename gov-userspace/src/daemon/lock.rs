//! Holds the host for one daemon: a second one is told who has it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::FlockOperation;

/// A lock file, held until it is dropped or the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Takes the lock, or says which process has it.
pub(super) fn take(path: &Path) -> anyhow::Result<Lock> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot open the lock file `{}`", path.display()))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder)
                .with_context(|| format!("cannot read the lock file `{}`", path.display()))?;
            let holder = holder.trim();
            bail!(
                "another daemon, process {holder}, holds `{}`; use that one, or stop it first: `kill {holder}`",
                path.display()
            );
        }
        Err(error) => return Err(error).with_context(|| format!("cannot lock `{}`", path.display())),
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Lock { _file: file })
}

/// Makes a folder and those above it where they are missing, and sets its mode.
pub(super) fn folder(path: &Path, mode: u32) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(path).with_context(|| format!("cannot make the folder `{}`", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot set the mode of `{}`", path.display()))?;
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::take;

    #[test]
    fn a_second_daemon_is_told_who_holds_the_host() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = take(&path).unwrap();
        let error = take(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        take(&path).unwrap();
    }
}
