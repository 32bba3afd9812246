//! `int unix_may_send(struct socket *sock, struct socket *other)`: sending to a local socket of others takes `network:unix` of its path.

use crate::kernel;
use crate::peer;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "unix_may_send")]
fn unix_may_send(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    // A fault reads as a socket that nothing can resolve, and so as a refusal.
    peer::judge_local(mask, kernel::sock(ctx.arg(1)).unwrap_or(1))
}
