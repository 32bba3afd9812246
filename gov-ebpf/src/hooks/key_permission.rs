//! `int key_permission(key_ref_t key_ref, const struct cred *cred, enum key_need_perm need_perm)`: no key is read, found or changed.

use crate::guard::judge_door;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "key_permission")]
fn key_permission(_ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_door(mask, Action::Ground, Door::Keyring)
}
