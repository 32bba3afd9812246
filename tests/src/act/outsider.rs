//! What acts reach for: a process outside every session, which has everything that one could want of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Read};
use std::mem::MaybeUninit;
use std::net::UdpSocket;
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::thread;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use super::raw::ground::pin_map;
use super::raw::ipc::{self, KEY, Kind};
use super::raw::memory::lay_out;

/// The folder of the file that it gives away.
pub const FOLDER: &str = "/srv/gov-outside";
/// Where it listens: a stream, and datagrams.
pub const STREAM: &str = "/run/gov-suite.stream";
/// See [`STREAM`].
pub const DATAGRAMS: &str = "/run/gov-suite.datagrams";
/// The name that it listens at without a path, for both.
pub const ABSTRACT: &str = "gov-suite";
/// A map of bpf(2)'s that it has pinned.
pub const PIN: &str = "/sys/fs/bpf/gov-suite-map";
/// Its message queue.
pub const QUEUE: &str = "gov-suite";

/// Lays everything out and gives the file away to all who ask, for ever. It says when it is ready by a line.
pub fn stay() -> io::Result<()> {
    lay_out()?;
    for kind in [Kind::Memory, Kind::Semaphore, Kind::Queue] {
        ipc::object(kind, KEY)?;
    }
    let _queue = ipc::message_queue(QUEUE)?;
    fs::create_dir_all(FOLDER)?;
    fs::write(format!("{FOLDER}/secret"), "secret")?;
    for socket in [STREAM, DATAGRAMS, PIN] {
        if fs::exists(socket)? {
            fs::remove_file(socket)?;
        }
    }
    pin_map(PIN)?;
    let name = SocketAddr::from_abstract_name(ABSTRACT)?;
    let datagrams = [UnixDatagram::bind(DATAGRAMS)?, UnixDatagram::bind_addr(&abstract_datagrams()?)?];
    let streams = [UnixListener::bind(STREAM)?, UnixListener::bind_addr(&name)?];
    println!("ready");
    thread::scope(|scope| {
        for socket in &datagrams {
            scope.spawn(move || while socket.recv(&mut [0; 16]).is_ok() {});
        }
        for stream in &streams {
            scope.spawn(move || {
                for asked in stream.incoming().flatten() {
                    // Who goes away without an answer wanted none.
                    let _ = give(asked);
                }
            });
        }
    });
    Ok(())
}

/// The name of its datagrams without a path: a name is one socket's, whatever its type.
fn abstract_datagrams() -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("{ABSTRACT}-datagrams"))
}

/// Gives away the file, to be read (`r`) or written (`w`), or a socket (`s`), as asked.
fn give(mut asked: UnixStream) -> io::Result<()> {
    let mut what = [0];
    asked.read_exact(&mut what)?;
    let path = format!("{FOLDER}/secret");
    let file: OwnedFd = match &what {
        b"w" => OpenOptions::new().write(true).open(path)?.into(),
        b"s" => UdpSocket::bind("127.0.0.1:0")?.into(),
        _read => File::open(path)?.into(),
    };
    let files = [file.as_fd()];
    let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut room);
    control.push(SendAncillaryMessage::ScmRights(&files));
    rustix::net::sendmsg(&asked, &[IoSlice::new(b"x")], &mut control, SendFlags::empty())?;
    Ok(())
}
