//! What the hooks on changes of the tree have in common: the objects, and the right to write to them.

use crate::guard::judge;
use crate::kernel;
use crate::scratch::{Case, Extra};
use gov_common::event::Action;
use gov_common::limits::Budget;
use gov_common::rights::Rights;
use gov_common::verdict::Reason;

const CGROUP_MAGIC: u64 = 0x0027_e0eb;
const CGROUP2_MAGIC: u64 = 0x6367_7270;
const BPF_FS_MAGIC: u64 = 0xcafe_4a11;

/// A change of the object at `dentry`, on `mount`. A grant to write to a device is none to change the device's name,
/// mode or owner, which are the host's.
#[inline(always)]
pub fn case(mask: u32, action: Action, dentry: u64, mount: u64) -> Case {
    not_of_device(write(mask, action, dentry, mount), dentry)
}

/// Writing to the object at `dentry`, on `mount`.
#[inline(always)]
pub fn write(mask: u32, action: Action, dentry: u64, mount: u64) -> Case {
    let given = refused_wherever(dentry);
    Case { given, ..Case::on_object(mask, action, Rights::WRITE, dentry, mount) }
}

/// Why no scope grants a change where an object lies, 0 where scopes decide. Whoever may write to a cgroup file system
/// can move a task out of its session; whoever may write to BPF's takes pinned hooks away. Fail closed: a file system
/// that cannot be told is the worst.
#[inline(always)]
fn refused_wherever(dentry: u64) -> u8 {
    match kernel::magic(dentry) {
        Some(CGROUP_MAGIC | CGROUP2_MAGIC) | None => Reason::CgroupEscape as u8,
        Some(BPF_FS_MAGIC) => Reason::Ground as u8,
        Some(_) => Reason::Granted as u8,
    }
}

/// A new name, the `dentry`, in the directory of the `struct path` at `folder`.
#[inline(always)]
pub fn creation(mask: u32, action: Action, folder: u64, dentry: u64) -> Case {
    Case { budget: Budget::Files as u8, ..in_folder(mask, action, folder, dentry) }
}

/// A change of the `dentry` that lies, or will lie, in the directory of the `struct path` at `folder`.
#[inline(always)]
pub fn in_folder(mask: u32, action: Action, folder: u64, dentry: u64) -> Case {
    case(mask, action, dentry, mount_of(folder))
}

/// A change of the object of the `struct path` at `path`.
#[inline(always)]
pub fn of_path(mask: u32, action: Action, path: u64) -> i32 {
    let (dentry, mount) = kernel::path(path).unwrap_or((1, 1));
    judge(case(mask, action, dentry, mount))
}

/// The same change, with a second object in the directory of the `struct path` at `folder`.
#[inline(always)]
pub fn with_second(mut case: Case, folder: u64, dentry: u64) -> Case {
    case.dentry[1] = dentry;
    case.mount[1] = mount_of(folder);
    case.extra = Extra::SecondPath;
    not_of_device(case, dentry)
}

/// The same change, refused if the object is a device, or if that cannot be told.
#[inline(always)]
fn not_of_device(mut case: Case, dentry: u64) -> Case {
    if kernel::is_device(dentry).unwrap_or(true) {
        case.given = Reason::Ground as u8;
    }
    case
}

/// The mount of the `struct path` at an address. Fail closed: 1, which is no mount, reads as a fault and so as a
/// refusal.
#[inline(always)]
pub fn mount_of(path: u64) -> u64 {
    match kernel::path(path) {
        Some((_, mount)) => mount,
        None => 1,
    }
}
