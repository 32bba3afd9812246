//! The suite's rows against the kernel object alone: no daemon, no log, the policy bound by hand and the events
//! read from the ring. What fails here is the kernel's side.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use gov::event::{Event, parse};
use gov::kernel::{BindSpec, Kernel, Ring};
use gov::policy::{Compiled, Found, HostFacts, compile};
use gov::profile::{Library, Variables};
use gov::scope::{CleanPath, Scope};

use crate::suite::row::Row;
use crate::suite::try_row::build;

/// Where the rows are tried.
pub struct Bench {
    pub kernel: Kernel,
    pub ring: Ring,
    /// The root of the cgroup tree.
    pub cgroups: PathBuf,
    pub folder: PathBuf,
    pub stranger: u32,
}

/// Tries a row's act under its scopes and says what is wrong with the outcome.
pub fn try_direct(bench: &mut Bench, row: &Row) -> Result<()> {
    let place = bench.folder.join("row");
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    build(&place, row.given)?;
    let (cgroups, stranger) = (bench.cgroups.display().to_string(), bench.stranger.to_string());
    let fill = |text: &str| {
        text.replace('@', &place.display().to_string()).replace('%', &cgroups).replace('$', &stranger)
    };
    let policy = policy(&fill(row.scopes))?;
    let (outcome, events, state) = governed(bench, &policy, 0, u64::MAX, &fill(row.act))?;
    ensure!(outcome == row.outcome, "it must end with `{}` and ended with `{outcome}`", row.outcome);
    let (action, object, reason) = row.receipt;
    let object = fill(object);
    let told = |event: &Event| {
        let path = event.object.as_ref().map(|object| String::from_utf8_lossy(&object.path).into_owned());
        event.action.name() == action
            && (object == "…" || event.object.is_none() || path.as_deref() == Some(object.as_str()))
            && (reason.is_empty() || event.reason.name() == reason)
    };
    ensure!(
        action.is_empty() || events.iter().any(told),
        "no event says {action} `{object}` {reason}: {}",
        shown(&events)
    );
    accounts_agree(&events, &state)
}

/// The kernel's counters are the events and the counted reads, and nothing else.
pub fn accounts_agree(events: &[Event], state: &gov_common::abi::State) -> Result<()> {
    ensure!(state.lost == 0, "{} events were lost", state.lost);
    ensure!(state.sequence == events.len() as u64, "{} events of {} came", events.len(), state.sequence);
    let decided = events.iter().filter(|event| event.action.is_decision()).count() as u64;
    let counted: u64 = state.granted.iter().chain(&state.refused).sum();
    ensure!(
        counted == decided + state.counted_reads,
        "{counted} decisions were counted, {decided} recorded and {} reads",
        state.counted_reads
    );
    Ok(())
}

/// Events, for a message.
pub fn shown(events: &[Event]) -> String {
    let one = |event: &Event| {
        let object = event.object.as_ref().map(|object| String::from_utf8_lossy(&object.path).into_owned());
        format!("{} `{}` {}", event.action.name(), object.unwrap_or_default(), event.reason.name())
    };
    events.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The policy of some scopes and of what every program needs.
pub fn policy(scopes: &str) -> Result<Compiled> {
    let clean = |path: &str| CleanPath::new(path.as_bytes());
    let variables = Variables { session_tmp: clean("/tmp/gov-direct")?, home: clean("/root")? };
    let mut all = vec!["profile:base".parse::<Scope>()?];
    for scope in scopes.split_whitespace() {
        all.push(scope.parse().with_context(|| format!("scope `{scope}`"))?);
    }
    let expanded = Library::shipped().expand(&all, &variables)?;
    Ok(compile(&expanded, &Host)?)
}

/// Binds a session, has a child do the act in it, and lets it go: the outcome, the events, the final account.
pub fn governed(
    bench: &mut Bench,
    policy: &Compiled,
    flags: u32,
    expires_boot_ns: u64,
    act: &str,
) -> Result<(String, Vec<Event>, gov_common::abi::State)> {
    let cgroup = bench.cgroups.join("gov-direct");
    fs::create_dir_all(&cgroup)?;
    let spec = BindSpec {
        cgroup_id: fs::metadata(&cgroup)?.ino(),
        cgroup_level: 1,
        session_number: 7,
        expires_boot_ns,
        policy,
        flags,
    };
    let slot = bench.kernel.bind(&spec)?;
    let child =
        Command::new(std::env::current_exe()?).arg("--in").arg(&cgroup).args(act.split_whitespace()).output();
    let state = bench.kernel.unbind(slot)?;
    let mut events = Vec::new();
    while let Some(record) = bench.ring.next() {
        events.push(parse(&record)?);
    }
    let child = child?;
    fs::remove_dir(&cgroup)?;
    let outcome = String::from_utf8_lossy(&child.stdout).trim().to_owned();
    ensure!(!outcome.is_empty(), "it printed nothing: {}", String::from_utf8_lossy(&child.stderr).trim());
    Ok((outcome, events, state))
}

/// The child's side of [`governed`]: enters the cgroup and does the act.
pub fn act_in(cgroup: &str, words: &[&str]) -> Result<String> {
    fs::write(Path::new(cgroup).join("cgroup.procs"), std::process::id().to_string())?;
    crate::act::perform(words).context("there is no such act")
}

/// The machine that the suite runs in.
struct Host;

impl HostFacts for Host {
    fn look(&self, path: &CleanPath) -> std::io::Result<Found> {
        let path = Path::new(OsStr::from_bytes(path.as_bytes()));
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Found::Nothing);
            }
            Err(error) => return Err(error),
        };
        let kind = metadata.file_type();
        Ok(if kind.is_symlink() {
            Found::Link { target: fs::read_link(path)?.into_os_string().into_vec(), by_root: true }
        } else if kind.is_dir() {
            Found::Directory { only_root: true }
        } else if kind.is_file() {
            Found::File
        } else {
            Found::Other
        })
    }

    fn addresses(&self) -> Vec<IpAddr> {
        vec![Ipv4Addr::LOCALHOST.into()]
    }
}
