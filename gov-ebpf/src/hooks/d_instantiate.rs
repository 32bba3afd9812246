//! `void d_instantiate(struct dentry *dentry, struct inode *inode)`: an entry that comes to life inherits no grant from the one whose address it has.

use crate::cached;
use crate::subject;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "d_instantiate")]
fn d_instantiate(ctx: LsmContext) -> i32 {
    // Without a session there is no policy whose grants could hold.
    if subject::levels().is_some() {
        cached::forget(ctx.arg(0));
    }
    0
}
