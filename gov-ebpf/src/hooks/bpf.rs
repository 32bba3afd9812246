//! `int bpf(int cmd, union bpf_attr *attr, unsigned int size)`: bpf(2) is not for those whom it governs.

use crate::guard::judge_door;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "bpf")]
fn bpf(_ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_door(mask, Action::Ground, Door::Bpf)
}
