//! Judging an address that a connection or message goes to.

use crate::guard::judge;
use crate::kernel;
use crate::scratch::{Case, Judge};
use gov_common::event::Action;
use gov_common::verdict::Reason;

const AF_UNSPEC: u16 = 0;
const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const AF_NETLINK: u16 = 16;
const IPPROTO_MPTCP: u16 = 262;
const IPPROTO_TCP: u8 = 6;

/// Judges the address at `address`. `unspecified` is the family that the socket takes an address of no family
/// for; [`AF_UNSPEC`] where such an address reaches nobody.
#[inline(always)]
pub fn judge_address(
    mask: u32,
    action: Action,
    socket: u64,
    address: u64,
    length: u32,
    unspecified: u16,
) -> i32 {
    let (own, protocol) = kernel::socket(socket).unwrap_or((AF_UNSPEC, 0));
    let unspecified = if own == AF_INET6 { AF_UNSPEC } else { unspecified };
    let read = kernel::socket_address(address, length, unspecified);
    if let Some((AF_UNSPEC, _, _)) = read
        && (own == AF_INET || own == AF_INET6)
    {
        return 0;
    }
    if own == AF_NETLINK {
        // Only netlink that describes the network can be created, and `netlink_send` judges what is sent.
        return 0;
    }
    let mut case = Case::new(mask, action);
    case.protocol = if protocol == IPPROTO_MPTCP { IPPROTO_TCP } else { protocol as u8 };
    match read {
        Some((family @ (AF_INET | AF_INET6), port, full)) if own == AF_INET || own == AF_INET6 => {
            case.family = family;
            case.port = port;
            case.address = full;
            case.judge = Judge::Address;
        }
        Some((AF_UNIX, _, _)) => {
            case.action = Action::ConnectUnix as u8;
            case.family = AF_UNIX;
            // No scope of this version speaks of local sockets, so none grants one.
            case.given = Reason::OutOfScope as u8;
        }
        // Fail closed: an address that cannot be read or is of a family without scopes is refused.
        Some((family, _, _)) => {
            case.family = family;
            case.given = Reason::UnknownFamily as u8;
        }
        None => {
            case.family = own;
            case.given = Reason::UnknownFamily as u8;
        }
    }
    judge(case)
}
