//! `int path_link(struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry)`: a hard link takes `file:write` on the file and on the new name.

use crate::change;
use crate::guard::judge;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "path_link")]
fn path_link(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    // Both names lie on one mount: the kernel links across none.
    let case = change::creation(mask, Action::Link, ctx.arg(1), ctx.arg(0));
    judge(change::with_second(case, ctx.arg(1), ctx.arg(2)))
}
