//! The acts that the suite tries, first ungoverned and then governed: each does one thing to the system as an
//! attacker's program would, and says how the kernel answered.
//!
//! An outcome is one word or a few: `ok`, the name of an errno, or `exit N` for an act that is another program.

mod execute;
mod files;
mod ground;
mod network;
mod raw;
pub mod storms;

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

/// How an act ended.
pub type Outcome = io::Result<String>;

/// Does the act that the words name and returns its outcome; `None` if there is no such act.
///
/// `after FILE ACT…` waits until the file exists, then does the act: looking for a name takes no right. `until OUTCOME
/// ACT…` does the act again and again until it ends so.
pub fn perform(words: &[&str]) -> Option<String> {
    if let ["after", file, act @ ..] = words {
        while !Path::new(file).exists() {
            thread::sleep(Duration::from_millis(50));
        }
        return perform(act);
    }
    if let ["until", outcome, act @ ..] = words {
        while perform(act)? != *outcome {}
        return Some((*outcome).to_owned());
    }
    let outcome = files::perform(words)
        .or_else(|| execute::perform(words))
        .or_else(|| network::perform(words))
        .or_else(|| ground::perform(words))
        .or_else(|| storms::perform(words))?;
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
