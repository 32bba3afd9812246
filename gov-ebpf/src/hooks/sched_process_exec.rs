//! `sched_process_exec(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`: an execution that took place is recorded with its arguments.

use crate::guard::note;
use crate::kernel;
use crate::scratch::{Case, Extra};
use crate::subject::governed;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use gov_common::event::Action;

#[btf_tracepoint(function = "sched_process_exec")]
fn sched_process_exec(ctx: BtfTracePointContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let file = kernel::binprm_file(ctx.arg(2)).unwrap_or(1);
    let (dentry, mount) = kernel::place(file);
    let (at, length) = kernel::arguments().unwrap_or((0, 0));
    let mut case = Case::new(mask, Action::Executed);
    case.dentry[0] = dentry;
    case.mount[0] = mount;
    case.extra = Extra::UserBytes;
    case.extra_at = at;
    case.extra_len = length;
    note(case);
    0
}
