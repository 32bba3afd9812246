//! The proof of a capable host: a daemon that enforces, or the programs loaded, attached and tried here.

use super::checks::Check;
use crate::cli::daemon::Socket;
use crate::config::Config;
use crate::control::message::{Reply, Request};
use crate::daemon;

/// The check's name.
pub(super) const NAME: &str = "programs";

/// Asks the daemon; without one, loads the programs as the daemon would, and lets them go again.
pub(super) fn programs(socket: &Socket, root: bool) -> Check {
    match socket.ask(Request::Status {}) {
        Ok(Reply::Status(status)) if status.enforcement == "full" => {
            let hooks = status.hooks.iter().filter(|hook| hook.attached).count();
            Check::good(NAME, format!("the daemon enforces with {hooks} programs"))
        }
        Ok(Reply::Status(status)) => Check::lacking(
            NAME,
            format!(
                "the daemon's enforcement is {}: missing {}",
                status.enforcement,
                status.missing.join(", ")
            ),
            "see its log: `journalctl -u govd`",
        ),
        Ok(_) | Err(_) if root => load(),
        Ok(_) | Err(_) => Check::unknown(
            NAME,
            "only root can load them, and no daemon runs",
            "look again as root: `sudo gov doctor`",
        ),
    }
}

/// Only root comes here. What the kernel refuses, it refuses in one sentence.
fn load() -> Check {
    match Config::read(None).map_err(|error| error.to_string()) {
        Ok(config) => match daemon::check(&config) {
            Ok(words) if words.status == "full" => {
                Check::good(NAME, format!("{} load, attach and do what they must", words.attached))
            }
            Ok(words) => Check::lacking(NAME, words.in_words(), "boot a kernel that has these hooks"),
            Err(error) => Check::lacking(
                NAME,
                sentence(&error.to_string()),
                "mend what is said above; else boot a kernel that gov is tested on: Debian's 6.1, 6.12 or 7.2",
            ),
        },
        Err(error) => Check::unknown(NAME, error, "mend the configuration"),
    }
}

/// The first line of an error, of a length that can be read: the kernel's verifier is talkative, and the daemon's
/// log has all of it.
fn sentence(error: &str) -> String {
    const READABLE: usize = 240;
    let line = error.lines().next().unwrap_or_default();
    match line.char_indices().nth(READABLE) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_talkative_error_is_said_in_one_sentence() {
        assert_eq!(sentence("refused\n0: (61) r1 = 0"), "refused");
        assert_eq!(sentence(&"x".repeat(1_000)).len(), 243);
    }
}
