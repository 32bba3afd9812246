//! Files whose content is authority: read only if nobody but their owner can have written them, and written whole.

use std::fs::{File, Metadata};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use thiserror::Error;

/// The owner that system-wide files must have.
pub const ROOT: u32 = 0;
/// Bits that let others than the owner write.
pub const OTHERS_WRITE: u32 = 0o022;
/// Bits that let others than the owner do anything.
pub const OTHERS: u32 = 0o077;
/// The longest file that is read.
const MAX_BYTES: u64 = 1024 * 1024;

/// Why a file is not believed, or cannot be read or written; with what to do.
#[derive(Debug, Error)]
pub enum GuardError {
    /// A system call.
    #[error("cannot {act} `{path}`: {source}", path = .path.display())]
    Io {
        /// What was tried.
        act: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A link, folder or device.
    #[error("`{path}` is not a plain file: put one there", path = .0.display())]
    NotFile(PathBuf),
    /// A link, file or device where a folder should be.
    #[error("`{path}` is not a folder: make one there", path = .0.display())]
    NotFolder(PathBuf),
    /// Another owner.
    #[error("`{path}` belongs to uid {found} and must belong to uid {wanted}: `chown {wanted} {path}`", path = .path.display())]
    Owner {
        /// The file or folder.
        path: PathBuf,
        /// Its owner.
        found: u32,
        /// Who should be.
        wanted: u32,
    },
    /// Others may do what they must not.
    #[error("`{path}` has mode {mode:04o}, which lets others than its owner in: `chmod {remedy} {path}`", path = .path.display())]
    Mode {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The change that mends it.
        remedy: &'static str,
    },
    /// More than any such file holds.
    #[error("`{path}` is longer than {MAX_BYTES} bytes: check that it is the right file", path = .0.display())]
    TooLong(PathBuf),
    /// Not text.
    #[error("`{path}` is no UTF-8 text: write it again", path = .0.display())]
    NotText(PathBuf),
}

/// Reads a text file that belongs to `owner` and has none of the `forbidden` mode bits; `None` if there is none.
///
/// # Errors
/// [`GuardError`]; a symbolic link in the file's place is refused, too.
pub fn read(path: &Path, owner: u32, forbidden: u32) -> Result<Option<String>, GuardError> {
    let Some((file, _metadata)) = open(path, OFlags::RDONLY, owner, forbidden)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes).map_err(io("read", path))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Err(GuardError::TooLong(path.to_owned()));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| GuardError::NotText(path.to_owned()))
}

/// Opens a file that belongs to `owner` and has none of the `forbidden` mode bits; `None` if there is none.
///
/// # Errors
/// [`GuardError`]; a symbolic link in the file's place is refused, too.
pub fn open(
    path: &Path,
    how: OFlags,
    owner: u32,
    forbidden: u32,
) -> Result<Option<(File, Metadata)>, GuardError> {
    // Not blocking, or a pipe in the file's place would stop the daemon.
    let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        // A link; a pipe that nobody reads, or a socket; a folder to write into.
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO | rustix::io::Errno::ISDIR) => {
            return Err(GuardError::NotFile(path.to_owned()));
        }
        Err(error) => return Err(io("open", path)(error.into())),
    };
    let metadata = file.metadata().map_err(io("look at", path))?;
    if !metadata.is_file() {
        return Err(GuardError::NotFile(path.to_owned()));
    }
    check(path, &metadata, owner, forbidden)?;
    Ok(Some((file, metadata)))
}

/// Looks whether a folder belongs to `owner` and has none of the `forbidden` mode bits, and is no link to one.
///
/// # Errors
/// [`GuardError`].
pub fn check_folder(path: &Path, owner: u32, forbidden: u32) -> Result<(), GuardError> {
    let metadata = std::fs::symlink_metadata(path).map_err(io("look at", path))?;
    if !metadata.is_dir() {
        return Err(GuardError::NotFolder(path.to_owned()));
    }
    check(path, &metadata, owner, forbidden)
}

/// The `.toml` files of a folder that belongs to `owner` and that nobody else can write to, each by its name
/// without ending, in order; none if there is no such folder.
///
/// # Errors
/// [`GuardError`] if the folder is not to be believed or cannot be read.
pub fn toml_files(folder: &Path, owner: u32) -> Result<Vec<(String, PathBuf)>, GuardError> {
    let metadata = match std::fs::symlink_metadata(folder) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io("read", folder)(error)),
    };
    check(folder, &metadata, owner, OTHERS_WRITE)?;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io("read", folder))? {
        let path = entry.map_err(io("read", folder))?.path();
        let named_toml = path.extension().is_some_and(|ending| ending == "toml");
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()).filter(|_| named_toml) {
            files.push((name.to_owned(), path));
        }
    }
    files.sort();
    Ok(files)
}

