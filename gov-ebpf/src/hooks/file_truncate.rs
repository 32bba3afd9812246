//! `int file_truncate(struct file *file)`: cutting or lengthening an open file takes `file:write` on it (before 6.2 it comes to `path_truncate`).

use crate::change;
use crate::kernel;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;

#[lsm(hook = "file_truncate")]
fn file_truncate(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    change::of_path(mask, Action::Truncate, kernel::file_path(ctx.arg(0)))
}
