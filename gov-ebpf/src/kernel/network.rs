//! What the kernel holds of sockets, messages and their addresses.

use super::{copy, read};

/// Whether a netlink packet is one message of a kind that only asks (`RTM_GET…`).
#[inline(always)]
pub fn netlink_asks(packet: u64) -> Option<bool> {
    const FIRST: u16 = 16;
    const GET: u16 = 2;
    let length = read::<u32>(packet.wrapping_add(offset!(skb_len)))?;
    let data = read::<u64>(packet.wrapping_add(offset!(skb_data)))?;
    let message = read::<u32>(data)?;
    let kind = read::<u16>(data.wrapping_add(4))?;
    // Messages are padded to four bytes; a second one behind the first could be anything.
    let alone = message >= 16 && message <= length && length - message < 4;
    Some(alone && kind >= FIRST && kind % 4 == GET)
}

/// Family and protocol of the `struct socket` at an address.
#[inline(always)]
pub fn socket(address: u64) -> Option<(u16, u16)> {
    let sock = read::<u64>(address.wrapping_add(offset!(socket_sk)))?;
    Some((
        read::<u16>(sock.wrapping_add(offset!(sock_family)))?,
        read::<u16>(sock.wrapping_add(offset!(sock_protocol)))?,
    ))
}

/// Address and length of the name in a `struct msghdr`; address 0 where the message has none.
#[inline(always)]
pub fn message_name(message: u64) -> Option<(u64, u32)> {
    Some((
        read::<u64>(message.wrapping_add(offset!(msghdr_name)))?,
        read::<u32>(message.wrapping_add(offset!(msghdr_namelen)))?,
    ))
}

/// The family of the socket address at an address.
#[inline(always)]
pub fn address_family(address: u64) -> Option<u16> {
    read::<u16>(address)
}

/// The port, in host order, of the IPv4 or IPv6 socket address at an address.
#[inline(always)]
pub fn address_port(address: u64) -> Option<u16> {
    const PORT: u64 = 2;
    Some(u16::from_be(read::<u16>(address.wrapping_add(PORT))?))
}

/// Copies the IPv4 socket address at an address into the last bytes of `to`, or all of the IPv6 one; false on a
/// fault.
#[inline(always)]
pub fn address_bytes(address: u64, is_v4: bool, to: &mut [u8; 16]) -> bool {
    const V4: u64 = 4;
    const V6: u64 = 8;
    let start = to.as_mut_ptr();
    if is_v4 {
        // SAFETY: the last four of sixteen bytes.
        unsafe { copy(start.wrapping_add(12), 4, address.wrapping_add(V4) as *const u8) }
    } else {
        // SAFETY: all sixteen bytes.
        unsafe { copy(start, 16, address.wrapping_add(V6) as *const u8) }
    }
}
