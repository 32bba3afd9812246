//! `int file_ioctl_compat(struct file *file, unsigned int cmd, unsigned long arg)`: as `file_ioctl`, for 32-bit programs on later kernels.

use crate::request;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "file_ioctl_compat")]
fn file_ioctl_compat(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let command: u64 = ctx.arg(1);
    request::judge_ioctl(mask, command as u32)
}
