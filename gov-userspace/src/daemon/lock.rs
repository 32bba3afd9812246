//! Holds the host for one daemon: a second one is told who has it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

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
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .with_context(|| format!("cannot open the lock file `{}`", path.display()))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
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

/// Says so if somebody listens at the path of the socket: a lock file that was removed holds nobody off.
pub(super) fn check_unserved(socket: &Path) -> anyhow::Result<()> {
    let at = || format!("cannot see whether a daemon listens at `{}`", socket.display());
    // Not blocking: a daemon that is stopped takes no connection, and keeps whoever connects waiting.
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let own = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).with_context(at)?;
    let address = SocketAddrUnix::new(socket).with_context(at)?;
    match connect(&own, &address) {
        Err(Errno::NOENT | Errno::CONNREFUSED) => Ok(()),
        Ok(()) | Err(Errno::AGAIN) => bail!(
            "another daemon listens at `{}` and its lock file is gone; use that one, or stop it first",
            socket.display()
        ),
        Err(error) => Err(error).with_context(at),
    }
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
    use super::{check_unserved, take};

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

    #[test]
    fn a_daemon_whose_lock_file_is_gone_is_not_joined_by_a_second_one() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("gov.sock");
        check_unserved(&socket).unwrap();
        let daemon = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let error = check_unserved(&socket).unwrap_err().to_string();
        assert!(error.contains("another daemon listens"), "{error}");
        // Nobody takes connections any more, until no more fit.
        rustix::net::listen(&daemon, 0).unwrap();
        for _connection in 0..3 {
            assert!(check_unserved(&socket).is_err());
        }
        drop(daemon);
        check_unserved(&socket).unwrap();
    }

    #[test]
    fn a_lock_file_that_leads_elsewhere_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (folder.path().join("lock"), folder.path().join("elsewhere"));
        std::fs::write(&elsewhere, "as it was").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        take(&path).unwrap_err();
        assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "as it was");
    }
}
