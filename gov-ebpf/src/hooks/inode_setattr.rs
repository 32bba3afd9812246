//! `int inode_setattr([struct mnt_idmap *idmap,] struct dentry *dentry, struct iattr *attr)`: setting times takes `file:write`; mode, owner and size have hooks of their own.

use crate::change;
use crate::guard::judge;
use crate::kernel;
use crate::subject::governed_itself;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

const ATTR_ATIME_SET: u32 = 1 << 7;
const ATTR_MTIME_SET: u32 = 1 << 8;
/// utimes(2) with times of its own, also where one is left and the other is now.
const ATTR_TIMES_SET: u32 = 1 << 16;
/// Times set to now by utimes(2); the kernel's own updates do not carry it.
const ATTR_TOUCH: u32 = 1 << 17;

#[lsm(hook = "inode_setattr")]
fn inode_setattr(ctx: LsmContext) -> i32 {
    let Some(mask) = governed_itself() else { return 0 };
    let (first, second, third): (u64, u64, u64) = (ctx.arg(0), ctx.arg(1), ctx.arg(2));
    let (dentry, attributes) = if kernel::setattr_is_shifted() { (second, third) } else { (first, second) };
    // Fail closed: what is changed and cannot be read is judged as a change of times.
    let valid = kernel::iattr_valid(attributes).unwrap_or(ATTR_TOUCH);
    if valid & (ATTR_ATIME_SET | ATTR_MTIME_SET | ATTR_TIMES_SET | ATTR_TOUCH) == 0 {
        return 0;
    }
    // The hook is not told the mount: the guard looks for one of the session's.
    judge(change::case(mask, Action::ChangeTimes, dentry, 0))
}
