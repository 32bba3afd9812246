//! `int task_alloc(struct task_struct *task, unsigned long clone_flags)`: a task is not started into another cgroup.

use crate::guard::judge;
use crate::scratch::Case;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;
use gov_common::verdict::Reason;

const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

#[lsm(hook = "task_alloc")]
fn task_alloc(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let flags: u64 = ctx.arg(1);
    if flags & CLONE_INTO_CGROUP == 0 {
        return 0;
    }
    let mut case = Case::new(mask, Action::LeaveCgroup);
    case.given = Reason::CgroupEscape as u8;
    judge(case)
}
