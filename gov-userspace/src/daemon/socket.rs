//! Serves the control socket: reads one line at a time from each peer, asks the engine, writes one line back.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::answers;
use super::engine::{Engine, Peer};
use crate::control::message::{Answer, Refusal, Reply, Request};
use crate::control::{ControlError, MAX_LINE, VERSION, decode_request, encode};
use crate::host::HostError;
use crate::host::cgroup::is_governed;
use crate::host::process::Process;

/// How long a peer may take from one line to the end of its next.
const LINE_LIMIT: Duration = Duration::from_secs(60);
/// How long a peer may take to accept its reply.
const REPLY_LIMIT: Duration = Duration::from_secs(10);

/// Accepts peers for ever, `max_connections` at once, and a quarter as many from within sessions, so that these do not
/// keep others away; one more is told so and let go.
pub(super) async fn serve(
    listener: UnixListener,
    engine: Engine,
    max_connections: u32,
) -> std::io::Result<()> {
    let places = |count| Arc::new(Semaphore::new(usize::try_from(count).unwrap_or(usize::MAX)));
    let max_within = max_connections.div_ceil(4);
    let (outside, within) = (places(max_connections), places(max_within));
    loop {
        let mut stream = match listener.accept().await {
            Ok((stream, _address)) => stream,
            Err(error) => {
                // Out of descriptors or memory: those who are here go on, and the next peer waits its turn.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let caller = match Caller::of(&stream) {
            Ok(caller) => caller,
            Err(error) => {
                tracing::warn!("a peer without credentials: {error}");
                continue;
            }
        };
        let (places, most) = match caller.peer() {
            Ok(peer) if !is_governed(&peer.cgroup) => (&outside, max_connections),
            Ok(_) | Err(_) => (&within, max_within),
        };
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            let why = format!("{most} connections are open");
            answer(&mut stream, refused("the connection", &why, Some("try again later"))).await;
            continue;
        };
        let engine = engine.clone();
        tokio::spawn(async move {
            converse(stream, &caller, &engine).await;
            drop(place);
        });
    }
}

/// One peer, line by line, until it closes, is silent for too long, or breaks the protocol.
async fn converse(mut stream: UnixStream, caller: &Caller, engine: &Engine) {
    let mut held = Vec::new();
    loop {
        let limit = if held.is_empty() { Some(LINE_LIMIT) } else { None };
        let line = match read_line(&stream, limit).await {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(error) => {
                answer(&mut stream, refused("the request", &error.to_string(), None)).await;
                break;
            }
        };
        let reply = match (decode_request(&line.text), caller.peer()) {
            (Ok(request), Ok(peer)) => respond(engine, peer, request, line.descriptor, &mut held).await,
            (Ok(_request), Err(error)) => refused("the process that asks", &error.to_string(), None),
            (Err(error), _) => {
                let remedy = "use `gov` and `govd` of the same version";
                refused("the request", &error.to_string(), Some(remedy))
            }
        };
        if !answer(&mut stream, reply).await {
            break;
        }
    }
    for session in held {
        engine.connection_closed(session).await;
    }
}

/// Asks the engine; remembers the sessions that shall end with this connection.
async fn respond(
    engine: &Engine,
    peer: Peer,
    request: Request,
    descriptor: Option<OwnedFd>,
    held: &mut Vec<String>,
) -> Reply {
    match request {
        Request::Status {} if is_governed(&peer.cgroup) => Reply::Refused(answers::refusal_with(
            answers::code::AUTHORITY,
            "the daemon's status",
            "a session is told nothing of the host",
            "ask from outside of sessions",
        )),
        Request::Status {} => engine.status().await,
        Request::RotateLogKey {} if peer.uid != 0 || is_governed(&peer.cgroup) => {
            Reply::Refused(answers::refusal_with(
                answers::code::AUTHORITY,
                "the key that signs logs",
                "only root, outside of sessions, has it rotated",
                "`sudo gov keys rotate --log`",
            ))
        }
        Request::RotateLogKey {} => engine.rotate_log_key().await,
        Request::List {} => engine.list(peer).await,
        Request::Info(named) => engine.info(peer, named.session).await,
        Request::Wait(wait) => engine.wait(peer, wait).await,
        Request::End(end) => engine.end(peer, end).await,
        Request::Start(start) => {
            let hold = start.end_with_connection;
            let Some(pidfd) = descriptor else {
                return refused("the start", "no pidfd came with the request", None);
            };
            let reply = engine.start(peer, start, pidfd).await;
            if let Reply::Started(started) = &reply
                && hold
            {
                held.push(started.session.clone());
            }
            reply
        }
    }
}

