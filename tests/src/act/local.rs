//! Acts that reach for other programs of the machine: their sockets, their shared memory, their queues.

use std::io::{self, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use super::raw::ipc::{self, KEY, Kind};
use super::{Outcome, ok};

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["connect-unix", path] => ok(UnixStream::connect(path)),
        ["connect-abstract", name] => {
            ok(SocketAddr::from_abstract_name(name).and_then(|name| UnixStream::connect_addr(&name)))
        }
        ["send-unix", path] => ok(UnixDatagram::unbound().and_then(|socket| socket.send_to(b"secret", path))),
        ["send-abstract", name] => ok(SocketAddr::from_abstract_name(name).and_then(|name| {
            UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(b"secret", &name))
        })),
        ["talk-to-itself", path] => ok(UnixListener::bind(path).and_then(|_| UnixStream::connect(path))),
        ["talk-to-itself-unnamed"] => ok(UnixStream::pair().and_then(|(mut one, _)| one.write(b"x"))),
        ["talk-to-itself-abstract", name] => ok(SocketAddr::from_abstract_name(name).and_then(|name| {
            let _listener = UnixListener::bind_addr(&name)?;
            UnixStream::connect_addr(&name)
        })),
        ["receive", path, what] => receive(path, what),
        ["share-memory"] => ok(touch(Kind::Memory)),
        ["share-semaphore"] => ok(touch(Kind::Semaphore)),
        ["share-queue"] => ok(touch(Kind::Queue)),
        ["change-memory"] => ok(change(Kind::Memory)),
        ["change-semaphore"] => ok(change(Kind::Semaphore)),
        ["change-queue"] => ok(change(Kind::Queue)),
        ["own-memory"] => ok(own(Kind::Memory)),
        ["own-semaphore"] => ok(own(Kind::Semaphore)),
        ["own-queue"] => ok(own(Kind::Queue)),
        ["message-queue", name] => ok(ipc::message_queue(name)),
        ["make-message-queue", name] => ok(ipc::make_queue(name)),
        ["remove-message-queue", name] => ok(remove_queue(name)),
        _ => return None,
    })
}

/// Asks an outsider for a file and takes it: `ok`, or `no file came`.
fn receive(path: &str, what: &str) -> Outcome {
    let mut socket = UnixStream::connect(path)?;
    socket.write_all(what.as_bytes())?;
    let mut byte = [0];
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut room);
    rustix::net::recvmsg(&socket, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::empty())?;
    let came = control.drain().any(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next().is_some(),
        _other => false,
    });
    Ok(if came { "ok" } else { "no file came" }.to_owned())
}

/// Uses what somebody else has made.
fn touch(kind: Kind) -> io::Result<()> {
    ipc::touch(kind, ipc::object(kind, KEY)?)
}

/// Takes the name of somebody else's message queue away, and puts one back.
fn remove_queue(name: &str) -> io::Result<()> {
    ipc::remove_queue(name)?;
    // Who may not open one has made its name nevertheless.
    let _opened = ipc::message_queue(name);
    Ok(())
}

/// Changes what somebody else has made, whose number is read: to ask the kernel for it is to use it.
fn change(kind: Kind) -> io::Result<()> {
    let list = match kind {
        Kind::Memory => "shm",
        Kind::Semaphore => "sem",
        Kind::Queue => "msg",
    };
    let list = std::fs::read_to_string(format!("/proc/sysvipc/{list}"))?;
    let number = list.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()?.parse() == Ok(KEY)).then(|| words.next()?.parse().ok()).flatten()
    });
    ipc::change(kind, number.ok_or_else(|| io::Error::other("there is no such object"))?)
}

/// Makes an object of its own, uses it and takes it away.
fn own(kind: Kind) -> io::Result<()> {
    let object = ipc::object(kind, libc::IPC_PRIVATE)?;
    let used = ipc::touch(kind, object);
    ipc::remove(kind, object)?;
    used
}
