//! The cgroup of a session: made, filled by pidfd, watched, stopped and removed.
//!
//! Sessions are directories of one hierarchy of gov's own, `gov`, below the root of the cgroup v2 mount; a session
//! within a session is a directory in the other's.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use gov_common::abi::MAX_NESTING;

use super::process::Process;
use super::{HostError, mounts, read_text, write_text};

/// The name of gov's own directory below the cgroup v2 root.
const HIERARCHY: &str = "gov";
/// Its level in the cgroup tree: the root is 0.
const HIERARCHY_LEVEL: u32 = 1;
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
        Cgroup::make(self.folder.join(session), Path::new("/").join(HIERARCHY).join(session))
    }

    /// The cgroups that are there.
    pub fn list(&self) -> Result<Vec<Cgroup>, HostError> {
        below(&self.folder, &Path::new("/").join(HIERARCHY))
    }
}

/// The cgroups directly below one.
fn below(folder: &Path, path: &Path) -> Result<Vec<Cgroup>, HostError> {
    let unreadable = |source| HostError::Read { path: folder.to_owned(), source };
    let mut cgroups = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.file_type().map_err(unreadable)?.is_dir() {
            cgroups.push(Cgroup { folder: entry.path(), path: path.join(entry.file_name()) });
        }
    }
    Ok(cgroups)
}

/// Whether this process is in the initial cgroup namespace.
pub fn in_initial_namespace() -> Result<bool, HostError> {
    let path = Path::new("/proc/self/ns/cgroup");
    let inode = std::fs::metadata(path).map(|metadata| metadata.ino());
    Ok(inode.map_err(|source| HostError::Read { path: path.to_owned(), source })? == INITIAL_NAMESPACE)
}

/// Whether a cgroup, by its path in the tree, is a session's or below one.
pub fn is_governed(cgroup: &Path) -> bool {
    cgroup.starts_with(Path::new("/").join(HIERARCHY))
}

/// One session's cgroup.
#[derive(Clone, Debug)]
pub struct Cgroup {
    folder: PathBuf,
    /// From the root of the tree on, as `/proc/PID/cgroup` names it.
    path: PathBuf,
}

impl Cgroup {
    fn make(folder: PathBuf, path: PathBuf) -> Result<Self, HostError> {
        std::fs::create_dir(&folder).map_err(|source| HostError::Change { path: folder.clone(), source })?;
        Ok(Self { folder, path })
    }

    /// Makes the cgroup of a session within this one; that it exists already is an error.
    pub fn create(&self, session: &str) -> Result<Self, HostError> {
        Self::make(self.folder.join(session), self.path.join(session))
    }

    /// Its number, as `bpf_get_current_ancestor_cgroup_id` gives it: the directory's inode number.
    pub fn id(&self) -> Result<u64, HostError> {
        let metadata = std::fs::metadata(&self.folder);
        Ok(metadata.map_err(|source| HostError::Read { path: self.folder.clone(), source })?.ino())
    }

    /// Its level in the cgroup tree.
    pub fn level(&self) -> u32 {
        // The root is an ancestor, and no level of its own.
        let levels = self.path.ancestors().count().saturating_sub(1);
        u32::try_from(levels).unwrap_or(u32::MAX)
    }

    /// Whether the kernel object judges as many sessions above a task as a session within this one would have.
    pub fn can_hold_another(&self) -> bool {
        let above = self.level().saturating_sub(HIERARCHY_LEVEL);
        usize::try_from(above).is_ok_and(|above| above < MAX_NESTING)
    }

    /// Its directory.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its path in the tree, as `/proc/PID/cgroup` names it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name: the session's.
    pub fn name(&self) -> Option<&str> {
        self.folder.file_name()?.to_str()
    }

    /// Moves a process in, and makes sure that it was that process that moved.
    pub fn admit(&self, process: &Process) -> Result<(), HostError> {
        write_text(&self.folder.join("cgroup.procs"), &process.pid().to_string())?;
        let cgroup = process.cgroup()?;
        if cgroup == self.path {
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

    /// How many processes are in it and below it.
    pub fn population(&self) -> Result<usize, HostError> {
        let mut count = self.processes()?.len();
        // One that is removed meanwhile has nobody in it.
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let below = Self { folder: entry.path(), path: self.path.join(entry.file_name()) };
                count = count.saturating_add(below.population()?);
            }
        }
        Ok(count)
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

    /// The cgroups directly below it.
    pub fn list(&self) -> Result<Vec<Self>, HostError> {
        below(&self.folder, &self.path)
    }

    /// Whether its processes were told to stand still.
    pub fn is_frozen(&self) -> Result<bool, HostError> {
        Ok(read_text(&self.folder.join("cgroup.freeze"))?.trim() == "1")
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
            if process.cgroup().is_ok_and(|cgroup| is_governed(&cgroup)) {
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
    use super::{Hierarchy, is_governed, populated};
    use std::path::Path;

    #[test]
    fn only_the_populated_line_counts() {
        assert_eq!(populated("populated 1\nfrozen 0\n"), Some(true));
        assert_eq!(populated("frozen 1\npopulated 0\n"), Some(false));
        assert_eq!(populated("frozen 1\n"), None);
    }

    #[test]
    fn a_sibling_with_a_longer_name_is_not_governed() {
        assert!(is_governed(Path::new("/gov/demo-1/child")));
        assert!(!is_governed(Path::new("/gov-other/demo-1")));
        assert!(!is_governed(Path::new("/system.slice/gov/x")));
    }

    #[test]
    fn sessions_lie_in_each_other_as_deep_as_the_kernel_judges() {
        let folder = tempfile::tempdir().unwrap();
        let mut cgroup = Hierarchy::at(folder.path().to_owned()).create("a").unwrap();
        for (name, level) in [("b", 3), ("c", 4), ("d", 5)] {
            assert!(cgroup.can_hold_another());
            cgroup = cgroup.create(name).unwrap();
            assert_eq!(cgroup.level(), level);
        }
        assert!(!cgroup.can_hold_another());
        assert_eq!(cgroup.path(), Path::new("/gov/a/b/c/d"));
        assert_eq!(cgroup.folder(), folder.path().join("a/b/c/d"));
    }

    #[test]
    fn processes_are_counted_in_the_whole_subtree() {
        let folder = tempfile::tempdir().unwrap();
        let outer = Hierarchy::at(folder.path().to_owned()).create("a").unwrap();
        let inner = outer.create("b").unwrap();
        std::fs::write(outer.folder().join("cgroup.procs"), "1\n").unwrap();
        std::fs::write(inner.folder().join("cgroup.procs"), "2\n3\n").unwrap();
        assert_eq!((outer.processes().unwrap().len(), outer.population().unwrap()), (1, 3));
    }
}
