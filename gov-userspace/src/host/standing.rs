//! What stands at a path, seen without following a link, without waiting for anybody, and never another thing than
//! the one that is then read.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, StatxFlags, StatxTimestamp};
use rustix::io::Errno;

use super::{HostError, mounts};

/// A file as the kernel numbers it, which on overlayfs and btrfs is not what stat(2) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// The file system's device, `major << 20 | minor`.
    pub device: u32,
    /// The inode's number.
    pub inode: u64,
}

/// What may be believed of a kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Its times are of this host's clock, and a file has one inode number for as long as it lives.
    Local,
    /// Its times are of this host's clock; a number may change while nobody has the file open.
    Layered,
    /// Another host may set its times, or give its numbers.
    Other,
    /// Its files are answers of the kernel: reading one may wait, or do something.
    Kernel,
    /// Its files are answers of a program, which may be the session's user's and never come.
    Program,
}

impl Habit {
    fn of(kind: &str) -> Self {
        match kind {
            "ext2" | "ext3" | "ext4" | "xfs" | "btrfs" | "f2fs" | "tmpfs" => Self::Local,
            "overlay" => Self::Layered,
            "autofs" | "binfmt_misc" | "bpf" | "cgroup" | "cgroup2" | "configfs" | "debugfs" | "devpts"
            | "efivarfs" | "fusectl" | "mqueue" | "nfsd" | "proc" | "pstore" | "resctrl" | "rpc_pipefs"
            | "securityfs" | "selinuxfs" | "smackfs" | "sysfs" | "tracefs" => Self::Kernel,
            "fuse" | "fuseblk" => Self::Program,
            kind if kind.starts_with("fuse.") => Self::Program,
            _another => Self::Other,
        }
    }
}

/// What is known of a file without reading it. Two that are equal are of one file that nobody changed in between, as
/// finely as the file system tells the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub kind: FileType,
    /// Who may do what with it: twelve bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its length in bytes.
    pub size: u64,
    /// When it, or anything that is known of it, was changed: nanoseconds of the file system's clock since 1970.
    pub changed_ns: i64,
    /// When its content was changed, as it says.
    modified_ns: i64,
    /// When it was made; `None` where the file system does not say.
    pub born_ns: Option<i64>,
    /// As the kernel numbers it.
    pub node: Node,
    /// What its file system may be believed.
    pub habit: Habit,
}

/// Something that stands at a path: held, so that it stays the same thing whatever becomes of the path.
#[derive(Debug)]
pub struct Standing {
    handle: OwnedFd,
    /// What is known of it.
    pub facts: Facts,
}

impl Standing {
    /// The regular file, opened to be read: the very one that was looked at.
    pub fn open(&self) -> std::io::Result<File> {
        let again = format!("/proc/self/fd/{}", self.handle.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::open(again, flags, Mode::empty())?))
    }

    /// Where the symbolic link leads, as it is written.
    pub fn target(&self) -> std::io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.handle, "", Vec::new())?.into_bytes())
    }
}

/// The mounts as they were at one moment: who answers for what stands at a path.
#[derive(Debug, Default)]
pub struct Mounts {
    by_id: HashMap<u64, (u32, Habit)>,
    /// Of mounts at one point the last, which covers the others.
    by_point: BTreeMap<PathBuf, Habit>,
}

impl Mounts {
    /// The mounts now.
    ///
    /// # Errors
    /// If mountinfo cannot be read.
    pub fn now() -> Result<Self, HostError> {
        let mut mounts = Self::default();
        for mount in mounts::all()? {
            let habit = Habit::of(&mount.kind);
            mounts.by_id.insert(mount.id, (mount.device, habit));
            mounts.by_point.insert(mount.point, habit);
        }
        Ok(mounts)
    }

    /// What stands at a path; `None` if nothing does. No symbolic link on the way is followed, and what stands there
    /// is not opened.
    ///
    /// # Errors
    /// What the system says; or that a program answers for it, or that it lies on a mount of which nothing is known.
    pub fn look(&self, path: &Path) -> std::io::Result<Option<Standing>> {
        if !path.is_absolute() {
            return Err(Error::new(ErrorKind::InvalidInput, "its path does not begin with `/`"));
        }
        let above = path.ancestors().find_map(|above| self.by_point.get(above));
        if above == Some(&Habit::Program) {
            return Err(Error::other("it lies on a FUSE file system, for which a program answers"));
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let links = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let handle = match rustix::fs::openat2(CWD, path, flags, Mode::empty(), links) {
            Ok(handle) => handle,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(Errno::LOOP) => return Err(Error::other("a symbolic link stands where a folder was")),
            Err(error) => return Err(error.into()),
        };
        let facts = self.facts(&handle)?;
        Ok(Some(Standing { handle, facts }))
    }

    /// What is known of an open file.
    ///
    /// # Errors
    /// What the system says; or that it lies on a mount of which nothing is known.
    pub fn facts(&self, file: impl AsFd) -> std::io::Result<Facts> {
        let file = file.as_fd();
        let found =
            rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS | StatxFlags::BTIME)?;
        let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()))?;
        let number = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().parse::<u64>().ok())
        };
        let place = number("mnt_id:").and_then(|id| self.by_id.get(&id)).zip(number("ino:"));
        let Some(((device, habit), inode)) = place else {
            return Err(Error::other("it lies on a mount that was made while it was looked at"));
        };
        let mode = u32::from(found.stx_mode);
        let has_birth = found.stx_mask & StatxFlags::BTIME.bits() != 0;
        Ok(Facts {
            kind: FileType::from_raw_mode(mode),
            mode: mode & 0o7777,
            uid: found.stx_uid,
            gid: found.stx_gid,
            size: found.stx_size,
            changed_ns: nanoseconds(found.stx_ctime),
            modified_ns: nanoseconds(found.stx_mtime),
            born_ns: has_birth.then(|| nanoseconds(found.stx_btime)),
            node: Node { device: *device, inode },
            habit: *habit,
        })
    }
}

