//! `int task_alloc(struct task_struct *task, unsigned long clone_flags)`: a task is not started into another cgroup, and new processes are counted where there is a limit.

use crate::guard::judge;
use crate::scratch::Case;
use crate::subject::{governed, limits};
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;
use gov_common::limits::Budget;
use gov_common::verdict::Reason;

const CLONE_THREAD: u64 = 0x1_0000;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

#[lsm(hook = "task_alloc")]
fn task_alloc(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let flags: u64 = ctx.arg(1);
    if flags & CLONE_INTO_CGROUP != 0 {
        let mut case = Case::new(mask, Action::LeaveCgroup);
        case.given = Reason::CgroupEscape as u8;
        return judge(case);
    }
    if flags & CLONE_THREAD != 0 || !limits(mask, Budget::Forks) {
        return 0;
    }
    judge(Case { budget: Budget::Forks as u8, ..Case::new(mask, Action::Fork) })
}
