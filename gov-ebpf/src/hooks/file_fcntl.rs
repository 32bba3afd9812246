//! `int file_fcntl(struct file *file, unsigned int cmd, unsigned long arg)`: a file is not told to signal a process.

use crate::request;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "file_fcntl")]
fn file_fcntl(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let (command, argument): (u64, u64) = (ctx.arg(1), ctx.arg(2));
    request::judge_fcntl(mask, command as u32, argument)
}
