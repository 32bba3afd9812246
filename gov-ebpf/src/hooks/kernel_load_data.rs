//! `int kernel_load_data(enum kernel_load_data_id id, bool contents)`: no module, firmware or kernel is loaded from memory.

use crate::guard::judge_door;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::of_loading;
use gov_common::event::Action;

#[lsm(hook = "kernel_load_data")]
fn kernel_load_data(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let id: u32 = ctx.arg(0);
    judge_door(mask, Action::Ground, of_loading(id))
}
