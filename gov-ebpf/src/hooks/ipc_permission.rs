//! `int ipc_permission(struct kern_ipc_perm *ipcp, short flag)`: System V objects of others take `process:ipc`.

use crate::ipc;
use crate::kernel;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "ipc_permission")]
fn ipc_permission(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    // Fail closed: an argument that cannot be read is an object of others.
    ipc::judge_use(mask, kernel::nullable(&ctx, 0).unwrap_or(1))
}
