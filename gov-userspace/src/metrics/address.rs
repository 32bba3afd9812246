//! Where metrics may be asked for: a Unix socket, or an address that only this host reaches.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// A place to listen at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Address {
    /// A socket file.
    Unix(PathBuf),
    /// A loopback address and port.
    Loopback(SocketAddr),
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(out),
            Self::Loopback(address) => address.fmt(out),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Ok(Self::Loopback(address)),
            Ok(_) => Err(format!(
                "`{text}` is reached from other hosts: listen at 127.0.0.1 or [::1], or at a Unix socket"
            )),
            Err(_) => Err(format!(
                "`{text}` is neither an absolute path nor an address and port, as in `127.0.0.1:9464`"
            )),
        }
    }
}
