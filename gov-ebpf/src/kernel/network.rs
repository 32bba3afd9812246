//! What the kernel holds of sockets, messages and their addresses.

use super::{copy, read};
use gov_common::sockets::{AF_INET, message_routes_by_itself};

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

/// The own port, in host order, of the internet `struct sock` at an address, and its own address, IPv4 as mapped IPv6:
/// both zeros where it is not bound.
#[inline(always)]
pub fn own_address(sock: u64, address: &mut [u8; 16]) -> Option<u16> {
    const INET: u16 = AF_INET as u16;
    let family = read::<u16>(sock.wrapping_add(offset!(sock_family)))?;
    let port = read::<u16>(sock.wrapping_add(offset!(sock_num)))?;
    let start = address.as_mut_ptr();
    let whole = if family == INET {
        (address[10], address[11]) = (0xff, 0xff);
        let from = sock.wrapping_add(offset!(sock_address)) as *const u8;
        // SAFETY: the last four of sixteen bytes.
        unsafe { copy(start.wrapping_add(12), 4, from) }
    } else {
        let from = sock.wrapping_add(offset!(sock_address_v6)) as *const u8;
        // SAFETY: all sixteen bytes.
        unsafe { copy(start, 16, from) }
    };
    if whole { Some(port) } else { None }
}

/// The `struct sock` of the `struct socket` at an address.
#[inline(always)]
pub fn sock(socket: u64) -> Option<u64> {
    read::<u64>(socket.wrapping_add(offset!(socket_sk)))
}

/// The cgroup that the `struct sock` at an address was made in.
#[inline(always)]
pub fn sock_cgroup(sock: u64) -> Option<u64> {
    read::<u64>(sock.wrapping_add(offset!(sock_cgroup)))
}

/// The `struct sock` of the file at an address, which lies at `dentry`; 0 where the file is no socket.
#[inline(always)]
pub fn file_sock(file: u64, dentry: u64) -> Option<u64> {
    const SOCKET: u16 = 0o140000;
    let inode = read::<u64>(dentry.wrapping_add(offset!(dentry_inode)))?;
    if inode == 0 || read::<u16>(inode.wrapping_add(offset!(inode_mode)))? & super::KIND != SOCKET {
        return Some(0);
    }
    sock(read::<u64>(file.wrapping_add(offset!(file_private_data)))?)
}

/// The dentry that the local `struct sock` at an address is bound to; 0 where it is bound to none.
#[inline(always)]
pub fn bound_dentry(sock: u64) -> Option<u64> {
    let path = sock.wrapping_add(offset!(unix_sock_path));
    read::<u64>(path.wrapping_add(offset!(path_dentry)))
}

/// Where the abstract name of the local `struct sock` at an address stands; 0 where it has none.
#[inline(always)]
pub fn abstract_name(sock: u64) -> Option<u64> {
    // `sun_family`, then the NUL that makes a name abstract.
    const NAME: u64 = 3;
    let address = read::<u64>(sock.wrapping_add(offset!(unix_sock_addr)))?;
    Some(if address == 0 { 0 } else { address.wrapping_add(offset!(unix_address_name) + NAME) })
}

/// Whether one of the control messages of the `struct msghdr` at an address writes a route into the packet.
#[inline(always)]
pub fn writes_route(message: u64) -> Option<bool> {
    /// Control messages that are looked at; more than these are taken for one that does.
    const MOST: u32 = 8;
    const HEADER: u64 = 16;
    let left = read::<u64>(message.wrapping_add(offset!(msghdr_controllen)))?;
    if left < HEADER {
        return Some(false);
    }
    let mut at = read::<u64>(message.wrapping_add(offset!(msghdr_control)))?;
    let end = at.wrapping_add(left);
    let mut turn = 0;
    while turn < MOST {
        let [length, kind] = read::<[u64; 2]>(at)?;
        if length < HEADER {
            return Some(false);
        }
        if message_routes_by_itself(kind as i32, (kind >> 32) as i32) {
            return Some(true);
        }
        at = at.wrapping_add((length + 7) & !7);
        if at >= end || end - at < HEADER {
            return Some(false);
        }
        turn += 1;
    }
    Some(true)
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

/// The family of the socket address at an address, and the port, in host order, of one of IPv4 or IPv6.
#[inline(always)]
pub fn address_start(address: u64) -> Option<(u16, u16)> {
    let [family, port] = read::<[u16; 2]>(address)?;
    Some((family, u16::from_be(port)))
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
