//! The one file that follows kernel pointers.
//!
//! Every address is a scalar and every access a copy that cannot fault the kernel, at an offset that the daemon
//! took from this kernel's BTF. `None` is a fault, and the caller refuses.

use crate::bounds::masked;
use crate::maps;
use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user};
use aya_ebpf::programs::LsmContext;
use core::mem::MaybeUninit;
use gov_common::offsets::Offsets;
use gov_common::policy::{CHUNK, EdgeKey, MAX_NAME, Node};
use gov_common::walk::{Entry, Memory, Mount, TEXT, Text};

/// Filled in by the daemon before the object is loaded.
#[unsafe(no_mangle)]
pub(crate) static OFFSETS: Offsets = Offsets::UNKNOWN;

/// The bits of a mode that say what kind of object it is.
const KIND: u16 = 0o170000;

/// One field of [`OFFSETS`], as the daemon filled it in and not as it was compiled.
macro_rules! offset {
    ($field:ident) => {{
        // SAFETY: the static lives as long as the program; volatile, because the loader replaces its bytes.
        unsafe { core::ptr::read_volatile(&raw const $crate::kernel::OFFSETS.$field) as u64 }
    }};
}

mod files;
mod mounts;
mod network;
mod sequences;
mod task;

pub use files::{
    FMODE_WRITE, O_APPEND, O_TRUNC, OPEN_EXEC, file_access, file_path, is_inner, low, opened, outer_place,
    path, place, vfsmount,
};
pub use mounts::{Belongs, belongs, first_mount, next_mount};
pub use network::{
    abstract_name, address_bytes, address_family, address_port, address_start, bound_dentry, file_sock,
    message_name, netlink_asks, own_address, sock, sock_cgroup, socket, writes_route,
};
pub use sequences::{Sequences, sequences};
pub use task::{
    actor, acts_for_another, ancestor, arguments, binprm_power, cgroup, mount_namespace, power, task_group,
    task_shown,
};

/// A hook's argument that may be a null pointer. The verifier of most kernels takes every pointer argument for a valid
/// one and removes the branch for null, so the address is read as a number.
#[inline(always)]
pub fn nullable(ctx: &LsmContext, index: u64) -> Option<u64> {
    read((ctx.as_ptr() as u64).wrapping_add(index * 8))
}

/// Copies a `T` from kernel memory.
#[inline(always)]
fn read<T: Copy>(address: u64) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the destination is a `T` on our stack; the helper checks the source and reports a fault.
    let fault = unsafe {
        bpf_probe_read_kernel(value.as_mut_ptr().cast(), size_of::<T>() as u32, address as *const _)
    };
    if fault != 0 {
        return None;
    }
    // SAFETY: the helper has written every byte, and every `T` used here is made of integers.
    Some(unsafe { value.assume_init() })
}

/// An object's file system facts.
#[derive(Clone, Copy, Default)]
pub struct Identity {
    pub inode: u64,
    pub device: u32,
    pub directory: bool,
}

/// Inode number, device and kind of the object at a dentry; zeros for one that does not exist yet.
#[inline(always)]
pub fn identity(dentry: u64) -> Option<Identity> {
    const DIRECTORY: u16 = 0o040000;
    let sb = read::<u64>(dentry.wrapping_add(offset!(dentry_sb)))?;
    let device = read::<u32>(sb.wrapping_add(offset!(sb_dev)))?;
    let inode = read::<u64>(dentry.wrapping_add(offset!(dentry_inode)))?;
    if inode == 0 {
        return Some(Identity { inode: 0, device, directory: false });
    }
    let number = read::<u64>(inode.wrapping_add(offset!(inode_ino)))?;
    let mode = read::<u16>(inode.wrapping_add(offset!(inode_mode)))?;
    Some(Identity { inode: number, device, directory: mode & KIND == DIRECTORY })
}

