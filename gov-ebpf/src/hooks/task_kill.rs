//! `int task_kill(struct task_struct *p, struct kernel_siginfo *info, int sig, const struct cred *cred)`: signals stay within the session.

use crate::guard::judge_other;
use crate::kernel;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "task_kill")]
fn task_kill(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    // With credentials of its own, a signal is a device's, sent while the current task happened to run.
    let of_device = kernel::nullable(&ctx, 3).is_some_and(|credentials| credentials != 0);
    if of_device {
        return 0;
    }
    judge_other(mask, ctx.arg(0), Action::Signal, Door::Signal)
}
