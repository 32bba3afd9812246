//! `int move_mount(const struct path *from_path, const struct path *to_path)`: no mount is put into the tree or moved in it.

use crate::guard::judge_door;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "move_mount")]
fn move_mount(_ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_door(mask, Action::Mount, Door::Mount)
}
