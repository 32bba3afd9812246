//! `int inode_unlink(struct inode *dir, struct dentry *dentry)`: removing the name of a POSIX message queue takes `process:ipc`; other names are judged in `path_unlink`.

use crate::ipc;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "inode_unlink")]
fn inode_unlink(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    ipc::judge_queue_name(mask, ctx.arg(1))
}
