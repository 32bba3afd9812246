//! What the kernel holds of mounts.

use super::read;

/// Where a mount belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Belongs {
    /// To the mount namespace of this inode number.
    Namespace(u32),
    /// To the kernel itself: pipes, sockets, memfds, which no path names.
    Internal,
    /// To a stacked file system: its private view of one of its layers.
    Layer,
    /// To none: detached.
    Nowhere,
}

/// Where a `struct mount` belongs; `dentry` is the object on it.
#[inline(always)]
pub fn belongs(mount: u64, dentry: u64) -> Option<Belongs> {
    const FIRST_ERROR: u64 = -4095_i64 as u64;
    const SB_NOUSER: u64 = 1 << 31;
    let namespace = read::<u64>(mount.wrapping_add(offset!(mount_ns)))?;
    if namespace == 0 {
        return Some(Belongs::Nowhere);
    }
    if namespace < FIRST_ERROR {
        return Some(Belongs::Namespace(read::<u32>(namespace.wrapping_add(offset!(mnt_namespace_inum)))?));
    }
    // An error pointer marks a mount of the kernel's own. Only a superblock that user space can never mount is
    // taken for internal: a stacked file system's private clone shows real files and is not.
    let sb = read::<u64>(dentry.wrapping_add(offset!(dentry_sb)))?;
    let flags = read::<u64>(sb.wrapping_add(offset!(sb_flags)))?;
    Some(if flags & SB_NOUSER != 0 { Belongs::Internal } else { Belongs::Layer })
}

/// The first mount of a dentry's superblock; 0 when there is none.
#[inline(always)]
pub fn first_mount(dentry: u64) -> Option<u64> {
    let sb = read::<u64>(dentry.wrapping_add(offset!(dentry_sb)))?;
    let head = sb.wrapping_add(offset!(sb_mounts));
    let first = read::<u64>(head)?;
    if offset!(mounts_are_plain) != 0 {
        return Some(first);
    }
    Some(if first == head { 0 } else { first.wrapping_sub(offset!(mount_next_for_sb)) })
}

/// The mount after `mount` on its superblock; 0 at the end.
#[inline(always)]
pub fn next_mount(mount: u64, dentry: u64) -> Option<u64> {
    let next = read::<u64>(mount.wrapping_add(offset!(mount_next_for_sb)))?;
    if offset!(mounts_are_plain) != 0 {
        return Some(next);
    }
    let sb = read::<u64>(dentry.wrapping_add(offset!(dentry_sb)))?;
    let head = sb.wrapping_add(offset!(sb_mounts));
    Some(if next == head { 0 } else { next.wrapping_sub(offset!(mount_next_for_sb)) })
}
