//! `int path_rmdir(const struct path *dir, struct dentry *dentry)`: removing a directory takes `file:write` on it.

use crate::change;
use crate::guard::judge;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "path_rmdir")]
fn path_rmdir(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge(change::in_folder(mask, Action::RemoveDirectory, ctx.arg(0), ctx.arg(1)))
}
