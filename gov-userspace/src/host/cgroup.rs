//! The cgroup of a session: made, filled by pidfd, watched, stopped and removed.
//!
//! Sessions are directories of one hierarchy of gov's own, `gov`, below the root of the cgroup v2 mount.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::process::{Process, cgroup_of};
use super::{HostError, mounts, read_text, write_text};

/// The name of gov's own directory below the cgroup v2 root.
const HIERARCHY: &str = "gov";
/// Its level in the cgroup tree: the root is 0.
const HIERARCHY_LEVEL: u32 = 1;
/// The level of a session's cgroup.
const SESSION_LEVEL: u32 = 2;
/// The initial cgroup namespace's inode number (`PROC_CGROUP_INIT_INO`): only there is the root of the mount the
/// root of the tree that the kernel object counts levels from.
const INITIAL_NAMESPACE: u64 = 0xEFFF_FFFB;

/// gov's directory in the cgroup v2 tree.
#[derive(Clone, Debug)]
pub struct Hierarchy {
    folder: PathBuf,
}

impl Hierarchy {
    /// Finds the cgroup v2 mount and makes gov's directory in it.
    pub fn open() -> Result<Self, HostError> {
        if !in_initial_namespace()? {
            return Err(HostError::ForeignCgroupNamespace);
        }
        let folder = mounts::cgroup2()?.join(HIERARCHY);
        match std::fs::create_dir(&folder) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(source) => return Err(HostError::Change { path: folder, source }),
        }
        Ok(Self { folder })
    }

    /// A folder that stands for the hierarchy where there is no kernel to make cgroups.
    #[cfg(test)]
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Its directory.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its level in the cgroup tree, of which the root is 0.
    pub fn level(&self) -> u32 {
        HIERARCHY_LEVEL
    }

    /// Makes the cgroup of a session; that it exists already is an error.
    pub fn create(&self, session: &str) -> Result<Cgroup, HostError> {
        let folder = self.folder.join(session);
        std::fs::create_dir(&folder).map_err(|source| HostError::Change { path: folder.clone(), source })?;
        Ok(Cgroup { folder })
    }

    /// The cgroups that are there: those of a daemon that is gone.
    pub fn list(&self) -> Result<Vec<Cgroup>, HostError> {
        let unreadable = |source| HostError::Read { path: self.folder.clone(), source };
        let mut cgroups = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if entry.file_type().map_err(unreadable)?.is_dir() {
                cgroups.push(Cgroup { folder: entry.path() });
            }
        }
        Ok(cgroups)
    }
}

/// Whether this process is in the initial cgroup namespace.
pub fn in_initial_namespace() -> Result<bool, HostError> {
    let path = Path::new("/proc/self/ns/cgroup");
    let inode = std::fs::metadata(path).map(|metadata| metadata.ino());
    Ok(inode.map_err(|source| HostError::Read { path: path.to_owned(), source })? == INITIAL_NAMESPACE)
}

/// Whether the process with this number (0: the caller) is in a session's cgroup or below one.
pub fn is_governed(pid: i32) -> Result<bool, HostError> {
    Ok(lies_in_hierarchy(&cgroup_of(pid)?))
}

fn lies_in_hierarchy(cgroup: &Path) -> bool {
    cgroup.starts_with(Path::new("/").join(HIERARCHY))
}

/// One session's cgroup.
#[derive(Debug)]
pub struct Cgroup {
    folder: PathBuf,
}

impl Cgroup {
    /// Its number, as `bpf_get_current_ancestor_cgroup_id` gives it: the directory's inode number.
    pub fn id(&self) -> Result<u64, HostError> {
        let metadata = std::fs::metadata(&self.folder);
        Ok(metadata.map_err(|source| HostError::Read { path: self.folder.clone(), source })?.ino())
    }

    /// Its level in the cgroup tree.
    pub fn level(&self) -> u32 {
        SESSION_LEVEL
    }

    /// Its directory.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its name: the session's.
    pub fn name(&self) -> Option<&str> {
        self.folder.file_name()?.to_str()
    }

    /// Moves a process in, and makes sure that it was that process that moved.
    pub fn admit(&self, process: &Process) -> Result<(), HostError> {
        write_text(&self.folder.join("cgroup.procs"), &process.pid().to_string())?;
        let cgroup = process.cgroup()?;
        if self.name().is_some_and(|name| cgroup == Path::new("/").join(HIERARCHY).join(name)) {
            Ok(())
        } else {
            let what = format!("the process in it; it is in `{}`", cgroup.display());
            Err(HostError::Form { path: self.folder.join("cgroup.procs"), what })
        }
    }

