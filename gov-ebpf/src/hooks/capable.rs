//! `int capable(const struct cred *cred, struct user_namespace *ns, int cap, unsigned int opts)`: a capability that the task holds is used only if it is granted.

use crate::capability;
use crate::subject::governed_itself;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "capable")]
fn capable(ctx: LsmContext) -> i32 {
    let Some(mask) = governed_itself() else { return 0 };
    let (number, options): (i32, u32) = (ctx.arg(2), ctx.arg(3));
    capability::judge_capability(mask, number as u32, options)
}
