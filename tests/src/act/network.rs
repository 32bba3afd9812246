//! Acts that reach for other machines, or let themselves be reached.

use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};

use super::raw::sockets::{self, Address};
use super::{Outcome, ok};

/// A loose source route of one hop, over 127.0.0.1, as IP options write it: no operation first.
const ROUTE: [u8; 8] = [1, 131, 7, 4, 127, 0, 0, 1];

const IPV6_2292PKTOPTIONS: i32 = 6;
const IPV6_FLOWLABEL_MGR: i32 = 32;
const IPV6_RTHDR: i32 = 57;

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["connect", address] => ok(TcpStream::connect(address)),
        ["connect-udp", address] => ok(datagram(address).and_then(|socket| socket.connect(address))),
        ["connect-fast-open", address] => ok(connect_fast_open(address)),
        ["send-to", address] => ok(datagram(address).and_then(|socket| socket.send_to(b"secret", address))),
        ["send-elsewhere", first, address] => ok(send_elsewhere(first, address)),
        ["send-message", address] => ok(message(address, &[], false)),
        ["send-messages", address] => ok(message(address, &[], true)),
        ["send-by-route", address] => ok(message(address, &route(address), false)),
        ["fast-open", address] => ok(Address::parse(address).and_then(|(to, _)| sockets::fast_open(&to))),
        ["socket", family, kind, protocol] => ok(socket(family, kind, protocol)),
        ["source-route"] => ok(with_option(libc::AF_INET, libc::IPPROTO_IP, libc::IP_OPTIONS, &ROUTE)),
        ["source-route-6"] => ok(with_option(libc::AF_INET6, libc::IPPROTO_IPV6, IPV6_RTHDR, &route_6())),
        ["source-route-6-older"] => {
            ok(with_option(libc::AF_INET6, libc::IPPROTO_IPV6, IPV6_2292PKTOPTIONS, &[]))
        }
        ["flow-label"] => {
            ok(with_option(libc::AF_INET6, libc::IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &flow_label()))
        }
        ["mark"] => ok(with_option(libc::AF_INET, libc::SOL_SOCKET, libc::SO_MARK, &1_i32.to_ne_bytes())),
        ["listen", address] => ok(TcpListener::bind(address)),
        ["listen-unbound"] => ok(listen_unbound()),
        ["bind-udp", address] => ok(UdpSocket::bind(address)),
        ["ask-links"] => ok(sockets::ask_network(&ask_links())),
        ["add-address"] => ok(sockets::ask_network(&add_address())),
        ["set-link-up"] => ok(sockets::set_link_up()),
        _ => return None,
    })
}

fn datagram(address: &str) -> io::Result<UdpSocket> {
    UdpSocket::bind(if address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" })
}

/// Connects with the first data to come, which is not there yet.
fn connect_fast_open(address: &str) -> io::Result<()> {
    const TCP_FASTOPEN_CONNECT: i32 = 30;
    let (to, _) = Address::parse(address)?;
    let socket = to.socket(libc::SOCK_STREAM)?;
    sockets::set_option(&socket, libc::IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &1_i32.to_ne_bytes())?;
    sockets::connect(&socket, &to)
}

/// Connects a datagram socket to one address, lets that go, and sends to another.
fn send_elsewhere(first: &str, address: &str) -> io::Result<usize> {
    let socket = datagram(first)?;
    socket.connect(first)?;
    sockets::disconnect(&socket)?;
    socket.send_to(b"secret", address)
}

fn message(address: &str, control: &[u64], as_one_of_many: bool) -> io::Result<()> {
    sockets::send_message(&Address::parse(address)?.0, control, as_one_of_many)
}

/// A message's own route: `IP_RETOPTS`, or `IPV6_RTHDR` with a header of type 2 by ::1.
fn route(address: &str) -> Vec<u64> {
    let header = |length: u64, level: u64, kind: u64| [length, level | kind << 32];
    if address.starts_with('[') {
        let hop = [0, 2, 2, 1, 0, 0, 0, 0];
        let data = [u64::from_ne_bytes(hop), 0, 1_u64.to_be()];
        [&header(40, 41, 57)[..], &data].concat()
    } else {
        [&header(24, 0, 7)[..], &[u64::from_ne_bytes(ROUTE)]].concat()
    }
}

fn socket(family: &str, kind: &str, protocol: &str) -> io::Result<()> {
    let number = |text: &str| text.parse::<i32>().map_err(io::Error::other);
    sockets::socket(number(family)?, number(kind)?, number(protocol)?).map(drop)
}

fn with_option(family: i32, level: i32, option: i32, value: &[u8]) -> io::Result<()> {
    sockets::set_option(&sockets::socket(family, libc::SOCK_DGRAM, 0)?, level, option, value)
}

/// A routing header of type 2, by ::1.
fn route_6() -> [u8; 24] {
    let mut header = [0; 24];
    header[1..4].copy_from_slice(&[2, 2, 1]);
    header[23] = 1;
    header
}

/// `struct in6_flowlabel_req`: any label to ::1, made (`IPV6_FL_A_GET`, `IPV6_FL_F_CREATE`) for everyone.
fn flow_label() -> [u8; 32] {
    let mut request = [0; 32];
    request[15] = 1;
    (request[21], request[22]) = (255, 1);
    request
}

fn listen_unbound() -> io::Result<()> {
    sockets::listen(&sockets::socket(libc::AF_INET, libc::SOCK_STREAM, 0)?)
}

/// `RTM_GETLINK` for all links: `struct nlmsghdr` with `NLM_F_REQUEST | NLM_F_DUMP`, an empty `struct ifinfomsg`.
fn ask_links() -> Vec<u8> {
    [&netlink_header(32, 18, 0x301)[..], &[0; 16]].concat()
}

/// `RTM_NEWADDR` with 127.9.9.9 for the first link: `struct nlmsghdr` with `NLM_F_REQUEST | NLM_F_ACK |
/// NLM_F_CREATE | NLM_F_REPLACE`, `struct ifaddrmsg`, `IFA_LOCAL`.
fn add_address() -> Vec<u8> {
    let address = [2, 32, 0, 0, 1, 0, 0, 0, 8, 0, 2, 0, 127, 9, 9, 9];
    [&netlink_header(32, 20, 0x505)[..], &address].concat()
}

fn netlink_header(length: u32, kind: u16, flags: u16) -> Vec<u8> {
    [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &flags.to_ne_bytes(), &[0; 8]].concat()
}
