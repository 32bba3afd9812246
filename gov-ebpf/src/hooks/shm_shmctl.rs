//! `int shm_shmctl(struct kern_ipc_perm *perm, int cmd)`: changing or removing objects of others takes `process:ipc`.

use crate::ipc;
use crate::kernel;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "shm_shmctl")]
fn shm_shmctl(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    // Fail closed: an argument that cannot be read is an object of others. Questions about no object have none.
    match kernel::nullable(&ctx, 0).unwrap_or(1) {
        0 => 0,
        object => ipc::judge_use(mask, object),
    }
}
