//! `int bprm_check_security(struct linux_binprm *bprm)`: executing a file, and each step of its interpreter chain, takes `code:execute` on it.

use crate::arming;
use crate::guard::judge;
use crate::kernel;
use crate::scratch::Case;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;
use gov_common::limits::Budget;
use gov_common::rights::Rights;

#[lsm(hook = "bprm_check_security")]
fn bprm_check_security(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    // A session that waits for its first execution is armed by it, and judges it.
    arming::arm(mask);
    // A fault reads as a file that nothing can resolve.
    let binprm: u64 = ctx.arg(0);
    let file = kernel::binprm_file(binprm).unwrap_or(1);
    let (dentry, mount) = kernel::place(file);
    let mut case = Case::on_object(mask, Action::Execute, Rights::EXECUTE, dentry, mount);
    if !kernel::is_interpreter(binprm).unwrap_or(false) {
        case.budget = Budget::Execs as u8;
    }
    judge(case)
}
