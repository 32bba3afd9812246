//! Acts on files and on the tree.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{
    Access, AtFlags, CWD, FileType, RenameFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, XattrFlags,
};

use super::{Outcome, name, ok, raw};

const ACCESS_LIST: &str = "system.posix_acl_access";
/// An access list: version 2, then the owner, who reads and writes, the group and all others.
const OWNER_ONLY: [u8; 28] = [
    2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 4, 0, 0, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255,
    255,
];

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["read", path] => ok(fs::read(path)),
        ["list", path] => ok(fs::read_dir(path)),
        ["write", path] => {
            ok(OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(b"changed")))
        }
        ["access", path] => ok(rustix::fs::access(path, Access::READ_OK).map_err(io::Error::from)),
        ["append", path] => ok(OpenOptions::new().append(true).open(path)),
        ["create", path] => ok(File::create_new(path)),
        ["create-another", folder] => ok(create_another(folder)),
        ["open-truncate", path] => ok(OpenOptions::new().read(true).custom_flags(libc::O_TRUNC).open(path)),
        ["truncate", path] => ok(raw::files::truncate(path)),
        ["mkdir", path] => ok(fs::create_dir(path)),
        ["rmdir", path] => ok(fs::remove_dir(path)),
        ["unlink", path] => ok(fs::remove_file(path)),
        ["symlink", target, path] => ok(std::os::unix::fs::symlink(target, path)),
        ["link", old, new] => ok(fs::hard_link(old, new)),
        ["rename", old, new] => ok(fs::rename(old, new)),
        ["exchange", old, new] => ok(rename_with(old, new, RenameFlags::EXCHANGE)),
        ["rename-leaving-device", old, new] => ok(rename_with(old, new, RenameFlags::WHITEOUT)),
        ["chmod", path] => ok(fs::set_permissions(path, Permissions::from_mode(0o777))),
        ["chown", path] => ok(std::os::unix::fs::chown(path, Some(1), Some(1))),
        ["utimes", path] => ok(utimes(path, 0, 0)),
        ["touch", path] => ok(utimes(path, UTIME_NOW, UTIME_NOW)),
        ["touch-access", path] => ok(utimes(path, UTIME_NOW, UTIME_OMIT)),
        ["touch-change", path] => ok(utimes(path, UTIME_OMIT, UTIME_NOW)),
        ["touch-open", path] => ok(File::open(path).and_then(|file| touch_open(&file))),
        ["setxattr", path] => ok(setxattr(path)),
        ["remove-attribute", path] => ok(rustix::fs::removexattr(path, "user.gov").map_err(io::Error::from)),
        ["set-access-list", path] => {
            ok(rustix::fs::setxattr(path, ACCESS_LIST, &OWNER_ONLY, XattrFlags::empty())
                .map_err(io::Error::from))
        }
        ["remove-access-list", path] => {
            ok(rustix::fs::removexattr(path, ACCESS_LIST).map_err(io::Error::from))
        }
        ["set-file-attributes", path] => ok(raw::files::set_attributes(path)),
        ["reopen", path] => ok(reopen(path)),
        ["read-relative", folder, path] => {
            ok(std::env::set_current_dir(folder).and_then(|()| fs::read(path)))
        }
        ["read-chrooted", root, path] => ok(raw::files::chroot(root).and_then(|_| fs::read(path))),
        ["append-escaped", path] => ok(OpenOptions::new().append(true).open(unescape(path))),
        ["mknod-device", path] => {
            let null = rustix::fs::makedev(1, 3);
            let mode = rustix::fs::Mode::RWXU;
            ok(rustix::fs::mknodat(CWD, path, FileType::CharacterDevice, mode, null).map_err(io::Error::from))
        }
        ["mknod", path] => ok(raw::files::mknod(path)),
        ["read-until-refused", path, seconds] => read_until_refused(path, seconds),
        ["flood", path, most] => flood(path, most),
        _ => return None,
    })
}

/// A path in which `\\xNN` stands for a byte: arguments and rows are text, names need not be.
pub fn unescape(text: &str) -> OsString {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        let (digits, behind) = after.split_at_checked(2).unwrap_or((after, ""));
        bytes.extend(u8::from_str_radix(digits, 16).ok());
        rest = behind;
    }
    bytes.extend_from_slice(rest.as_bytes());
    OsString::from_vec(bytes)
}

/// Creates a file of a name that is not there yet.
fn create_another(folder: &str) -> io::Result<File> {
    (0_u32..)
        .map(|number| File::create_new(format!("{folder}/{number}")))
        .find(|made| !made.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists))
        .unwrap_or_else(|| Err(io::Error::other("all names are there")))
}

fn rename_with(old: &str, new: &str, flags: RenameFlags) -> io::Result<()> {
    Ok(rustix::fs::renameat_with(CWD, old, CWD, new, flags)?)
}

/// Sets the times of access and of change, each to the epoch, to now, or not.
fn utimes(path: &str, access: i64, change: i64) -> io::Result<()> {
    Ok(rustix::fs::utimensat(CWD, path, &times(access, change), AtFlags::empty())?)
}

/// Sets the time of change of a file that is open to be read.
fn touch_open(file: &File) -> io::Result<()> {
    Ok(rustix::fs::futimens(file, &times(UTIME_OMIT, UTIME_NOW))?)
}

fn times(access: i64, change: i64) -> Timestamps {
    let epoch = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    Timestamps { last_access: epoch(access), last_modification: epoch(change) }
}

fn setxattr(path: &str) -> io::Result<()> {
    Ok(rustix::fs::setxattr(path, "user.gov", b"changed", XattrFlags::empty())?)
}

/// Opens with `O_PATH`, which grants nothing, then again for writing through /proc/self/fd.
fn reopen(path: &str) -> io::Result<File> {
    let place = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path)?;
    OpenOptions::new().append(true).open(Path::new("/proc/self/fd").join(place.as_raw_fd().to_string()))
}

/// Reads a file ten times a second until that is refused, asked to end or not; answers with how it was.
fn read_until_refused(path: &str, seconds: &str) -> Outcome {
    raw::tasks::stay_when_asked_to_end()?;
    let limit: u64 = seconds.parse().map_err(io::Error::other)?;
    let end = Instant::now() + Duration::from_secs(limit);
    File::open(path)?.read_to_end(&mut Vec::new())?;
    while Instant::now() < end {
        if let Err(error) = fs::read(path) {
            return Ok(format!("ok then {}", name(&error)));
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok("ok to the end".to_owned())
}

/// Opens a file for writing as fast as it can, until that is refused.
fn flood(path: &str, most: &str) -> Outcome {
    let most: u64 = most.parse().map_err(io::Error::other)?;
    for _ in 0..most {
        OpenOptions::new().append(true).open(path)?;
    }
    Ok("ok to the end".to_owned())
}
