//! Acts on what is open already: a file, a mapped page and a socket, taken while they were granted and used on and on.
//! And one on what somebody else holds.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::UdpSocket;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::{Outcome, raw};

/// How long it is used before anything is tried that may be refused.
const BEFORE: Duration = Duration::from_millis(500);
/// Between two uses.
const PAUSE: Duration = Duration::from_millis(2);

/// What stands in a page at the place where the time of the last use is.
pub const LAST: usize = 0;

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["hold", file, page, address, seconds, ref tries @ ..] => hold(file, page, address, seconds, tries),
        ["empty-map", name] => empty(name),
        _ => return None,
    })
}

/// How many elements one of the kernel's maps has.
pub fn elements(map: &str) -> io::Result<usize> {
    raw::maps::count(map)
}

/// Takes every element out of one of the kernel's maps, as root may who is not governed.
fn empty(name: &str) -> Outcome {
    match raw::maps::empty(name)? {
        0 => Err(io::Error::other("the map was empty")),
        _some => Ok("ok".to_owned()),
    }
}

/// Writes the time of the boot clock to each of the three, again and again for so many seconds, whoever asks it to end.
/// `tries` are files that it tries to open meanwhile.
fn hold(file: &str, page: &str, address: &str, seconds: &str, tries: &[&str]) -> Outcome {
    raw::tasks::stay_when_asked_to_end()?;
    let mut file = OpenOptions::new().append(true).open(file)?;
    let page = raw::memory::share(&OpenOptions::new().read(true).write(true).open(page)?)?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(address)?;
    let begin = Instant::now();
    let end = begin + Duration::from_secs(seconds.parse().map_err(io::Error::other)?);
    let mut tries = tries.iter();
    while Instant::now() < end {
        let now = boot_ns();
        page[LAST].store(now, Ordering::SeqCst);
        file.write_all(format!("{now}\n").as_bytes())?;
        // Nobody need listen any more.
        let _sent = socket.send(&now.to_le_bytes());
        if begin.elapsed() > BEFORE
            && let Some(path) = tries.next()
        {
            let _refused = File::open(path);
        }
        thread::sleep(PAUSE);
    }
    Ok("held to the end".to_owned())
}

/// `CLOCK_BOOTTIME` in nanoseconds.
fn boot_ns() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
