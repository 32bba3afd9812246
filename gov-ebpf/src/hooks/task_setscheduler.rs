//! `int task_setscheduler(struct task_struct *p)`: other processes are scheduled only within the session.

use crate::guard::judge_ground;
use crate::subject::{governed, holds};
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "task_setscheduler")]
fn task_setscheduler(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    if holds(mask, ctx.arg(0)) {
        return 0;
    }
    judge_ground(mask, Action::Limit)
}
