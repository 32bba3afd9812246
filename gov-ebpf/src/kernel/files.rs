//! What the kernel holds of open files.

use super::{Belongs, acts_for_another, belongs, read};

/// `f_mode`: opened for writing.
pub const FMODE_WRITE: u32 = 2;
/// `__FMODE_EXEC` in `f_flags`, which open(2) clears from what the caller writes.
pub const OPEN_EXEC: u32 = 0x20;
pub const O_TRUNC: u32 = 0o1000;
pub const O_APPEND: u32 = 0o2000;

/// The dentry and the `struct mount` of the `struct path` at an address.
#[inline(always)]
pub fn path(address: u64) -> Option<(u64, u64)> {
    let dentry = read::<u64>(address.wrapping_add(offset!(path_dentry)))?;
    let vfsmount = read::<u64>(address.wrapping_add(offset!(path_mnt)))?;
    Some((dentry, vfsmount.wrapping_sub(offset!(mount_mnt))))
}

/// The `struct path` of the `struct file` at an address.
#[inline(always)]
pub fn file_path(file: u64) -> u64 {
    file.wrapping_add(offset!(file_path))
}

/// The dentry and the `struct mount` of the `struct file` at an address. Fail closed: a fault reads as an object that
/// nothing can resolve, and so as a refusal.
#[inline(always)]
pub fn place(file: u64) -> (u64, u64) {
    path(file_path(file)).unwrap_or((1, 1))
}

/// How and through what a file is opened.
#[derive(Clone, Copy)]
pub struct Opened {
    pub mode: u32,
    pub flags: u32,
    pub dentry: u64,
    pub vfsmount: u64,
}

impl Opened {
    /// Whether the file is opened for reading and for nothing else.
    #[inline(always)]
    pub const fn only_reads(&self) -> bool {
        self.mode & FMODE_WRITE == 0 && self.flags & (O_TRUNC | O_APPEND | OPEN_EXEC) == 0
    }
}

/// How the file that is a hook's own argument is opened. Such a pointer has a type that the verifier knows, so that its
/// fields are loaded without a helper; the addresses in them are good for comparing, and [`low`] makes a number of one.
#[inline(always)]
pub fn opened(file: u64) -> Opened {
    let (mode, flags, path) = (offset!(file_mode), offset!(file_flags), offset!(file_path));
    let (dentry, vfsmount) = (path + offset!(path_dentry), path + offset!(path_mnt));
    // SAFETY: the offsets are this kernel's, and the verifier checks each against the type of the argument.
    unsafe {
        Opened {
            mode: typed(file, mode),
            flags: typed(file, flags),
            dentry: typed(file, dentry),
            vfsmount: typed(file, vfsmount),
        }
    }
}

/// A field of the object that a hook's argument points to.
///
/// # Safety
/// `object` must be the argument itself.
#[inline(always)]
unsafe fn typed<T: Copy>(object: u64, offset: u64) -> T {
    // SAFETY: the caller's; volatile, because the kernel changes it at any time.
    unsafe { core::ptr::read_volatile(object.wrapping_add(offset) as *const T) }
}

/// The low half of an address, as a number: the verifier allows no arithmetic on an address that it knows as one.
#[inline(always)]
pub fn low(address: u64) -> u32 {
    let low: u32;
    // SAFETY: one move between registers of ours.
    unsafe {
        core::arch::asm!("{low} = {half}", low = out(wreg) low, half = in(wreg) address as u32, options(pure, nomem, nostack));
    }
    low
}

/// `f_mode` and `f_flags` of a file.
#[inline(always)]
pub fn file_access(file: u64) -> Option<(u32, u32)> {
    Some((
        read::<u32>(file.wrapping_add(offset!(file_mode)))?,
        read::<u32>(file.wrapping_add(offset!(file_flags)))?,
    ))
}

/// Whether a file is one that a stacked file system opens on a layer of its own, for a file of its that was judged a
/// moment ago: one that is marked so, one that lends its path from the outer one (before 6.5), or what it copies up.
#[inline(always)]
pub fn is_inner(file: u64, mode: u32, (dentry, mount): (u64, u64)) -> bool {
    let marked = mode as u64 & offset!(mode_backing) != 0;
    if !marked && !acts_for_another() {
        return false;
    }
    belongs(mount, dentry) == Some(Belongs::Layer) || (!marked && lends_path(file, dentry))
}

/// Whether a file's path is not its own: what the path leads to is another inode.
#[inline(always)]
fn lends_path(file: u64, dentry: u64) -> bool {
    let own = read::<u64>(file.wrapping_add(offset!(file_inode)));
    let shown = read::<u64>(dentry.wrapping_add(offset!(dentry_inode)));
    matches!((own, shown), (Some(own), Some(shown)) if own != shown)
}

/// The place of the file at an address as its user opened it: a mapping of a stacked file system's file keeps the inner
/// one.
#[inline(always)]
pub fn outer_place(file: u64) -> (u64, u64) {
    let (mode, at) = (file_access(file).map_or(0, |(mode, _)| mode), offset!(backing_user_path));
    if at != 0 && mode as u64 & offset!(mode_backing) != 0 {
        return path(file.wrapping_add(at)).unwrap_or((1, 1));
    }
    place(file)
}

/// The address of the `struct vfsmount` of a `struct mount`.
#[inline(always)]
pub fn vfsmount(mount: u64) -> u64 {
    mount.wrapping_add(offset!(mount_mnt))
}