fn nanoseconds(time: StatxTimestamp) -> i64 {
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(i64::from(time.tv_nsec))
}

#[cfg(test)]
mod tests {
    use super::{Habit, Mounts};
    use rustix::fs::{CWD, FileType, Mode};
    use std::io::Read;
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        (folder, path)
    }

    #[test]
    fn what_was_looked_at_is_what_is_read_whatever_becomes_of_the_path() {
        let (_folder, path) = folder();
        let mounts = Mounts::now().unwrap();
        let file = path.join("file");
        std::fs::write(&file, "mine").unwrap();
        std::fs::write(path.join("secret"), "another's").unwrap();
        let standing = mounts.look(&file).unwrap().unwrap();
        std::fs::rename(path.join("secret"), &file).unwrap();
        let mut text = String::new();
        standing.open().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "mine");
        std::fs::remove_file(&file).unwrap();
        rustix::fs::mknodat(CWD, &file, FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(standing.facts.kind, FileType::RegularFile);
        // Nobody writes into the pipe: whoever opened it to read would wait for ever.
        assert_eq!(mounts.look(&file).unwrap().unwrap().facts.kind, FileType::Fifo);
    }

    #[test]
    fn no_link_is_followed_wherever_it_stands() {
        let (_folder, path) = folder();
        let mounts = Mounts::now().unwrap();
        std::os::unix::fs::symlink("/etc", path.join("link")).unwrap();
        assert!(mounts.look(&path.join("link/passwd")).unwrap_err().to_string().contains("symbolic link"));
        let link = mounts.look(&path.join("link")).unwrap().unwrap();
        assert_eq!((link.facts.kind, link.target().unwrap()), (FileType::Symlink, b"/etc".to_vec()));
        for magic in ["/proc/self/root/etc/passwd", "/proc/self/cwd", "/proc/self/fd/0/x"] {
            let followed = mounts.look(Path::new(magic)).ok().flatten();
            assert!(followed.is_none_or(|standing| standing.facts.kind == FileType::Symlink), "{magic}");
        }
        assert!(mounts.look(Path::new("etc/passwd")).is_err());
        assert!(mounts.look(&path.join("none/below")).unwrap().is_none());
    }

    #[test]
    fn a_file_is_known_as_the_kernel_numbers_it() {
        let (_folder, path) = folder();
        let mounts = Mounts::now().unwrap();
        std::fs::write(path.join("a"), "").unwrap();
        std::fs::hard_link(path.join("a"), path.join("b")).unwrap();
        std::fs::write(path.join("c"), "").unwrap();
        let facts = |name: &str| mounts.look(&path.join(name)).unwrap().unwrap().facts;
        assert_eq!(facts("a"), facts("b"));
        assert_ne!(facts("a").node, facts("c").node);
        if facts("a").habit == Habit::Local {
            assert_eq!(facts("a").node.inode, std::fs::metadata(path.join("a")).unwrap().ino());
        }
        assert_eq!(mounts.look(Path::new("/proc/version")).unwrap().unwrap().facts.habit, Habit::Kernel);
    }

    #[test]
    fn a_mount_that_nobody_told_of_is_not_believed() {
        let (_folder, path) = folder();
        let error = Mounts::default().look(&path).unwrap_err();
        assert!(error.to_string().contains("mount"), "{error}");
    }

    #[test]
    fn where_a_program_answers_nothing_is_asked() {
        let mut mounts = Mounts::now().unwrap();
        mounts.by_point.insert("/etc".into(), Habit::of("fuse.sshfs"));
        assert!(mounts.look(Path::new("/etc/passwd")).unwrap_err().to_string().contains("FUSE"));
        assert!(mounts.look(Path::new("/etcetera")).unwrap().is_none());
        assert_eq!(Habit::of("virtiofs"), Habit::Other);
    }
}
