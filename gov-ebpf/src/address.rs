//! Reading the address that a connection or message goes to, or that a socket is bound to.

use crate::kernel;
use crate::scratch;
use gov_common::event::Action;
use gov_common::sockets::AF_INET;
use gov_common::verdict::Reason;

/// Bytes of the shortest IPv4 and IPv6 address.
const LEAST_V4: u64 = 8;
const LEAST_V6: u64 = 24;

/// Reads the room's address, IPv4 as mapped IPv6.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_address(number: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    let case = &mut room.case;
    if case.action == Action::Listen as u8 {
        match kernel::own_address(case.extra_at, &mut case.address) {
            Some(port) => case.port = port,
            // Fail closed: an address that cannot be read is granted by none.
            None => case.given = Reason::Unreadable as u8,
        }
        return 0;
    }
    let (at, length) = (case.extra_at, case.extra_len);
    let is_v4 = case.family as i32 == AF_INET;
    case.address[10] = if is_v4 { 0xff } else { 0 };
    case.address[11] = if is_v4 { 0xff } else { 0 };
    let whole = length >= if is_v4 { LEAST_V4 } else { LEAST_V6 };
    match kernel::address_port(at) {
        Some(port) if whole && kernel::address_bytes(at, is_v4, &mut case.address) => case.port = port,
        // Fail closed: an address that cannot be read is granted by none.
        _ => case.given = Reason::Unreadable as u8,
    }
    0
}
