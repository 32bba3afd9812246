//! `int path_symlink(const struct path *dir, struct dentry *dentry, const char *old_name)`: creating a symbolic link takes `file:write` on its place; what it leads to is judged when it is followed.

use crate::change;
use crate::guard::judge;
use crate::scratch::Extra;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "path_symlink")]
fn path_symlink(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let mut case = change::creation(mask, Action::CreateSymlink, ctx.arg(0), ctx.arg(1));
    case.extra = Extra::KernelString;
    case.extra_at = ctx.arg(2);
    judge(case)
}
