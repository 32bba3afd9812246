//! `int kernel_read_file(struct file *file, enum kernel_read_file_id id, bool contents)`: no file becomes a module, firmware, a kernel or a policy of the kernel.

use crate::guard::judge_ground;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "kernel_read_file")]
fn kernel_read_file(_ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_ground(mask, Action::Ground)
}
