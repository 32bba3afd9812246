//! `int task_movememory(struct task_struct *p)`: other processes' memory is moved between nodes only within the session.

use crate::guard::judge_other;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "task_movememory")]
fn task_movememory(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_other(mask, ctx.arg(0), Action::Limit, Door::Never)
}
