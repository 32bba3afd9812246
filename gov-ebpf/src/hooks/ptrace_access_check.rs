//! `int ptrace_access_check(struct task_struct *child, unsigned int mode)`: other processes are traced and read only within the session.

use crate::guard::judge_other;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "ptrace_access_check")]
fn ptrace_access_check(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_other(mask, ctx.arg(0), Action::Trace, Door::Trace)
}