    /// Whether root has removed it, as it can when nobody is in it.
    fn is_gone(&self) -> bool {
        matches!(self.folder.try_exists(), Ok(false))
    }

    /// The processes in it (not those of cgroups below it).
    pub fn processes(&self) -> Result<Vec<u32>, HostError> {
        let path = self.folder.join("cgroup.procs");
        let text = match read_text(&path) {
            Err(_gone) if self.is_gone() => return Ok(Vec::new()),
            text => text?,
        };
        text.lines()
            .map(|line| {
                let what = || HostError::Form { path: path.clone(), what: format!("a number, not `{line}`") };
                line.parse().map_err(|_no_number| what())
            })
            .collect()
    }

    /// Whether a process is in it or below it.
    pub fn populated(&self) -> Result<bool, HostError> {
        let path = self.events_file();
        let text = match read_text(&path) {
            Err(_gone) if self.is_gone() => return Ok(false),
            text => text?,
        };
        populated(&text).ok_or_else(|| HostError::Form { path, what: "a `populated` line".to_owned() })
    }

    /// The file that a poll for priority data watches: it changes when [`Cgroup::populated`] does.
    pub fn events_file(&self) -> PathBuf {
        self.folder.join("cgroup.events")
    }

    /// Freezes or thaws every process in it and below it.
    pub fn freeze(&self, frozen: bool) -> Result<(), HostError> {
        write_text(&self.folder.join("cgroup.freeze"), if frozen { "1" } else { "0" })
    }

    /// Kills every process in it and below it, at once; one by one where the kernel has no `cgroup.kill` (before
    /// 5.14).
    pub fn kill(&self) -> Result<(), HostError> {
        let path = self.folder.join("cgroup.kill");
        if path.exists() {
            return write_text(&path, "1");
        }
        if self.is_gone() {
            return Ok(());
        }
        self.freeze(true)?;
        let killed = self.signal(rustix::process::Signal::KILL);
        self.freeze(false)?;
        killed
    }

    /// Sends every process in it (not below it) a signal, each by pidfd; one that has ended meanwhile is no error.
    pub fn signal(&self, signal: rustix::process::Signal) -> Result<(), HostError> {
        for pid in self.processes()? {
            let Ok(process) = Process::open(pid) else { continue };
            if process.cgroup().is_ok_and(|cgroup| lies_in_hierarchy(&cgroup)) {
                match process.signal(signal) {
                    Err(HostError::Call { source, .. }) if source.raw_os_error() == Some(3) => {}
                    sent => sent?,
                }
            }
        }
        Ok(())
    }

    /// Removes it and the empty cgroups below it; that it is gone already is no error.
    pub fn remove(&self) -> Result<(), HostError> {
        remove_tree(&self.folder)
    }
}

/// Removes a cgroup directory from the leaves up: its files vanish with it.
fn remove_tree(folder: &Path) -> Result<(), HostError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(HostError::Read { path: folder.to_owned(), source }),
    };
    for entry in entries {
        let entry = entry.map_err(|source| HostError::Read { path: folder.to_owned(), source })?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path())?;
        }
    }
    match std::fs::remove_dir(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(HostError::Change { path: folder.to_owned(), source: error })
        }
        _removed => Ok(()),
    }
}

/// Opens `cgroup.events` for watching.
pub fn open_events(cgroup: &Cgroup) -> Result<File, HostError> {
    let path = cgroup.events_file();
    File::open(&path).map_err(|source| HostError::Read { path, source })
}

/// The value of the `populated` line of `cgroup.events`.
pub fn populated(events: &str) -> Option<bool> {
    match events.lines().find_map(|line| line.strip_prefix("populated "))? {
        "0" => Some(false),
        "1" => Some(true),
        _other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{lies_in_hierarchy, populated};
    use std::path::Path;

    #[test]
    fn only_the_populated_line_counts() {
        assert_eq!(populated("populated 1\nfrozen 0\n"), Some(true));
        assert_eq!(populated("frozen 1\npopulated 0\n"), Some(false));
        assert_eq!(populated("frozen 1\n"), None);
    }

    #[test]
    fn a_sibling_with_a_longer_name_is_not_governed() {
        assert!(lies_in_hierarchy(Path::new("/gov/demo-1/child")));
        assert!(!lies_in_hierarchy(Path::new("/gov-other/demo-1")));
        assert!(!lies_in_hierarchy(Path::new("/system.slice/gov/x")));
    }
}
