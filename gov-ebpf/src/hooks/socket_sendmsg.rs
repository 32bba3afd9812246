//! `int socket_sendmsg(struct socket *sock, struct msghdr *msg, int size)`: a message to an address takes `network:…` of it; one over a connection takes that the session stands.

use crate::guard::{judge, judge_standing};
use crate::kernel;
use crate::peer;
use crate::scratch::Case;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;
use gov_common::sockets::{AF_INET, AF_INET6, AF_UNSPEC};
use gov_common::verdict::Reason;

#[lsm(hook = "socket_sendmsg")]
fn socket_sendmsg(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let (socket, message): (u64, u64) = (ctx.arg(0), ctx.arg(1));
    let family = kernel::socket(socket).map_or(AF_UNSPEC, |(family, _)| family as i32);
    // Fail closed: control messages that cannot be read could write anything.
    if (family == AF_INET || family == AF_INET6) && kernel::writes_route(message).unwrap_or(true) {
        return judge(Case { given: Reason::UnknownFamily as u8, ..Case::new(mask, Action::Send) });
    }
    // A fault reads as an address that nothing can resolve, and so as a refusal.
    let (name, length) = kernel::message_name(message).unwrap_or((1, 1));
    if name == 0 || length == 0 {
        return judge_standing(mask, Action::Send);
    }
    // IPv4 datagram sockets take an address of no family for one of their own.
    peer::judge_address(mask, Action::Send, socket, name, length, family)
}
