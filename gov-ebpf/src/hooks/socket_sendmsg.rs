//! `int socket_sendmsg(struct socket *sock, struct msghdr *msg, int size)`: a message to an address takes `network:…` of it; one over a connection takes that the session stands.

use crate::guard::judge_standing;
use crate::kernel;
use crate::peer;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;
use gov_common::sockets::AF_UNSPEC;

#[lsm(hook = "socket_sendmsg")]
fn socket_sendmsg(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let socket: u64 = ctx.arg(0);
    // A fault reads as an address that nothing can resolve, and so as a refusal.
    let (name, length) = kernel::message_name(ctx.arg(1)).unwrap_or((1, 1));
    if name == 0 || length == 0 {
        return judge_standing(mask, Action::Send);
    }
    // IPv4 datagram sockets take an address of no family for one of their own.
    let family = kernel::socket(socket).map_or(AF_UNSPEC, |(family, _)| family as i32);
    peer::judge_address(mask, Action::Send, socket, name, length, family)
}
