//! `int uring_sqpoll(void)`: no kernel thread submits for the task.

use crate::guard::judge_door;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "uring_sqpoll")]
fn uring_sqpoll(_ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_door(mask, Action::Ground, Door::IoUring)
}
