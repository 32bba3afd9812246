//! What the engine answers: the daemon's status, and refusals that say what, why and what to do.

use std::fmt::Display;

use super::ground::Ground;
use crate::control::message::{Refusal, Reply, Status};

/// Exit statuses that refusals carry (docs/exit-codes.md).
pub(super) mod code {
    /// A value cannot be used.
    pub(in crate::daemon) const USAGE: u8 = 2;
    /// The authority is refused.
    pub(in crate::daemon) const AUTHORITY: u8 = 122;
    /// This host cannot enforce.
    pub(in crate::daemon) const CANNOT_ENFORCE: u8 = 123;
    /// The session was ended.
    pub(in crate::daemon) const ENDED: u8 = 124;
    /// Anything else.
    pub(in crate::daemon) const FAILED: u8 = 125;
}

/// A refusal without a remedy of its own; causes are joined by colons.
pub(super) fn refusal(code: u8, what: impl Into<String>, error: &dyn std::error::Error) -> Refusal {
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !why.contains(&text) {
            why = format!("{why}: {text}");
        }
        source = cause.source();
    }
    Refusal { code, what: what.into(), why, remedy: None }
}

/// A refusal with a remedy.
pub(super) fn refusal_with(
    code: u8,
    what: impl Into<String>,
    why: impl Display,
    remedy: impl Display,
) -> Refusal {
    Refusal { code, what: what.into(), why: why.to_string(), remedy: Some(remedy.to_string()) }
}

/// To one who names a session that is not there, or is not theirs: the two are not told apart.
pub(super) fn no_session(name: &str) -> Reply {
    let why = "there is no such session of yours";
    Reply::Refused(refusal_with(
        code::USAGE,
        format!("session `{name}`"),
        why,
        "list them with `gov ps --all`",
    ))
}

/// The daemon and what it enforces.
pub(super) fn status(ground: &Ground, sessions: usize) -> Reply {
    Reply::Status(Status {
        daemon: env!("CARGO_PKG_VERSION").to_owned(),
        enforcement: ground.enforcement.status.to_owned(),
        missing: ground.enforcement.missing.clone(),
        kernel: ground.facts.release.clone(),
        boot_id: ground.boot_id.clone(),
        hooks: ground.hooks.clone(),
        sessions: u32::try_from(sessions).unwrap_or(u32::MAX),
        log_key: ground.keys.current().public().to_string(),
    })
}
