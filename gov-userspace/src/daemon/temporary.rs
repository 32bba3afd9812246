//! A session's own temporary folder: only its user may enter it, and it goes when the session is over.
//!
//! That of a session within a session stands in the other's, where the outer policy grants it too. So between the
//! daemon's base folder and its name there may be folders that governed tasks can change: no link there is followed.

use std::ffi::OsStr;
use std::io::{Error, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, ResolveFlags, Uid};

/// Makes a session's folder somewhere below `base`, 0700 and its user's.
pub(super) fn create(base: &Path, folder: &Path, uid: u32, gid: u32) -> std::io::Result<()> {
    let (parent, name) = parent(base, folder)?;
    rustix::fs::mkdirat(&parent, name, Mode::RWXU)?;
    let owned = own(&parent, name, uid, gid);
    if owned.is_err() {
        rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR)?;
    }
    owned
}

/// Removes it with all that is in it, following no symbolic link; that it is gone is no error.
pub(super) fn remove(base: &Path, folder: &Path) -> std::io::Result<()> {
    let removed = parent(base, folder).and_then(|(parent, name)| {
        let parent_folder = PathBuf::from(format!("/proc/self/fd/{}", parent.as_raw_fd()));
        std::fs::remove_dir_all(parent_folder.join(name))
    });
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _removed => Ok(()),
    }
}

/// The folder that `folder` stands in, reached from `base` over no link, and the last component of its name.
fn parent<'a>(base: &Path, folder: &'a Path) -> std::io::Result<(OwnedFd, &'a OsStr)> {
    let elsewhere = || Error::new(ErrorKind::InvalidInput, "it is not below the folder for such folders");
    let inside = folder.strip_prefix(base).map_err(|_not_below| elsewhere())?;
    let name = inside.file_name().ok_or_else(elsewhere)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let base = rustix::fs::openat(CWD, base, flags, Mode::empty())?;
    match inside.parent().filter(|between| !between.as_os_str().is_empty()) {
        None => Ok((base, name)),
        Some(between) => {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            Ok((rustix::fs::openat2(base, between, flags, Mode::empty(), resolve)?, name))
        }
    }
}

/// Gives the folder that was just made to its user, if it still is that folder.
fn own(parent: &OwnedFd, name: &OsStr, uid: u32, gid: u32) -> std::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(parent, name, flags, Mode::empty())?;
    if rustix::fs::fstat(&folder)?.st_uid != rustix::process::geteuid().as_raw() {
        return Err(Error::other("another folder was put in its place"));
    }
    Ok(rustix::fs::fchown(&folder, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?)
}

#[cfg(test)]
mod tests {
    use super::{create, remove};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn me() -> (u32, u32) {
        (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw())
    }

    #[test]
    fn the_folder_is_its_users_alone_and_its_removal_follows_no_link() {
        let parent = tempfile::tempdir().unwrap();
        let outside = parent.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("kept"), "x").unwrap();
        let (uid, gid) = me();
        let folder = parent.path().join("demo-1");
        create(parent.path(), &folder, uid, gid).unwrap();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(create(parent.path(), &folder, uid, gid).is_err());
        symlink(&outside, folder.join("link")).unwrap();
        remove(parent.path(), &folder).unwrap();
        remove(parent.path(), &folder).unwrap();
        assert!(outside.join("kept").exists());
    }

    #[test]
    fn an_inner_folder_is_neither_made_nor_removed_through_a_link() {
        let base = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let (uid, gid) = me();
        let outer = base.path().join("outer");
        create(base.path(), &outer, uid, gid).unwrap();
        create(base.path(), &outer.join("inner"), uid, gid).unwrap();
        remove(base.path(), &outer.join("inner")).unwrap();
        assert!(!outer.join("inner").exists());

        std::fs::remove_dir(&outer).unwrap();
        symlink(outside.path(), &outer).unwrap();
        std::fs::create_dir(outside.path().join("inner")).unwrap();
        assert!(create(base.path(), &outer.join("other"), uid, gid).is_err());
        assert!(remove(base.path(), &outer.join("inner")).is_err());
        assert!(outside.path().join("inner").exists() && !outside.path().join("other").exists());
        assert!(create(base.path(), outside.path(), uid, gid).is_err());
    }
}
