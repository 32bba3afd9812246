//! `int perf_event_open(struct perf_event_attr *attr, int type)`: no performance event is opened: it sees what other tasks do.

use crate::guard::judge_door;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "perf_event_open")]
fn perf_event_open(_ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    judge_door(mask, Action::Ground, Door::Perf)
}