/// Who connected. Its process is held, so that its number does not come to mean another while the connection lasts.
struct Caller {
    uid: u32,
    gid: u32,
    process: Process,
}

impl Caller {
    fn of(stream: &UnixStream) -> Result<Self, HostError> {
        let process = Process::at_other_end(stream)?;
        let credentials = rustix::net::sockopt::socket_peercred(stream)
            .map_err(|error| HostError::Call { call: "getsockopt", source: error.into() })?;
        Ok(Self { uid: credentials.uid.as_raw(), gid: credentials.gid.as_raw(), process })
    }

    /// Where it stands now: it may have been put into a session since it connected.
    fn peer(&self) -> Result<Peer, HostError> {
        Ok(Peer { uid: self.uid, gid: self.gid, cgroup: self.process.cgroup()? })
    }
}

/// A line and the descriptor that came with it.
struct Line {
    text: Vec<u8>,
    descriptor: Option<OwnedFd>,
}

/// The peer's next line; `None` when it closed instead.
async fn read_line(stream: &UnixStream, limit: Option<Duration>) -> Result<Option<Line>, ControlError> {
    let mut line = Line { text: Vec::new(), descriptor: None };
    let whole = async {
        loop {
            let count = stream
                .async_io(Interest::READABLE, || receive(stream, &mut line))
                .await
                .map_err(ControlError::Socket)?;
            if count == 0 {
                return if line.text.is_empty() { Ok(false) } else { Err(ControlError::Closed) };
            }
            match line.text.iter().position(|byte| *byte == b'\n') {
                Some(end) if end.saturating_add(1) == line.text.len() => return Ok(true),
                Some(_more) => return Err(ControlError::Form("a second line before the reply".to_owned())),
                None if line.text.len() >= MAX_LINE => return Err(ControlError::TooLong),
                None => {}
            }
        }
    };
    let whole = match limit {
        Some(limit) => tokio::time::timeout(limit, whole).await.map_err(|_elapsed| ControlError::TimedOut)?,
        None => whole.await,
    };
    if whole? {
        line.text.pop();
        Ok(Some(line))
    } else {
        Ok(None)
    }
}

/// Receives what is there onto the line; a second descriptor, or one that did not fit, is an error.
fn receive(stream: &UnixStream, line: &mut Line) -> std::io::Result<usize> {
    let mut chunk = [0_u8; 16 << 10];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::net::recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut chunk)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT,
    )?;
    let mut too_many = received.flags.contains(ReturnFlags::CTRUNC);
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            for descriptor in descriptors {
                too_many |= line.descriptor.replace(descriptor).is_some();
            }
        }
    }
    if too_many {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "more than one descriptor"));
    }
    line.text.extend_from_slice(chunk.get(..received.bytes).unwrap_or_default());
    Ok(received.bytes)
}

/// Writes a reply; false when the peer is gone or does not take it.
async fn answer(stream: &mut UnixStream, reply: Reply) -> bool {
    let line = match encode(&Answer { version: VERSION, reply }) {
        Ok(line) => line,
        Err(error) => {
            tracing::error!("a reply does not fit its line: {error}");
            return false;
        }
    };
    matches!(tokio::time::timeout(REPLY_LIMIT, stream.write_all(&line)).await, Ok(Ok(())))
}

fn refused(what: &str, why: &str, remedy: Option<&str>) -> Reply {
    let remedy = remedy.map(str::to_owned);
    Reply::Refused(Refusal { code: 125, what: what.to_owned(), why: why.to_owned(), remedy })
}
