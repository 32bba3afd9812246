//! Acts that do one thing as fast as they can while their ground is changed under them. They judge each outcome
//! themselves, by a page that they share with whoever changes the ground.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::{Outcome, ok, raw};

/// What stands in a file that no session of a race may ever read.
pub const SECRET: &str = "secret";

/// What the processes of a race share.
#[derive(Clone, Copy)]
pub struct Page(&'static [AtomicU64; 512]);

/// What is counted in a [`Page`].
#[derive(Clone, Copy, Debug)]
pub enum Count {
    /// How far the ground is: a multiple of four where nobody is governed, two more where everybody is, and odd
    /// where it is being changed.
    Phase = 0,
    /// Attempts that ran from begin to end while nobody was governed.
    JudgedFree = 1,
    /// Attempts that ran from begin to end while everybody was.
    JudgedGoverned = 2,
    /// Those of the former that were refused.
    WronglyRefused = 3,
    /// Those of the latter that succeeded.
    WronglyGranted = 4,
    /// Processes that have come so far as to wait.
    Ready = 5,
    /// Anything but 0 ends the race.
    Over = 6,
}

impl Page {
    /// The page of this file, which must have 4096 bytes.
    pub fn of(path: &str) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        raw::memory::share(&file).map(Self)
    }

    /// A count as it is now.
    pub fn value(self, count: Count) -> u64 {
        self.0[count as usize].load(Ordering::SeqCst)
    }

    /// Sets a count.
    pub fn set(self, count: Count, value: u64) {
        self.0[count as usize].store(value, Ordering::SeqCst);
    }

    fn add(self, count: Count) {
        self.0[count as usize].fetch_add(1, Ordering::SeqCst);
    }

    /// Opens the secret once. The outcome is judged only if the phase was the same before and after.
    fn attempt(self, secret: &str) {
        let before = self.value(Count::Phase);
        let refused = File::open(secret).is_err();
        if self.value(Count::Phase) != before {
            return;
        }
        match (before % 4, refused) {
            (0, _) => self.add(Count::JudgedFree),
            (2, _) => self.add(Count::JudgedGoverned),
            _being_changed => {}
        }
        match (before % 4, refused) {
            (0, true) => self.add(Count::WronglyRefused),
            (2, false) => self.add(Count::WronglyGranted),
            _right => {}
        }
    }

    fn is_over(self) -> bool {
        self.value(Count::Over) != 0
    }
}

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match *words {
        ["race-read", count, ref paths @ ..] => race_read(count, paths),
        ["race-fork", page, secret] => race_fork(page, secret),
        ["race-watch", page, secret] => race_watch(page, secret),
        ["race-exec", page, secret, program] => race_exec(page, secret, program),
        ["race-armed", page, secret] => ok(Page::of(page).map(|page| race_armed(page, secret))),
        ["race-die", page, secret] => race_die(page, secret),
        _ => return None,
    })
}

/// Reads each path again and again: `READ SECRET REFUSED ABSENT`, how often each was the outcome. What was read
/// counts as secret by what stands in it, not by its name.
fn race_read(count: &str, paths: &[&str]) -> Outcome {
    let count: u64 = count.parse().map_err(io::Error::other)?;
    let (mut read, mut secret, mut refused, mut absent) = (0_u64, 0_u64, 0_u64, 0_u64);
    for _ in 0..count {
        for path in paths {
            match fs::read_to_string(path) {
                Ok(text) if text == SECRET => secret += 1,
                Ok(_) => read += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => absent += 1,
                Err(error) if error.raw_os_error() == Some(libc::EACCES) => refused += 1,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(format!("{read} {secret} {refused} {absent}"))
}

/// Starts one child after the other; each tries once, and so does its parent.
fn race_fork(page: &str, secret: &str) -> Outcome {
    let page = Page::of(page)?;
    page.add(Count::Ready);
    while !page.is_over() {
        let child = raw::tasks::fork(|| page.attempt(secret))?;
        page.attempt(secret);
        raw::tasks::wait(child)?;
    }
    Ok("ok".to_owned())
}

/// Tries on and on, and executes nothing.
fn race_watch(page: &str, secret: &str) -> Outcome {
    let page = Page::of(page)?;
    page.add(Count::Ready);
    while !page.is_over() {
        page.attempt(secret);
        thread::yield_now();
    }
    Ok("ok".to_owned())
}

/// Waits for the ground to change, and executes a program then.
fn race_exec(name: &str, secret: &str, program: &str) -> Outcome {
    let page = Page::of(name)?;
    let now = page.value(Count::Phase);
    page.add(Count::Ready);
    while page.value(Count::Phase) == now {
        thread::yield_now();
    }
    Err(Command::new(program).args(["race-armed", name, secret]).exec())
}

/// After that execution everybody is governed, whoever was the first.
fn race_armed(page: Page, secret: &str) {
    let phase = page.value(Count::Phase);
    if phase % 4 == 1 {
        page.0[Count::Phase as usize].fetch_max(phase + 1, Ordering::SeqCst);
    }
    page.attempt(secret);
}

/// Four processes that try on and on until they are killed.
fn race_die(page: &str, secret: &str) -> Outcome {
    let page = Page::of(page)?;
    let forever = || -> ! {
        page.add(Count::Ready);
        loop {
            page.attempt(secret);
        }
    };
    for _ in 0..3 {
        raw::tasks::fork(|| forever())?;
    }
    forever()
}
