//! The control protocol between `gov` and `govd`: what may be asked over the socket, and what is answered.
//!
//! One request is one line of JSON, and one reply is one line; docs/control-protocol.md is the specification.
//! Unknown members are errors on both sides, so a misunderstanding is never silent.

pub mod client;
pub mod message;

use serde::{Deserialize, Serialize};

use message::{Answer, Ask, Reply, Request};

/// The protocol that this version speaks. A request with another number is refused.
pub const VERSION: u32 = 1;
/// The longest request or reply in bytes, its newline included.
pub const MAX_LINE: usize = 1 << 20;
/// The longest delegation in bytes.
pub const MAX_DELEGATION: usize = 256 << 10;
/// The most arguments that a start names, and the most bytes of one.
pub const MAX_ARGUMENTS: usize = 4096;

/// Why a line could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens on the socket.
    #[error("no daemon listens on `{path}`")]
    NotRunning {
        /// The socket.
        path: std::path::PathBuf,
        /// What connecting said.
        source: std::io::Error,
    },
    /// The socket may not be used by this user.
    #[error("`{path}` may not be opened by this user")]
    NotAllowed {
        /// The socket.
        path: std::path::PathBuf,
    },
    /// The other side closed the connection before its line was whole.
    #[error("the connection was closed")]
    Closed,
    /// The other side took too long.
    #[error("no answer came in time")]
    TimedOut,
    /// A line is longer than [`MAX_LINE`].
    #[error("a line is longer than {MAX_LINE} bytes")]
    TooLong,
    /// The line is not of the protocol.
    #[error("the line is not of the control protocol: {0}")]
    Form(String),
    /// The other side speaks another version.
    #[error("the other side speaks version {0} of the control protocol, this one {VERSION}")]
    Version(u32),
    /// The socket failed.
    #[error("the control socket failed")]
    Socket(#[source] std::io::Error),
}

/// A line with its newline.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, ControlError> {
    let mut line = serde_json::to_vec(message).map_err(|error| ControlError::Form(error.to_string()))?;
    line.push(b'\n');
    if line.len() > MAX_LINE { Err(ControlError::TooLong) } else { Ok(line) }
}

/// Reads a request from a line without its newline. The version is looked at first, so that a client of another
/// version learns that and not which member is unknown here.
pub fn decode_request(line: &[u8]) -> Result<Request, ControlError> {
    check_version(line)?;
    let ask: Ask = serde_json::from_slice(line).map_err(|error| ControlError::Form(error.to_string()))?;
    Ok(ask.request)
}

/// Reads a reply from a line without its newline.
pub fn decode_reply(line: &[u8]) -> Result<Reply, ControlError> {
    check_version(line)?;
    let answer: Answer =
        serde_json::from_slice(line).map_err(|error| ControlError::Form(error.to_string()))?;
    Ok(answer.reply)
}

fn check_version(line: &[u8]) -> Result<(), ControlError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let Versioned { version } =
        serde_json::from_slice(line).map_err(|error| ControlError::Form(error.to_string()))?;
    if version == VERSION { Ok(()) } else { Err(ControlError::Version(version)) }
}

#[cfg(test)]
mod tests {
    use super::message::{Ask, End, Request};
    use super::{ControlError, VERSION, decode_request, encode};

    #[test]
    fn a_request_survives_its_line() {
        let ask =
            Ask { version: VERSION, request: Request::End(End { session: "demo-1".to_owned(), now: true }) };
        let line = encode(&ask).unwrap();
        assert_eq!(line, b"{\"version\":1,\"request\":{\"end\":{\"session\":\"demo-1\",\"now\":true}}}\n");
        assert!(
            matches!(decode_request(&line).unwrap(), Request::End(end) if end.session == "demo-1" && end.now)
        );
    }

    #[test]
    fn another_version_is_named_before_anything_else_is_judged() {
        let line = br#"{"version":2,"request":{"dance":{}},"more":1}"#;
        assert!(matches!(decode_request(line), Err(ControlError::Version(2))));
    }

    #[test]
    fn what_is_not_of_the_protocol_is_refused() {
        for line in [
            r#"{"version":1,"request":{"end":{"session":"a","force":true}}}"#,
            r#"{"version":1,"request":{"end":{"session":"a","session":"b"}}}"#,
            r#"{"version":1,"request":{"end":{}}}"#,
            r#"{"version":1,"request":{"status":{}},"extra":1}"#,
            r#"{"version":1,"version":1,"request":{"status":{}}}"#,
            r#"{"version":1,"request":{"status":{"x":1}}}"#,
            r#"{"version":1,"request":"status"}"#,
            r#"{"version":1.0,"request":{"status":{}}}"#,
            "",
            "null",
        ] {
            assert!(matches!(decode_request(line.as_bytes()), Err(ControlError::Form(_))), "{line}");
        }
    }
}
