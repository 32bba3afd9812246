//! `int sb_mount(const char *dev_name, const struct path *path, const char *type, unsigned long flags, void *data)`: nothing is mounted, bound or moved.

use crate::guard::judge_door;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "sb_mount")]
fn sb_mount(_ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_door(mask, Action::Mount, Door::Mount)
}
