//! Judging an address that a connection or message goes to.

use crate::guard::judge;
use crate::kernel;
use crate::scratch::{Case, Judge};
use gov_common::event::Action;
use gov_common::sockets::{AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, AF_UNSPEC, IPPROTO_MPTCP, IPPROTO_TCP};
use gov_common::verdict::Reason;

/// The family of an address that cannot be read.
const NO_FAMILY: u16 = u16::MAX;

/// Judges the socket address at `address`. An address of no family is taken for one of the family `unspecified`;
/// with [`AF_UNSPEC`] it reaches nobody.
#[inline(always)]
pub fn judge_address(
    mask: u32,
    action: Action,
    socket: u64,
    address: u64,
    length: u32,
    unspecified: i32,
) -> i32 {
    // Fail closed: what cannot be read is of no family that can be judged.
    let (own, protocol) = kernel::socket(socket).unwrap_or((NO_FAMILY, 0));
    let (own, protocol) = (own as i32, protocol as i32);
    let named = if length < 2 { NO_FAMILY } else { kernel::address_family(address).unwrap_or(NO_FAMILY) };
    let family = if named as i32 == AF_UNSPEC { unspecified } else { named as i32 };
    let is_internet = own == AF_INET || own == AF_INET6;
    if is_internet && family == AF_UNSPEC {
        return 0;
    }
    if own == AF_NETLINK {
        // Only netlink that describes the network can be created, and `netlink_send` judges what is sent.
        return 0;
    }
    let mut case = Case::new(mask, action);
    case.protocol = if protocol == IPPROTO_MPTCP { IPPROTO_TCP as u8 } else { protocol as u8 };
    case.family = family as u16;
    if own == AF_UNIX {
        case.action = Action::ConnectUnix as u8;
        // No scope of this version speaks of local sockets, so none grants one.
        case.given = Reason::OutOfScope as u8;
    } else if is_internet && (family == AF_INET || family == AF_INET6) {
        case.judge = Judge::Address;
        case.extra_at = address;
        case.extra_len = length as u64;
    } else {
        case.given = Reason::UnknownFamily as u8;
    }
    judge(case)
}
