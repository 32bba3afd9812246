//! `int path_mkdir(const struct path *dir, struct dentry *dentry, umode_t mode)`: creating a directory takes `file:write` on its place.

use crate::change;
use crate::guard::judge;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "path_mkdir")]
fn path_mkdir(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge(change::creation(mask, Action::CreateDirectory, ctx.arg(0), ctx.arg(1)))
}
