//! `int socket_connect(struct socket *sock, struct sockaddr *address, int addrlen)`: connecting takes `network:…` of the address and port.

use crate::peer;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;
use gov_common::sockets::AF_UNSPEC;

#[lsm(hook = "socket_connect")]
fn socket_connect(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let length: i32 = ctx.arg(2);
    // An address of no family dissolves a connection and makes none.
    peer::judge_address(mask, Action::Connect, ctx.arg(0), ctx.arg(1), length as u32, AF_UNSPEC)
}
