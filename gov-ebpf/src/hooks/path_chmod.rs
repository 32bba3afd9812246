//! `int path_chmod(const struct path *path, umode_t mode)`: changing mode bits takes `file:write`.

use crate::change;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "path_chmod")]
fn path_chmod(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    change::of_path(mask, Action::ChangeMode, ctx.arg(0))
}
