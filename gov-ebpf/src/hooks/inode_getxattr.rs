//! `int inode_getxattr(struct dentry *dentry, const char *name)`: reading an attribute that users write is reading the file.

use crate::guard::judge;
use crate::kernel;
use crate::scratch::Case;
use crate::subject::governed_itself;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;
use gov_common::request::holds_content;
use gov_common::rights::Rights;

#[lsm(hook = "inode_getxattr")]
fn inode_getxattr(ctx: LsmContext) -> i32 {
    let Some(mask) = governed_itself() else { return 0 };
    // Fail closed: a name that cannot be read is one that users write.
    if !kernel::start_of_string(ctx.arg(1)).is_none_or(holds_content) {
        return 0;
    }
    // The hook is not told the mount: the guard looks for one of the session's.
    judge(Case::on_object(mask, Action::Read, Rights::READ, ctx.arg(0), 0))
}
