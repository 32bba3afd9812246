//! `int socket_setsockopt(struct socket *sock, int level, int optname)`: packets take no road that the sender writes into them.

use crate::guard::judge;
use crate::scratch::Case;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::event::Action;
use gov_common::sockets::routes_by_itself;
use gov_common::verdict::Reason;

#[lsm(hook = "socket_setsockopt")]
fn socket_setsockopt(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let (level, option): (i32, i32) = (ctx.arg(1), ctx.arg(2));
    if !routes_by_itself(level, option) {
        return 0;
    }
    judge(Case { given: Reason::UnknownFamily as u8, ..Case::new(mask, Action::Connect) })
}
