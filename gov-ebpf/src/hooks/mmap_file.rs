//! `int mmap_file(struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags)`: mapping a file's code takes `code:execute` on it.

use crate::guard::map_code;
use crate::kernel;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

const PROT_EXEC: u64 = 4;

#[lsm(hook = "mmap_file")]
fn mmap_file(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let prot: u64 = ctx.arg(2);
    // Data was judged when the file was opened.
    if prot & PROT_EXEC == 0 {
        return 0;
    }
    // A fault reads as a file that nothing can resolve, and so as a refusal.
    match kernel::nullable(&ctx, 0).unwrap_or(1) {
        // Anonymous memory is the just-in-time compiler's.
        0 => 0,
        file => map_code(mask, file),
    }
}
