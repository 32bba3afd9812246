//! A session's own temporary folder: only its user may enter it, and it goes when the session is over.

use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::Path;

/// Makes a session's folder, 0700 and its user's.
pub(super) fn create(folder: &Path, uid: u32, gid: u32) -> std::io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(folder)?;
    if let Err(error) = chown(folder, Some(uid), Some(gid)) {
        std::fs::remove_dir(folder)?;
        return Err(error);
    }
    Ok(())
}

/// Removes it with all that is in it, following no symbolic link; that it is gone is no error.
pub(super) fn remove(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _removed => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{create, remove};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_folder_is_its_users_alone_and_its_removal_follows_no_link() {
        let parent = tempfile::tempdir().unwrap();
        let outside = parent.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("kept"), "x").unwrap();
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let folder = parent.path().join("demo-1");
        create(&folder, uid, gid).unwrap();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(create(&folder, uid, gid).is_err());
        std::os::unix::fs::symlink(&outside, folder.join("link")).unwrap();
        remove(&folder).unwrap();
        remove(&folder).unwrap();
        assert!(outside.join("kept").exists());
    }
}
