//! Acts that change which file systems are where.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{
    FsOpenFlags, FsPickFlags, MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
    fsconfig_create, fsconfig_reconfigure, fspick, mount, mount_bind, mount_change, move_mount, open_tree,
    unmount,
};

use super::{Outcome, ok, raw};

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["mount", folder] => ok(mount_here(folder)),
        ["bind", from, to] => ok(mount_bind(from, to).map_err(io::Error::from)),
        ["overlay", lower, to] => ok(overlay(lower, to)),
        ["make-private", folder] => {
            ok(mount_change(folder, MountPropagationFlags::PRIVATE).map_err(io::Error::from))
        }
        ["pivot-root", folder] => ok(pivot_root(folder)),
        ["fsopen"] => ok(fsopen()),
        ["unmount", folder] => ok(unmount(folder, UnmountFlags::DETACH).map_err(io::Error::from)),
        ["reconfigure", folder] => ok(reconfigure(folder)),
        ["read-detached", folder, name] => ok(read_detached(folder, name)),
        ["move-mount", from, to] => ok(move_tree(from, to)),
        ["set-mount-attributes", folder] => ok(raw::ground::set_mount_attributes(folder)),
        ["enter-mounts", pid] => ok(enter_mounts(pid)),
        _ => return None,
    })
}

/// Mounts a temporary file system over a folder.
fn mount_here(folder: &str) -> io::Result<()> {
    Ok(mount("none", folder, "tmpfs", MountFlags::empty(), None)?)
}

/// Mounts a folder again, with a layer over it that takes up changes.
fn overlay(lower: &str, to: &str) -> io::Result<()> {
    let options = std::ffi::CString::new(format!("lowerdir={lower}:{to}"))?;
    Ok(mount("none", to, "overlay", MountFlags::empty(), options.as_c_str())?)
}

/// Makes a folder the root.
fn pivot_root(folder: &str) -> io::Result<()> {
    mount_here(folder)?;
    std::env::set_current_dir(folder)?;
    Ok(rustix::process::pivot_root(".", ".")?)
}

/// Sets up a temporary file system that nothing is mounted on.
fn fsopen() -> io::Result<()> {
    let context = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    Ok(fsconfig_create(&context)?)
}

/// Sets up a mounted file system anew, as it is.
fn reconfigure(folder: &str) -> io::Result<()> {
    let context = fspick(CWD, folder, FsPickFlags::FSPICK_CLOEXEC)?;
    Ok(fsconfig_reconfigure(&context)?)
}

/// Copies the tree below a folder to nowhere, and opens a file in the copy.
fn read_detached(folder: &str, name: &str) -> io::Result<()> {
    let tree = open_tree(CWD, folder, OpenTreeFlags::OPEN_TREE_CLONE)?;
    Ok(rustix::fs::openat(&tree, name, OFlags::RDONLY, Mode::empty()).map(drop)?)
}

/// Copies the tree below a folder to another place.
fn move_tree(from: &str, to: &str) -> io::Result<()> {
    let tree = open_tree(CWD, from, OpenTreeFlags::OPEN_TREE_CLONE)?;
    Ok(move_mount(&tree, "", CWD, to, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// Enters the mount namespace of another process.
fn enter_mounts(pid: &str) -> io::Result<()> {
    let namespace = File::open(Path::new("/proc").join(pid).join("ns/mnt"))?;
    raw::tasks::enter(namespace.as_raw_fd())
}
