//! `int bprm_creds_from_file(struct linux_binprm *bprm, struct file *file)`: no program file gives its caller more than it has.

use crate::guard::judge;
use crate::kernel;
use crate::scratch::Case;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::decide::gains;
use gov_common::event::Action;
use gov_common::rights::Rights;
use gov_common::verdict::Reason;

#[lsm(hook = "bprm_creds_from_file")]
fn bprm_creds_from_file(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let binprm: u64 = ctx.arg(0);
    if let (Some(before), Some(after)) = (kernel::power(), kernel::binprm_power(binprm))
        && !gains(before, after)
    {
        return 0;
    }
    // A fault reads as a gain, and as an object that nothing can resolve.
    let (dentry, mount) = kernel::place(ctx.arg(1));
    let given = Reason::PrivilegeGain as u8;
    judge(Case { given, ..Case::on_object(mask, Action::GainPrivilege, Rights::EXECUTE, dentry, mount) })
}
