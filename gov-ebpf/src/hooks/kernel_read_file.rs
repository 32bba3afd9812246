//! `int kernel_read_file(struct file *file, enum kernel_read_file_id id, bool contents)`: no module, firmware or kernel is read from a file.

use crate::guard::judge_door;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::of_loading;
use gov_common::event::Action;

#[lsm(hook = "kernel_read_file")]
fn kernel_read_file(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let id: u32 = ctx.arg(1);
    judge_door(mask, Action::Ground, of_loading(id))
}
