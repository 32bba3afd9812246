//! Reads /proc/self/mountinfo: where the cgroup v2 hierarchy is mounted, and which file system a file lies on.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::{HostError, read_text};

/// One line of mountinfo, as far as gov needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its number, as fdinfo names it.
    pub id: u64,
    /// The kernel's device of the file system (`major << 20 | minor`), which on some is not what stat(2) says.
    pub device: u32,
    /// The directory of the file system that stands at the mount point.
    pub root: PathBuf,
    /// Where it is mounted.
    pub point: PathBuf,
    /// The file system's type.
    pub kind: String,
}

/// Where cgroup v2 is mounted whole; on a hybrid host that is not /sys/fs/cgroup.
pub fn cgroup2() -> Result<PathBuf, HostError> {
    all()?
        .into_iter()
        .find(|mount| mount.kind == "cgroup2" && mount.root == Path::new("/"))
        .map(|mount| mount.point)
        .ok_or(HostError::NoCgroup2)
}

/// The mounts that this process sees, in the order in which they were made.
pub fn all() -> Result<Vec<Mount>, HostError> {
    parse(&read_text(Path::new("/proc/self/mountinfo"))?)
}

/// Parses mountinfo (proc_pid_mountinfo(5)).
pub fn parse(text: &str) -> Result<Vec<Mount>, HostError> {
    text.lines().map(|line| mount(line).ok_or_else(|| malformed(line))).collect()
}

fn malformed(line: &str) -> HostError {
    HostError::Form { path: "/proc/self/mountinfo".into(), what: format!("a mount, not `{line}`") }
}

/// `36 35 98:0 /root /point options [optional ...] - type source superoptions`
fn mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ');
    let id = before.next()?.parse().ok()?;
    let device = device(before.nth(1)?)?;
    let root = unescape(before.next()?)?;
    let point = unescape(before.next()?)?;
    let kind = after.split(' ').next()?.to_owned();
    Some(Mount { id, device, root, point, kind })
}

/// A device as it is written here and in receipts, `major:minor`.
pub fn device(text: &str) -> Option<u32> {
    let (major, minor) = text.split_once(':')?;
    let (major, minor): (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
    (major < 1 << 12 && minor < 1 << 20).then_some(major << 20 | minor)
}

/// Undoes the octal escapes of space, tab, newline and backslash.
fn unescape(field: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'\\' {
            let (digits, tail) = tail.split_at_checked(3)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()?);
            rest = tail;
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    Some(PathBuf::from(OsString::from_vec(bytes)))
}

#[cfg(test)]
mod tests {
    use super::{Mount, parse};

    #[test]
    fn a_hybrid_host_and_an_escaped_mount_point_are_read() {
        let text = "20 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n\
                    41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw,nosuid shared:4 master:1 - cgroup2 cgroup2 rw\n";
        let mounts = parse(text).unwrap();
        assert_eq!(mounts[0].kind, "cgroup");
        let expected = Mount {
            id: 41,
            device: 38,
            root: "/".into(),
            point: "/sys/fs/cgroup/uni fied".into(),
            kind: "cgroup2".into(),
        };
        assert_eq!(mounts[1], expected);
    }

    #[test]
    fn a_line_of_another_form_is_an_error() {
        for line in [
            "36 35 98:0 / /mnt rw",
            "36 - cgroup2 x rw",
            "36 35 98:0 / /m\\04 rw - cgroup2 x rw",
            "x 35 98:0 / /mnt rw - cgroup2 x rw",
            "36 35 98 / /mnt rw - cgroup2 x rw",
            "36 35 4096:0 / /mnt rw - cgroup2 x rw",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
