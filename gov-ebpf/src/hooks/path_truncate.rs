//! `int path_truncate(const struct path *path)`: cutting or lengthening a file takes `file:write` on it.

use crate::change;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "path_truncate")]
fn path_truncate(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    change::of_path(mask, Action::Truncate, ctx.arg(0))
}
