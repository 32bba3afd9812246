//! `int path_mknod(const struct path *dir, struct dentry *dentry, umode_t mode, unsigned int dev)`: creating a file or pipe takes `file:write` on its place, and devices are not created.

use crate::change;
use crate::guard::judge;
use crate::kernel;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;
use gov_common::verdict::Reason;

#[lsm(hook = "path_mknod")]
fn path_mknod(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let mode: u64 = ctx.arg(2);
    let mut case = change::creation(mask, Action::Create, ctx.arg(0), ctx.arg(1));
    if kernel::makes_device(mode as u16) {
        // Whoever makes a disk's device where they may write can write to the disk.
        case.given = Reason::Ground as u8;
    }
    judge(case)
}
