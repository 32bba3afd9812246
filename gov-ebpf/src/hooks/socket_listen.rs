//! `int socket_listen(struct socket *sock, int backlog)`: listening takes `network:listen` of the own address and port.

use crate::peer;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "socket_listen")]
fn socket_listen(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    peer::judge_listening(mask, ctx.arg(0))
}
