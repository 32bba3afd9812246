//! Acts that reach for other machines and other programs' sockets.

use std::io;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;

use super::{Outcome, ok, raw};

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["connect", address] => ok(TcpStream::connect(address)),
        ["connect-udp", address] => ok(datagram(address).and_then(|socket| socket.connect(address))),
        ["send-to", address] => ok(datagram(address).and_then(|socket| socket.send_to(b"secret", address))),
        ["fast-open", address] => ok(raw::sockets::fast_open(address)),
        ["raw-socket"] => ok(raw::sockets::raw_socket()),
        ["packet-socket"] => ok(raw::sockets::packet_socket()),
        ["source-route"] => ok(raw::sockets::source_route()),
        ["connect-unix", path] => ok(UnixStream::connect(path)),
        _ => return None,
    })
}

fn datagram(address: &str) -> io::Result<UdpSocket> {
    UdpSocket::bind(if address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" })
}
