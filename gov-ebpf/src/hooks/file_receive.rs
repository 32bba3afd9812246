//! `int file_receive(struct file *file)`: a file that another process sends takes the right that it was opened with.

use crate::change;
use crate::guard::judge;
use crate::kernel::{self, FMODE_WRITE};
use crate::scratch::Case;
use crate::subject::{governed, made};
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;
use gov_common::rights::Rights;
use gov_common::verdict::Reason;

const FMODE_PATH: u32 = 0x4000;

#[lsm(hook = "file_receive")]
fn file_receive(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let file: u64 = ctx.arg(0);
    // A fault reads as writing to an object that nothing can resolve, and so as a refusal.
    let (mode, _) = kernel::file_access(file).unwrap_or((FMODE_WRITE, 0));
    let (dentry, mount) = kernel::place(file);
    if mode & FMODE_PATH != 0 {
        // It opens nothing by itself.
        return 0;
    }
    let mut case = if mode & FMODE_WRITE != 0 {
        change::write(mask, Action::Receive, dentry, mount)
    } else {
        Case::on_object(mask, Action::Receive, Rights::READ, dentry, mount)
    };
    match kernel::file_sock(file, dentry) {
        Some(0) => {}
        // A socket of the session's own goes where it was judged to go.
        Some(sock) if made(mask, sock) => {}
        // Fail closed: whom a socket of others is connected to nobody has judged.
        _ => case.given = Reason::OutOfScope as u8,
    }
    judge(case)
}
