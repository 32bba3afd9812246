//! The client's end of the control socket: one connection, blocking, with a time limit on every step.

use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use super::message::{Ask, Reply, Request};
use super::{ControlError, MAX_LINE, VERSION, decode_reply, encode};

/// Where the daemon listens unless its configuration says otherwise.
pub const DEFAULT_SOCKET: &str = "/run/gov/gov.sock";
/// How long the daemon may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A connection to the daemon.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
}

impl Client {
    /// Connects to the daemon's socket.
    pub fn connect(path: &Path) -> Result<Self, ControlError> {
        let stream = UnixStream::connect(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::PermissionDenied => ControlError::NotAllowed { path: path.to_owned() },
            _other => ControlError::NotRunning { path: path.to_owned(), source },
        })?;
        stream.set_write_timeout(Some(ANSWER_LIMIT)).map_err(ControlError::Socket)?;
        Ok(Self { stream })
    }

    /// Sends a request and waits for its reply.
    pub fn ask(&mut self, request: Request) -> Result<Reply, ControlError> {
        self.exchange(request, None)
    }

    /// Sends a request with a pidfd and waits for its reply.
    pub fn ask_with_pidfd(&mut self, request: Request, pidfd: BorrowedFd<'_>) -> Result<Reply, ControlError> {
        self.exchange(request, Some(pidfd))
    }

    fn exchange(&mut self, request: Request, pidfd: Option<BorrowedFd<'_>>) -> Result<Reply, ControlError> {
        let patience = match &request {
            Request::Wait(wait) => {
                ANSWER_LIMIT.saturating_add(Duration::from_millis(u64::from(wait.milliseconds)))
            }
            _other => ANSWER_LIMIT,
        };
        let line = encode(&Ask { version: VERSION, request })?;
        let sent = match pidfd {
            Some(pidfd) => self.send_with(&line, pidfd)?,
            None => 0,
        };
        self.stream.write_all(line.get(sent..).unwrap_or_default()).map_err(failed)?;
        self.stream.set_read_timeout(Some(patience)).map_err(ControlError::Socket)?;
        decode_reply(&self.line()?)
    }

    /// Sends the line's beginning with the descriptor; returns how many bytes went.
    fn send_with(&self, line: &[u8], pidfd: BorrowedFd<'_>) -> Result<usize, ControlError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [pidfd];
        if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(ControlError::Form("a descriptor does not fit its message".to_owned()));
        }
        rustix::net::sendmsg(&self.stream, &[IoSlice::new(line)], &mut control, SendFlags::NOSIGNAL)
            .map_err(|error| failed(error.into()))
    }

    /// One line of the daemon's, without its newline.
    fn line(&mut self) -> Result<Vec<u8>, ControlError> {
        let mut line = Vec::new();
        let mut chunk = [0_u8; 4096];
        loop {
            let count = self.stream.read(&mut chunk).map_err(failed)?;
            line.extend_from_slice(chunk.get(..count).unwrap_or_default());
            if line.ends_with(b"\n") {
                line.pop();
                return Ok(line);
            }
            if count == 0 {
                return Err(ControlError::Closed);
            }
            if line.len() > MAX_LINE {
                return Err(ControlError::TooLong);
            }
        }
    }
}

fn failed(error: std::io::Error) -> ControlError {
    match error.kind() {
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => ControlError::TimedOut,
        std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset => ControlError::Closed,
        _other => ControlError::Socket(error),
    }
}
