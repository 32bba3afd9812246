//! Acts around another act: done again and again, or by a process that has changed what it is.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::{Outcome, perform as act, raw};

pub(super) fn perform(words: &[&str]) -> Option<Outcome> {
    Some(match words {
        ["after", file, act @ ..] => after(file, act),
        ["until", outcome, act @ ..] => until(outcome, act),
        ["until-refused", most, act @ ..] => until_refused(most, act),
        ["times", count, act @ ..] => times(count, act),
        ["refused-then", most, path, act @ ..] => refused_then(most, path, act),
        ["fork-tree", depth] => fork_tree(depth),
        ["renamed", name, act @ ..] => {
            changed(rustix::thread::set_name(&c_string(name)?).map_err(io::Error::from), act)
        }
        ["in-thread", act @ ..] => in_thread(act),
        ["in-child", act @ ..] => in_child(act),
        ["as-daemon", act @ ..] => in_child(&[&["in-session"][..], act].concat()),
        ["in-session", act @ ..] => changed(raw::tasks::new_session(), &[&["in-child"][..], act].concat()),
        ["in-mounts", act @ ..] => changed(raw::tasks::unshare(libc::CLONE_NEWNS), act),
        ["in-cgroups", act @ ..] => changed(raw::tasks::unshare(libc::CLONE_NEWCGROUP), act),
        ["in-network", act @ ..] => changed(raw::tasks::unshare(libc::CLONE_NEWNET), act),
        ["in-user", act @ ..] => changed(raw::tasks::unshare(libc::CLONE_NEWUSER), act),
        ["as-user", id, act @ ..] => {
            changed(id.parse().map_err(io::Error::other).and_then(raw::tasks::become_user), act)
        }
        _ => return None,
    })
}

fn c_string(text: &str) -> Option<std::ffi::CString> {
    std::ffi::CString::new(text).ok()
}

fn inner(words: &[&str]) -> Outcome {
    act(words).ok_or_else(|| io::Error::other(format!("there is no act `{}`", words.join(" "))))
}

/// Does the act once this process is what it was to become.
fn changed(change: io::Result<()>, act: &[&str]) -> Outcome {
    change.and_then(|()| inner(act))
}

/// Waits until a file exists: looking for a name takes no right.
fn after(file: &str, act: &[&str]) -> Outcome {
    while !Path::new(file).exists() {
        thread::sleep(Duration::from_millis(50));
    }
    inner(act)
}

/// Does the act again and again until it ends so, but not as fast as it can: to flood the ring is another act's.
fn until(outcome: &str, act: &[&str]) -> Outcome {
    while inner(act)? != outcome {
        thread::sleep(Duration::from_millis(2));
    }
    Ok(outcome.to_owned())
}

/// Does the act so often, each time with the turn's number where a word has `#`, whatever comes of it: how often each
/// outcome was, as in `2 EACCES, 8 ok`.
fn times(count: &str, act: &[&str]) -> Outcome {
    let count: u64 = count.parse().map_err(io::Error::other)?;
    let mut outcomes = BTreeMap::<String, u64>::new();
    for turn in 0..count {
        let words: Vec<String> = act.iter().map(|word| word.replace('#', &turn.to_string())).collect();
        *outcomes.entry(inner(&words.iter().map(String::as_str).collect::<Vec<_>>())?).or_default() += 1;
    }
    let outcomes: Vec<String> =
        outcomes.into_iter().map(|(outcome, times)| format!("{times} {outcome}")).collect();
    Ok(outcomes.join(", "))
}

/// Does the act until it does not succeed: `3 ok, then EDQUOT`.
fn until_refused(most: &str, act: &[&str]) -> Outcome {
    let most: u32 = most.parse().map_err(io::Error::other)?;
    for done in 0..most {
        let outcome = inner(act)?;
        if outcome != "ok" {
            return Ok(format!("{done} ok, then {outcome}"));
        }
    }
    Ok(format!("{most} ok"))
}

/// Reads a file so often, however that ends, and does the act then.
fn refused_then(most: &str, path: &str, act: &[&str]) -> Outcome {
    let most: u32 = most.parse().map_err(io::Error::other)?;
    for _ in 0..most {
        // That this is refused is the point.
        let _ = std::fs::read(path);
    }
    inner(act)
}

/// Starts two children that start two children each, and so on.
fn fork_tree(depth: &str) -> Outcome {
    let depth: u32 = depth.parse().map_err(io::Error::other)?;
    let Some(less) = depth.checked_sub(1) else { return Ok("ok".to_owned()) };
    for _ in 0..2 {
        let outcome = in_child(&["fork-tree", &less.to_string()])?;
        if outcome != "ok" {
            return Ok(outcome);
        }
    }
    Ok("ok".to_owned())
}

fn in_thread(act: &[&str]) -> Outcome {
    thread::scope(|scope| scope.spawn(|| inner(act)).join())
        .unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
}

/// Has a child do the act; its outcome comes back through a pipe.
fn in_child(act: &[&str]) -> Outcome {
    let (mut out, into) = io::pipe()?;
    let child = raw::tasks::fork(|| {
        let outcome = inner(act).unwrap_or_else(|error| super::name(&error));
        // What cannot be told is missed by the parent.
        let _ = (&into).write_all(outcome.as_bytes());
    })?;
    drop(into);
    let mut outcome = String::new();
    out.read_to_string(&mut outcome)?;
    raw::tasks::wait(child)?;
    Ok(outcome)
}
