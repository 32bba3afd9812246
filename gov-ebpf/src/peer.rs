//! Judging who is reached and from where: the address that a connection or message goes to, the local socket at the
//! other end, the own address that a socket is bound to.

use crate::guard::{judge, judge_standing};
use crate::kernel;
use crate::scratch::{Case, Extra, Judge};
use crate::subject::made;
use gov_common::event::Action;
use gov_common::limits::Budget;
use gov_common::rights::Rights;
use gov_common::sockets::{AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, AF_UNSPEC};
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
    if own == AF_NETLINK || own == AF_UNIX {
        // Only netlink that describes the network can be created, and `netlink_send` judges what is sent. Who is at
        // the other end of a local socket is judged when the kernel has found out.
        return 0;
    }
    let mut case = Case::new(mask, action);
    case.protocol = protocol as u8;
    case.family = family as u16;
    case.budget = Budget::Connections as u8;
    if is_internet && (family == AF_INET || family == AF_INET6) {
        case.judge = Judge::Address;
        case.extra_at = address;
        case.extra_len = length as u64;
    } else {
        case.given = Reason::UnknownFamily as u8;
    }
    judge(case)
}

/// Judges reaching the local socket whose `struct sock` is at `other`. One that was made within the session is free and
/// not recorded; one that is bound to a file takes `network:unix` of it; an abstract name of others takes what no scope
/// gives.
#[inline(always)]
pub fn judge_local(mask: u32, other: u64) -> i32 {
    if made(mask, other) {
        return judge_standing(mask, Action::ConnectUnix);
    }
    let mut case = Case::new(mask, Action::ConnectUnix);
    case.family = AF_UNIX as u16;
    case.budget = Budget::Connections as u8;
    // A fault reads as an object that nothing can resolve, and so as a refusal.
    match kernel::bound_dentry(other).unwrap_or(1) {
        0 => {
            case.given = Reason::OutOfScope as u8;
            case.extra_at = kernel::abstract_name(other).unwrap_or(0);
            case.extra = if case.extra_at == 0 { Extra::None } else { Extra::KernelString };
        }
        dentry => {
            case.judge = Judge::Objects;
            case.wanted = Rights::CONNECT.bits();
            // The mount that its server bound it through may be another namespace's: one of the session's is looked for.
            case.dentry[0] = dentry;
        }
    }
    judge(case)
}

/// Judges listening on the own address of the `struct socket` at an address.
#[inline(always)]
pub fn judge_listening(mask: u32, socket: u64) -> i32 {
    // Fail closed: what cannot be read is of no family that can be judged.
    let (own, protocol) = kernel::socket(socket).unwrap_or((NO_FAMILY, 0));
    if own as i32 == AF_UNIX {
        // Whoever reaches a local socket has its path, or the session's leave.
        return judge_standing(mask, Action::Listen);
    }
    let mut case = Case::new(mask, Action::Listen);
    case.family = own;
    case.protocol = protocol as u8;
    if own as i32 == AF_INET || own as i32 == AF_INET6 {
        case.judge = Judge::Listening;
        case.extra_at = kernel::sock(socket).unwrap_or(1);
    } else {
        case.given = Reason::UnknownFamily as u8;
    }
    judge(case)
}

/// Judges binding a `struct socket` to the own address at `address`, by the family that it names: the kernel takes no
/// other than the socket's own. A port of the kernel's choice is nobody's to know, and listening on it is judged apart.
#[inline(always)]
pub fn judge_binding(mask: u32, socket: u64, address: u64, length: u32) -> i32 {
    // Fail closed: what cannot be read is of no family that can be judged.
    let (named, port) =
        if length < 2 { None } else { kernel::address_start(address) }.unwrap_or((NO_FAMILY, 1));
    // IPv4 takes an address of no family for one of its own.
    let family = if named as i32 == AF_UNSPEC { AF_INET } else { named as i32 };
    let is_internet = family == AF_INET || family == AF_INET6;
    if family == AF_UNIX || family == AF_NETLINK || (is_internet && port == 0) {
        // Binding to a path makes a file, and that is judged.
        return judge_standing(mask, Action::Bind);
    }
    let mut case = Case::new(mask, Action::Bind);
    case.family = family as u16;
    // It is told and decides nothing: what cannot be read is told as none.
    case.protocol = kernel::socket(socket).map_or(0, |(_, protocol)| protocol as u8);
    if is_internet {
        case.judge = Judge::Listening;
        case.extra_at = address;
        case.extra_len = length as u64;
    } else {
        case.given = Reason::UnknownFamily as u8;
    }
    judge(case)
}
