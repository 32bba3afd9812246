//! Sockets.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use super::{call, check, owned};

/// A socket of any family.
pub(in crate::act) fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: socket takes plain numbers.
    check(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) }.into()).map(owned)
}

/// A `struct sockaddr_in` or `struct sockaddr_in6`.
#[repr(C, align(8))]
pub(in crate::act) struct Address {
    bytes: [u8; 28],
    length: u32,
}

impl Address {
    /// The address written as text.
    pub(in crate::act) fn parse(text: &str) -> io::Result<(Self, SocketAddr)> {
        let address: SocketAddr = text.parse().map_err(io::Error::other)?;
        let mut bytes = [0; 28];
        bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        let (family, length) = match address {
            SocketAddr::V4(address) => {
                bytes[4..8].copy_from_slice(&address.ip().octets());
                (libc::AF_INET, 16)
            }
            SocketAddr::V6(address) => {
                bytes[8..24].copy_from_slice(&address.ip().octets());
                (libc::AF_INET6, 28)
            }
        };
        bytes[..2].copy_from_slice(&(family as u16).to_ne_bytes());
        Ok((Self { bytes, length }, address))
    }

    /// Where it lies, and its length.
    pub(in crate::act) fn place(&self) -> (usize, u32) {
        (self.bytes.as_ptr() as usize, self.length)
    }

    /// A socket that can reach it.
    pub(in crate::act) fn socket(&self, kind: i32) -> io::Result<OwnedFd> {
        socket(if self.length == 16 { libc::AF_INET } else { libc::AF_INET6 }, kind, 0)
    }
}

/// Does something with a `struct msghdr` of six bytes to an address; it lives until that is done.
pub(in crate::act) fn with_message<T>(to: &Address, control: &[u64], act: impl FnOnce(usize) -> T) -> T {
    let vector = [c"secret".as_ptr() as usize, 6];
    let (name, length) = to.place();
    let (at, size) =
        if control.is_empty() { (0, 0) } else { (control.as_ptr() as usize, size_of_val(control)) };
    // The last word is where sendmmsg(2) says how much it sent.
    let header = [name, length as usize, vector.as_ptr() as usize, 1, at, size, 0, 0];
    act(header.as_ptr() as usize)
}

/// Sends a message with sendmsg(2), or with sendmmsg(2) as one of many.
pub(in crate::act) fn send_message(to: &Address, control: &[u64], as_one_of_many: bool) -> io::Result<()> {
    let socket = to.socket(libc::SOCK_DGRAM)?;
    with_message(to, control, |header| {
        let socket = socket.as_raw_fd() as usize;
        if as_one_of_many {
            // SAFETY: one header is named, and it lives through the call with all that it points to.
            unsafe { call(libc::SYS_sendmmsg, [socket, header, 1, 0]) }
        } else {
            // SAFETY: the header lives through the call with all that it points to.
            unsafe { call(libc::SYS_sendmsg, [socket, header, 0]) }
        }
    })
    .map(drop)
}

/// Sends data in the opening packet of a TCP connection: `sendto` with `MSG_FASTOPEN`, no `connect`.
pub(in crate::act) fn fast_open(to: &Address) -> io::Result<()> {
    let socket = to.socket(libc::SOCK_STREAM)?;
    let (name, length) = to.place();
    let data = c"secret".as_ptr() as usize;
    let words = [socket.as_raw_fd() as usize, data, 6, libc::MSG_FASTOPEN as usize, name, length as usize];
    // SAFETY: data and address are valid for the lengths given and live through the call.
    unsafe { call(libc::SYS_sendto, words) }.map(drop)
}

/// Connects a socket as it is.
pub(in crate::act) fn connect(socket: &OwnedFd, to: &Address) -> io::Result<()> {
    let (name, length) = to.place();
    // SAFETY: the address is valid for the length given and lives through the call.
    unsafe { call(libc::SYS_connect, [socket.as_raw_fd() as usize, name, length as usize]) }.map(drop)
}

/// Dissolves what a datagram socket is connected to.
pub(in crate::act) fn disconnect(socket: &impl AsRawFd) -> io::Result<()> {
    let nobody = [0_u64; 2];
    let words = [socket.as_raw_fd() as usize, nobody.as_ptr() as usize, 16];
    // SAFETY: the address, of no family, is valid for the length given and lives through the call.
    unsafe { call(libc::SYS_connect, words) }.map(drop)
}

/// Listens on a socket that was bound to nothing: the kernel chooses a port.
pub(in crate::act) fn listen(socket: &OwnedFd) -> io::Result<()> {
    // SAFETY: listen takes plain numbers.
    check(unsafe { libc::listen(socket.as_raw_fd(), 1) }.into()).map(drop)
}

/// Sets an option of a socket.
pub(in crate::act) fn set_option(socket: &OwnedFd, level: i32, option: i32, value: &[u8]) -> io::Result<()> {
    let words =
        [socket.as_raw_fd() as usize, level as usize, option as usize, value.as_ptr() as usize, value.len()];
    // SAFETY: the value is valid for its length and lives through the call.
    unsafe { call(libc::SYS_setsockopt, words) }.map(drop)
}

/// Sends a message to the kernel's own tables of the network and waits for what it says.
pub(in crate::act) fn ask_network(message: &[u8]) -> io::Result<()> {
    const NETLINK_ROUTE: i32 = 0;
    const NLMSG_ERROR: u16 = 2;
    let socket = socket(libc::AF_NETLINK, libc::SOCK_RAW, NETLINK_ROUTE)?;
    let descriptor = socket.as_raw_fd() as usize;
    // SAFETY: the message is valid for its length and lives through the call.
    unsafe { call(libc::SYS_sendto, [descriptor, message.as_ptr() as usize, message.len()]) }?;
    let mut answer = [0_u8; 8192];
    let room = answer.as_mut_ptr() as usize;
    // SAFETY: the room is valid for writing for its length and lives through the call.
    unsafe { call(libc::SYS_recvfrom, [descriptor, room, answer.len()]) }?;
    let kind = u16::from_ne_bytes([answer[4], answer[5]]);
    let error = i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]);
    if kind == NLMSG_ERROR && error != 0 { Err(io::Error::from_raw_os_error(-error)) } else { Ok(()) }
}

/// The same of a socket, as ioctl(2) does it.
pub(in crate::act) fn own_file(pid: i32) -> io::Result<()> {
    const FIOSETOWN: libc::c_ulong = 0x8901;
    let socket = socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    // SAFETY: FIOSETOWN reads one number, which lives through the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), FIOSETOWN, &raw const pid) }.into()).map(drop)
}

/// Sets the loopback interface up, as it is.
pub(in crate::act) fn set_link_up() -> io::Result<()> {
    const SIOCSIFFLAGS: libc::c_ulong = 0x8914;
    let socket = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    // struct ifreq: sixteen bytes of name, then the flags IFF_UP and IFF_RUNNING.
    let mut request = [0_u8; 40];
    request[..2].copy_from_slice(b"lo");
    request[16] = 0x41;
    // SAFETY: SIOCSIFFLAGS reads one `struct ifreq`, which lives through the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), SIOCSIFFLAGS, request.as_ptr()) }.into()).map(drop)
}
