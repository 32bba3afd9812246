//! `int socket_bind(struct socket *sock, struct sockaddr *address, int addrlen)`: binding to a port takes `network:listen` of it.

use crate::peer;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "socket_bind")]
fn socket_bind(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let length: i32 = ctx.arg(2);
    peer::judge_binding(mask, ctx.arg(0), ctx.arg(1), length as u32)
}
