//! The acts that the suite tries, first ungoverned and then governed: each does one thing to the system as an
//! attacker's program would, and says how the kernel answered.
//!
//! An outcome is one word or a few: `ok`, the name of an errno, or `exit N` for an act that is another program. An act
//! may begin with how it is done: `until-refused 5 read /a`, `in-thread read /a`, `as-user 65534 exec /bin/true`.

mod copy;
mod execute;
pub mod files;
mod ground;
pub mod holding;
mod local;
mod look;
mod mounts;
mod network;
pub mod outsider;
pub mod privilege;
mod raw;
mod requests;
pub mod storms;
mod terminal;
mod uring;
mod wrap;

use std::io;

use rustix::io::Errno;

/// How an act ended.
pub type Outcome = io::Result<String>;

/// Does the act that the words name, if it is one of its own.
type Theme = fn(&[&str]) -> Option<Outcome>;

/// The acts by what they try; the first that knows the words does it.
const THEMES: [Theme; 14] = [
    files::perform,
    look::perform,
    copy::perform,
    execute::perform,
    network::perform,
    local::perform,
    uring::perform,
    mounts::perform,
    ground::perform,
    privilege::perform,
    requests::perform,
    terminal::perform,
    storms::perform,
    holding::perform,
];

/// Does the act that the words name and returns its outcome; `None` if there is no such act.
pub fn perform(words: &[&str]) -> Option<String> {
    let outcome = wrap::perform(words).or_else(|| THEMES.iter().find_map(|theme| theme(words)))?;
    Some(outcome.unwrap_or_else(|error| name(&error)))
}

/// What an act answers that only had to succeed.
fn ok<T>(result: io::Result<T>) -> Outcome {
    result.map(|_| "ok".to_owned())
}

/// The name of the errno in an error.
fn name(error: &io::Error) -> String {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::ACCESS) => "EACCES".to_owned(),
        Some(Errno::PERM) => "EPERM".to_owned(),
        Some(Errno::AGAIN) => "EAGAIN".to_owned(),
        Some(Errno::DQUOT) => "EDQUOT".to_owned(),
        Some(Errno::KEYEXPIRED) => "EKEYEXPIRED".to_owned(),
        Some(Errno::KEYREVOKED) => "EKEYREVOKED".to_owned(),
        Some(Errno::NOENT) => "ENOENT".to_owned(),
        Some(Errno::CONNREFUSED) => "ECONNREFUSED".to_owned(),
        Some(other) => format!("errno {}", other.raw_os_error()),
        None => error.to_string(),
    }
}
