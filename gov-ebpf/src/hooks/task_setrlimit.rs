//! `int task_setrlimit(struct task_struct *p, unsigned int resource, struct rlimit *new_rlim)`: the limits of other processes are changed only within the session: one that is too low ends a process.

use crate::guard::judge_other;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "task_setrlimit")]
fn task_setrlimit(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_other(mask, ctx.arg(0), Action::Limit, Door::Never)
}
