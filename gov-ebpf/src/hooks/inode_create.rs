//! `int inode_create(struct inode *dir, struct dentry *dentry, umode_t mode)`: making the name of a POSIX message queue takes `process:ipc`; other names are judged in `path_mknod`.

use crate::ipc;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "inode_create")]
fn inode_create(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    ipc::judge_queue_name(mask, ctx.arg(1))
}
