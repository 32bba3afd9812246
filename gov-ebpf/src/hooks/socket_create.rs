//! `int socket_create(int family, int type, int protocol, int kern)`: no socket of a family or protocol whose peers cannot be judged.

use crate::guard::judge;
use crate::scratch::Case;
use crate::subject::governed;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use gov_common::decide::can_judge_socket;
use gov_common::event::Action;
use gov_common::verdict::Reason;

#[lsm(hook = "socket_create")]
fn socket_create(ctx: LsmContext) -> i32 {
    let Some(mask) = governed() else { return 0 };
    let (family, kind, protocol, kernel): (i32, i32, i32, i32) =
        (ctx.arg(0), ctx.arg(1), ctx.arg(2), ctx.arg(3));
    // Creating reaches nobody yet: only what could not be judged later is decided here.
    if kernel != 0 || can_judge_socket(family, kind, protocol) {
        return 0;
    }
    let mut case = Case::new(mask, Action::CreateSocket);
    case.family = family as u16;
    case.protocol = protocol as u8;
    case.given = Reason::UnknownFamily as u8;
    judge(case)
}
