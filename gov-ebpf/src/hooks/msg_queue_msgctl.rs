//! `int msg_queue_msgctl(struct kern_ipc_perm *perm, int cmd)`: changing or removing objects of others takes `process:ipc`.

use crate::ipc;
use crate::kernel;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "msg_queue_msgctl")]
fn msg_queue_msgctl(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    // Fail closed: an argument that cannot be read is an object of others. Questions about no object have none.
    match kernel::nullable(&ctx, 0).unwrap_or(1) {
        0 => 0,
        object => ipc::judge_use(mask, object),
    }
}
