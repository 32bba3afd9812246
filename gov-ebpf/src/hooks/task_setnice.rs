//! `int task_setnice(struct task_struct *p, int nice)`: other processes are made slower only within the session.

use crate::guard::judge_ground;
use crate::subject::{governed, holds};
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "task_setnice")]
fn task_setnice(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    if holds(mask, ctx.arg(0)) {
        return 0;
    }
    judge_ground(mask, Action::Limit)
}
