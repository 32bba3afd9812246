//! `int mmap_file(struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags)`: mapping a file's code takes `code:execute` on it.

use crate::guard::map_code;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

const PROT_EXEC: u64 = 4;

#[lsm(hook = "mmap_file")]
fn mmap_file(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let (file, prot): (u64, u64) = (ctx.arg(0), ctx.arg(2));
    // Anonymous memory is the just-in-time compiler's; data was judged when the file was opened.
    if file == 0 || prot & PROT_EXEC == 0 {
        return 0;
    }
    map_code(mask, file)
}
