//! `int uring_override_creds(const struct cred *new)`: no request goes with other credentials.

use crate::guard::judge_door;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "uring_override_creds")]
fn uring_override_creds(_ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_door(mask, Action::Ground, Door::IoUring)
}
