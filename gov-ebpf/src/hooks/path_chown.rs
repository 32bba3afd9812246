//! `int path_chown(const struct path *path, kuid_t uid, kgid_t gid)`: changing the owner takes `file:write`.

use crate::change;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "path_chown")]
fn path_chown(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    change::of_path(mask, Action::ChangeOwner, ctx.arg(0))
}