/// Makes a folder and those above it that are missing, with this mode.
///
/// # Errors
/// [`GuardError::Io`].
pub fn make_folder(folder: &Path, mode: u32) -> Result<(), GuardError> {
    std::fs::DirBuilder::new().recursive(true).mode(mode).create(folder).map_err(io("make", folder))
}

/// Writes a file that must not be there yet, whole or not at all, and durably.
///
/// # Errors
/// [`GuardError::Io`], of kind `AlreadyExists` if there is one.
pub fn create(path: &Path, text: &str, mode: u32) -> Result<(), GuardError> {
    let (temporary, folder) = write_beside(path, text, mode)?;
    let linked = rustix::fs::linkat(CWD, &temporary, CWD, path, AtFlags::empty());
    let removed = std::fs::remove_file(&temporary);
    linked.map_err(|error| io("make", path)(error.into()))?;
    removed.map_err(io("remove", &temporary))?;
    folder.sync_all().map_err(io("sync the folder of", path))
}

/// Writes a file in the place of what is there, whole or not at all, and durably.
///
/// # Errors
/// [`GuardError::Io`].
pub fn replace(path: &Path, text: &str, mode: u32) -> Result<(), GuardError> {
    let (temporary, folder) = write_beside(path, text, mode)?;
    if let Err(error) = std::fs::rename(&temporary, path) {
        remove_half(&temporary);
        return Err(io("replace", path)(error));
    }
    folder.sync_all().map_err(io("sync the folder of", path))
}

/// Writes a file under a new name beside the one that is meant; its path, and the folder.
fn write_beside(path: &Path, text: &str, mode: u32) -> Result<(PathBuf, File), GuardError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = File::open(parent).map_err(io("open the folder of", path))?;
    let number = getrandom::u64().map_err(|error| io("name a file beside", path)(error.into()))?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{number:016x}"));
    let temporary = parent.join(name);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(mode);
    let descriptor = rustix::fs::open(&temporary, flags, mode);
    let mut file = File::from(descriptor.map_err(|error| io("make", &temporary)(error.into()))?);
    // The mode is meant as it is, whatever the umask.
    let moded = rustix::fs::fchmod(&file, mode).map_err(std::io::Error::from);
    let written = moded.and_then(|()| file.write_all(text.as_bytes())).and_then(|()| file.sync_all());
    if let Err(error) = written {
        remove_half(&temporary);
        return Err(io("write", path)(error));
    }
    Ok((temporary, folder))
}

/// Removes what could not be written or placed. That this fails too adds nothing to the error that is reported.
fn remove_half(temporary: &Path) {
    let _ = std::fs::remove_file(temporary);
}

fn check(path: &Path, metadata: &Metadata, owner: u32, forbidden: u32) -> Result<(), GuardError> {
    let (found, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    if found != owner {
        return Err(GuardError::Owner { path: path.to_owned(), found, wanted: owner });
    }
    if mode & forbidden != 0 {
        let remedy = if forbidden == OTHERS { "go=" } else { "go-w" };
        return Err(GuardError::Mode { path: path.to_owned(), mode, remedy });
    }
    Ok(())
}

fn io(act: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> GuardError {
    let path = path.to_owned();
    move |source| GuardError::Io { act, path, source }
}

#[cfg(test)]
mod tests {
    use super::{GuardError, OTHERS, OTHERS_WRITE, create, read, replace};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn me() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_is_believed_only_from_its_owner_and_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert!(read(&path, me(), OTHERS).unwrap().is_none());
        create(&path, "text", 0o600).unwrap();
        assert_eq!(read(&path, me(), OTHERS).unwrap().as_deref(), Some("text"));
        assert!(matches!(read(&path, me() + 1, OTHERS), Err(GuardError::Owner { .. })));
        set_mode(&path, 0o640);
        assert!(matches!(read(&path, me(), OTHERS), Err(GuardError::Mode { mode: 0o640, .. })));
        assert!(read(&path, me(), OTHERS_WRITE).is_ok());
        set_mode(&path, 0o662);
        let error = read(&path, me(), OTHERS_WRITE).unwrap_err().to_string();
        assert!(error.contains("0662") && error.contains("chmod go-w"), "{error}");
    }

    #[test]
    fn only_a_plain_short_text_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        std::fs::write(path("binary"), [0xff]).unwrap();
        std::fs::write(path("long"), vec![b'a'; 1024 * 1024 + 1]).unwrap();
        assert!(matches!(read(&path("link"), me(), 0), Err(GuardError::NotFile(_))));
        assert!(matches!(read(&path("folder"), me(), 0), Err(GuardError::NotFile(_))));
        assert!(matches!(read(&path("binary"), me(), 0), Err(GuardError::NotText(_))));
        assert!(matches!(read(&path("long"), me(), 0), Err(GuardError::TooLong(_))));
    }

    #[test]
    fn a_file_is_created_once_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        create(&path, "one", 0o600).unwrap();
        assert!(matches!(
            create(&path, "two", 0o600),
            Err(GuardError::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists
        ));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        replace(&path, "two", 0o600).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
