//! `int path_rename(const struct path *old_dir, struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry, unsigned int flags)`: moving or exchanging takes `file:write` on both names.

use crate::change;
use crate::guard::judge;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;
use gov_common::verdict::Reason;

const RENAME_WHITEOUT: u64 = 4;

#[lsm(hook = "path_rename")]
fn path_rename(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let flags: u64 = ctx.arg(4);
    let mut case = change::in_folder(mask, Action::Rename, ctx.arg(0), ctx.arg(1));
    if flags & RENAME_WHITEOUT != 0 {
        // What it leaves at the old name is a device.
        case.given = Reason::Ground as u8;
    }
    judge(change::with_second(case, ctx.arg(2), ctx.arg(3)))
}
