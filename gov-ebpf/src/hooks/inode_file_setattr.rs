//! `int inode_file_setattr(struct dentry *dentry, struct file_kattr *fa)`: flags of a file, such as immutable, take `file:write` on it.

use crate::change;
use crate::guard::judge;
use crate::subject::governed_itself;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "inode_file_setattr")]
fn inode_file_setattr(ctx: LsmContext) -> i32 {
    let Some(mask) = governed_itself() else { return 0 };
    judge(change::case(mask, Action::ChangeAttributes, ctx.arg(0), 0))
}
