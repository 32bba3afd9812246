//! `int path_unlink(const struct path *dir, struct dentry *dentry)`: removing a name takes `file:write` on it.

use crate::change;
use crate::guard::judge;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "path_unlink")]
fn path_unlink(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge(change::in_folder(mask, Action::Unlink, ctx.arg(0), ctx.arg(1)))
}
