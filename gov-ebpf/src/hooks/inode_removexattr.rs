//! `int inode_removexattr(struct mnt_idmap *idmap, struct dentry *dentry, const char *name)`: removing an extended attribute takes `file:write`.

use crate::change;
use crate::guard::judge;
use crate::subject::governed_itself;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "inode_removexattr")]
fn inode_removexattr(ctx: LsmContext) -> i32 {
    let Some(mask) = governed_itself() else { return 0 };
    // The hook is not told the mount: the guard looks for one of the session's.
    judge(change::case(mask, Action::ChangeAttributes, ctx.arg(1), 0))
}
