//! `int file_open(struct file *file)`: opening takes `file:read`, opening to change takes `file:write`.

use crate::cached;
use crate::change;
use crate::guard::{judge, judge_standing};
use crate::kernel::{self, FMODE_WRITE, O_APPEND, O_TRUNC, OPEN_EXEC};
use crate::scratch::Case;
use crate::subject;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;
use gov_common::rights::Rights;
use gov_common::verdict::Reason;

#[lsm(hook = "file_open")]
fn file_open(ctx: LsmContext) -> i32 {
    let Some(levels) = subject::levels() else { return 0 };
    if cached::grants(levels, ctx.arg(0)) {
        return 0;
    }
    let Some(mask) = subject::governed_at(levels) else { return 0 };
    let file: u64 = ctx.arg(0);
    // A fault reads as writing to an object that nothing can resolve, and so as a refusal.
    let (mode, flags) = kernel::file_access(file).unwrap_or((FMODE_WRITE, 0));
    let (dentry, mount) = kernel::place(file);
    if kernel::is_inner(file, mode, (dentry, mount)) {
        return 0;
    }
    if mode & FMODE_WRITE == 0 && flags & (O_TRUNC | O_APPEND) == 0 {
        if subject::shows_own(mask, dentry) {
            // No path says which processes are the session's own.
            return judge_standing(mask, Action::Read);
        }
        // What is opened to be executed takes `code:execute`, which implies reading: some system calls let the task
        // itself set this flag.
        let wanted = if flags & OPEN_EXEC != 0 { Rights::EXECUTE } else { Rights::READ };
        return judge(Case::on_object(mask, Action::Read, wanted, dentry, mount));
    }
    let mut case = change::write(mask, Action::Write, dentry, mount);
    if case.given == Reason::CgroupEscape as u8 {
        case.action = Action::LeaveCgroup as u8;
        case.kind = Action::LeaveCgroup.kind() as u8;
    }
    judge(case)
}
