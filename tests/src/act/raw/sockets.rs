//! Sockets.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::check;

/// Sends data in the opening packet of a TCP connection: `sendto` with `MSG_FASTOPEN`, no `connect`.
pub(in crate::act) fn fast_open(address: &str) -> io::Result<i64> {
    let SocketAddr::V4(address) = address.parse().map_err(io::Error::other)? else {
        return Err(io::Error::other("fast-open takes an IPv4 address"));
    };
    let socket = socket(libc::AF_INET, libc::SOCK_STREAM, 0)?;
    let to = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
        sin_zero: [0; 8],
    };
    // SAFETY: data and address are valid for the lengths given and live through the call.
    let sent = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            c"secret".as_ptr().cast(),
            6,
            libc::MSG_FASTOPEN,
            (&raw const to).cast(),
            size_of_val(&to) as u32,
        )
    };
    check(sent as i64)
}

pub(in crate::act) fn raw_socket() -> io::Result<OwnedFd> {
    socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)
}

pub(in crate::act) fn packet_socket() -> io::Result<OwnedFd> {
    socket(libc::AF_PACKET, libc::SOCK_RAW, 0)
}

/// Has every packet of a socket go by an address that the sender chooses: a loose source route.
pub(in crate::act) fn source_route() -> io::Result<()> {
    let socket = socket(libc::AF_INET, libc::SOCK_STREAM, 0)?;
    // No operation, loose source route of one hop over 127.0.0.1.
    let options: [u8; 8] = [1, 131, 7, 4, 127, 0, 0, 1];
    let length = size_of_val(&options) as libc::socklen_t;
    // SAFETY: the options are valid for the length given and live through the call.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_OPTIONS,
            options.as_ptr().cast(),
            length,
        )
    };
    check(set.into()).map(drop)
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

fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: socket takes plain numbers.
    let fd = check(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) }.into())?;
    // SAFETY: the kernel just returned this descriptor and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}
