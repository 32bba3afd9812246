//! `int sb_remount(struct super_block *sb, void *mnt_opts)`: no mount changes its options.

use crate::guard::judge_door;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "sb_remount")]
fn sb_remount(_ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_door(mask, Action::Mount, Door::Mount)
}
