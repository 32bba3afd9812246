//! `int path_mknod(const struct path *dir, struct dentry *dentry, umode_t mode, unsigned int dev)`: creating a file, device or pipe takes `file:write` on its place.

use crate::change;
use crate::guard::judge;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "path_mknod")]
fn path_mknod(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge(change::in_folder(mask, Action::Create, ctx.arg(0), ctx.arg(1)))
}
