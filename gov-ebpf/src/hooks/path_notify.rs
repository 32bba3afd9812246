//! `int path_notify(const struct path *path, u64 mask, unsigned int obj_type)`: watching a file or directory takes `file:read`.

use crate::guard::judge;
use crate::kernel;
use crate::scratch::Case;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;
use gov_common::rights::Rights;

#[lsm(hook = "path_notify")]
fn path_notify(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    // A fault reads as an object that nothing can resolve, and so as a refusal.
    let (dentry, mount) = kernel::path(ctx.arg(0)).unwrap_or((1, 1));
    judge(Case::on_object(mask, Action::Read, Rights::READ, dentry, mount))
}
