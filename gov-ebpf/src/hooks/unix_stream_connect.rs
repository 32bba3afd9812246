//! `int unix_stream_connect(struct sock *sock, struct sock *other, struct sock *newsk)`: connecting to a local socket of others takes `network:unix` of its path.

use crate::peer;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;

#[lsm(hook = "unix_stream_connect")]
fn unix_stream_connect(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    peer::judge_local(mask, ctx.arg(1))
}
