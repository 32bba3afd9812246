//! `int sb_pivotroot(const struct path *old_path, const struct path *new_path)`: the root is not exchanged.

use crate::guard::judge_door;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "sb_pivotroot")]
fn sb_pivotroot(_ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_door(mask, Action::Mount, Door::Mount)
}