/// Whether the object at a dentry is a device.
#[inline(always)]
pub fn is_device(dentry: u64) -> Option<bool> {
    let inode = read::<u64>(dentry.wrapping_add(offset!(dentry_inode)))?;
    if inode == 0 {
        return Some(false);
    }
    Some(makes_device(read::<u16>(inode.wrapping_add(offset!(inode_mode)))?))
}

/// Whether a mode is a device's.
#[inline(always)]
pub fn makes_device(mode: u16) -> bool {
    const CHARACTER: u16 = 0o020000;
    const BLOCK: u16 = 0o060000;
    mode & KIND == CHARACTER || mode & KIND == BLOCK
}

/// Whether the object at a dentry is a symbolic link.
#[inline(always)]
pub fn is_link(dentry: u64) -> Option<bool> {
    const LINK: u16 = 0o120000;
    let inode = read::<u64>(dentry.wrapping_add(offset!(dentry_inode)))?;
    if inode == 0 {
        return Some(false);
    }
    Some(read::<u16>(inode.wrapping_add(offset!(inode_mode)))? & KIND == LINK)
}

/// The parent of a dentry.
#[inline(always)]
pub fn parent(dentry: u64) -> Option<u64> {
    read::<u64>(dentry.wrapping_add(offset!(dentry_parent)))
}

/// The kernel's hash of a dentry's name, salted with the parent's address, and the name's length.
#[inline(always)]
pub fn name(dentry: u64) -> Option<u64> {
    // `struct qstr` follows `d_parent`.
    read::<u64>(dentry.wrapping_add(offset!(dentry_parent) + 8))
}

/// `s_magic` of a dentry's superblock.
#[inline(always)]
pub fn magic(dentry: u64) -> Option<u64> {
    let sb = read::<u64>(dentry.wrapping_add(offset!(dentry_sb)))?;
    read::<u64>(sb.wrapping_add(offset!(sb_magic)))
}

/// Whether the name of the object at a dentry was taken away: unhashed, and not the root of its file system. A name that
/// nothing has yet may be unhashed as well, while it is being looked up.
#[inline(always)]
pub fn is_unlinked(dentry: u64) -> Option<bool> {
    let inode = read::<u64>(dentry.wrapping_add(offset!(dentry_inode)))?;
    let hashed = read::<u64>(dentry.wrapping_add(offset!(dentry_hash_pprev)))?;
    Some(inode != 0 && hashed == 0 && parent(dentry)? != dentry)
}

/// The file of the `struct linux_binprm` at an address.
#[inline(always)]
pub fn binprm_file(binprm: u64) -> Option<u64> {
    read::<u64>(binprm.wrapping_add(offset!(binprm_file)))
}

/// Whether the `struct linux_binprm` at an address is at a later step of an interpreter chain.
#[inline(always)]
pub fn is_interpreter(binprm: u64) -> Option<bool> {
    let filename = read::<u64>(binprm.wrapping_add(offset!(binprm_filename)))?;
    Some(read::<u64>(binprm.wrapping_add(offset!(binprm_interp)))? != filename)
}

/// The file of the `struct vm_area_struct` at an address; 0 for anonymous memory.
#[inline(always)]
pub fn vma_file(vma: u64) -> Option<u64> {
    read::<u64>(vma.wrapping_add(offset!(vma_file)))
}

/// `ia_valid` of a `struct iattr`.
#[inline(always)]
pub fn iattr_valid(attributes: u64) -> Option<u32> {
    read::<u32>(attributes.wrapping_add(offset!(iattr_valid)))
}

/// Whether `inode_setattr` has an argument before the dentry.
#[inline(always)]
pub fn setattr_is_shifted() -> bool {
    offset!(setattr_dentry) != 0
}

/// Copies up to `length` bytes of the current task's own memory; false on a fault.
///
/// # Safety
/// `to` must be valid for `length` bytes.
#[inline(always)]
pub unsafe fn copy_user(to: *mut u8, length: u32, from: u64) -> bool {
    // SAFETY: the caller's; the helper checks the source.
    unsafe { bpf_probe_read_user(to.cast(), length, from as *const _) == 0 }
}

