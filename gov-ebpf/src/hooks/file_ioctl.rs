//! `int file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)`: no signals and no keystrokes for others.

use crate::request;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "file_ioctl")]
fn file_ioctl(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let command: u64 = ctx.arg(1);
    request::judge_ioctl(mask, command as u32)
}
