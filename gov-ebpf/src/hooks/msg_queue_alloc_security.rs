//! `int msg_queue_alloc_security(struct kern_ipc_perm *perm)`: whose object this is is remembered.

use crate::ipc;
use crate::kernel;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "msg_queue_alloc_security")]
fn msg_queue_alloc_security(ctx: LsmContext) -> i32 {
    // An address that cannot be read is of no object that anyone asks for.
    ipc::made(kernel::nullable(&ctx, 0).unwrap_or(0))
}