/// Copies a kernel string with its NUL; the bytes copied, or a negative errno.
///
/// # Safety
/// `to` must be valid for `length` bytes.
#[inline(always)]
pub unsafe fn copy_string(to: *mut u8, length: u32, from: u64) -> i64 {
    // SAFETY: the caller's; the helper checks the source.
    unsafe { bpf_probe_read_kernel_str(to.cast(), length, from as *const _) }
}

/// The first bytes of the kernel string at an address, zero-padded; the last one is 0.
#[inline(always)]
pub fn start_of_string(address: u64) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    // SAFETY: the buffer is ours and has the length given.
    if unsafe { copy_string(bytes.as_mut_ptr(), 16, address) } < 0 { None } else { Some(bytes) }
}

/// Copies `length` bytes between map values.
///
/// # Safety
/// `to` and `from` must be valid for `length` bytes.
#[inline(always)]
pub unsafe fn copy(to: *mut u8, length: u32, from: *const u8) -> bool {
    // SAFETY: the caller's.
    unsafe { bpf_probe_read_kernel(to.cast(), length, from.cast()) == 0 }
}

/// The memory that the walk climbs in: the kernel's own.
pub struct Live;

impl Memory for Live {
    #[inline(always)]
    fn entry(&self, address: u64) -> Option<Entry> {
        // `d_parent`, then `struct qstr`: hash, length, name.
        let [parent, hash_len, name] = read::<[u64; 3]>(address.wrapping_add(offset!(dentry_parent)))?;
        Some(Entry { parent, name, length: (hash_len >> 32) as u32 })
    }

    #[inline(always)]
    fn mount(&self, address: u64) -> Option<Mount> {
        let vfsmount = address.wrapping_add(offset!(mount_mnt));
        Some(Mount {
            parent: read::<u64>(address.wrapping_add(offset!(mount_parent)))?,
            mountpoint: read::<u64>(address.wrapping_add(offset!(mount_mountpoint)))?,
            root: read::<u64>(vfsmount.wrapping_add(offset!(vfsmount_root)))?,
        })
    }

    #[inline(always)]
    fn name(&self, address: u64, length: usize, text: &mut Text, at: usize) -> bool {
        let to = text.as_mut_ptr().wrapping_add(masked::<{ TEXT as u32 - 1 }>(at - 1) + 1);
        // SAFETY: the start is at most TEXT and the length at most MAX_NAME, which the buffer's slack covers.
        unsafe { copy(to, masked::<{ MAX_NAME as u32 }>(length) as u32, address as *const u8) }
    }

    #[inline(always)]
    fn edge(&self, parent: u32, more: u32, text: &Text, at: usize, length: usize) -> Option<Node> {
        const WORDS: usize = size_of::<EdgeKey>() / 8;
        let mut key = [const { MaybeUninit::<u64>::uninit() }; WORDS];
        for word in &mut key {
            // Volatile, so that the compiler stores words and does not call memset, which goes byte by byte and
            // costs the verifier five instructions for each.
            // SAFETY: the word is ours.
            unsafe { core::ptr::write_volatile(word.as_mut_ptr(), 0) };
        }
        key[0].write(parent as u64 | (more as u64) << 32);
        let from = text.as_ptr().wrapping_add(masked::<{ 2 * TEXT as u32 - 1 }>(at));
        // The mask keeps 64 apart from 0: lengths are 1 to CHUNK.
        let length = masked::<{ CHUNK as u32 - 1 }>(length - 1) + 1;
        // SAFETY: behind the first word the key has CHUNK bytes; the helper checks the source. A fault zeroes the
        // name, which matches no edge.
        unsafe { copy(key.as_mut_ptr().cast::<u8>().wrapping_add(8), length as u32, from) };
        // SAFETY: every word is written, the layout is `EdgeKey`'s, and u64 is aligned at least as strictly.
        let key = unsafe { &*key.as_ptr().cast::<EdgeKey>() };
        // SAFETY: the daemon does not reuse an element before a grace period is over.
        unsafe { maps::EDGES.get(key) }.copied()
    }
}
