//! `int netlink_send(struct sock *sk, struct sk_buff *skb)`: netlink asks how the network is and changes nothing.

use crate::guard::judge_door;
use crate::kernel;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::doors::Door;
use gov_common::event::Action;

#[lsm(hook = "netlink_send")]
fn netlink_send(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    // Fail closed: a message that cannot be read, or is not alone in its packet, is no question.
    if kernel::netlink_asks(ctx.arg(1)).unwrap_or(false) {
        return 0;
    }
    judge_door(mask, Action::Ground, Door::Never)
}
