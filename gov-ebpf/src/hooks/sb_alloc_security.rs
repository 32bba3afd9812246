//! `int sb_alloc_security(struct super_block *sb)`: no file system is set up, by mount(2) or by fsopen(2) and its kin. The task sees ENOMEM: the
//! kernel takes every refusal here for a lack of memory.

use crate::guard::judge_door;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "sb_alloc_security")]
fn sb_alloc_security(_ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_door(mask, Action::Mount, Door::Mount)
}
