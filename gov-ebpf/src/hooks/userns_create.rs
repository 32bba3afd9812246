//! `int userns_create(const struct cred *cred)`: no user namespace is made: it would lend capabilities over new ground.

use crate::guard::judge_door;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "userns_create")]
fn userns_create(_ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_door(mask, Action::Ground, Door::UserNamespace)
}
