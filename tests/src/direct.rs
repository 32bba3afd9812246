//! The suite's rows against the kernel object alone: no daemon, no log, the policy bound by hand and the events
//! read from the ring. What fails here is the kernel's side.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use gov::event::{Event, parse};
use gov::kernel::{BindSpec, Kernel, Ring};
use gov::policy::{Compiled, Found, Grants, HostFacts, compile};
use gov::profile::{Library, Variables};
use gov::scope::{CleanPath, Scope, capability_scope};
use gov_common::doors::Door;
use gov_common::event::Action;

use crate::outside::tidy;
use crate::suite::row::Row;
use crate::suite::try_row::build;

/// Where the rows are tried.
pub struct Bench {
    pub kernel: Kernel,
    pub ring: Ring,
    /// The root of the cgroup tree.
    pub cgroups: PathBuf,
    pub folder: PathBuf,
    /// Where `gov-act` is.
    pub act: PathBuf,
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
    let act = bench.act.display().to_string();
    let policy = policy(&format!("code:execute:{act} {}", fill(row.scopes)))?;
    let words = format!("{act} {}", fill(row.act));
    let (outcome, events, state) = bound(bench, &policy, 0, u64::MAX, ("--into", &words))?;
    tidy(&bench.cgroups)?;
    ensure!(
        outcome == row.outcome,
        "it must end with `{}` and ended with `{outcome}`: {}",
        row.outcome,
        shown(&events)
    );
    let (action, object, reason) = row.receipt;
    let object = fill(object);
    let told = |event: &Event| {
        let same = match object.strip_prefix('…') {
            Some(end) => object_of(event).ends_with(end),
            None => object_of(event) == object,
        };
        event.action.name() == action && same && (reason.is_empty() || event.reason.name() == reason)
    };
    ensure!(
        action.is_empty() || events.iter().any(told),
        "no event says {action} `{object}` {reason}: {}",
        shown(&events)
    );
    accounts_agree(&events, &state)
}

/// What was acted on, as a receipt shows it: an address with its port, a path, a capability or the door's scope.
fn object_of(event: &Event) -> String {
    if let Some(ip) = event.address.and_then(|address| address.ip) {
        return SocketAddr::new(ip, event.address.map_or(0, |address| address.port)).to_string();
    }
    if let Some(object) = &event.object {
        return String::from_utf8_lossy(&object.path).into_owned();
    }
    if event.action == Action::Capability {
        return capability_scope(event.detail);
    }
    let door = usize::try_from(event.detail).ok().and_then(|number| Door::ALL.get(number));
    door.and_then(|door| door.scope()).unwrap_or_default().to_owned()
}

/// The kernel's counters are the events and what it counted instead, and nothing else.
pub fn accounts_agree(events: &[Event], state: &gov_common::abi::State) -> Result<()> {
    ensure!(state.lost == 0, "{} events were lost", state.lost);
    ensure!(state.sequence == events.len() as u64, "{} events of {} came", events.len(), state.sequence);
    let decided = events.iter().filter(|event| event.action.is_decision()).count() as u64;
    let counted: u64 = state.granted.iter().chain(&state.refused).sum();
    ensure!(
        counted == decided + state.counted_reads + state.counted_refusals,
        "{counted} decisions were counted, {decided} recorded, {} reads and {} refusals",
        state.counted_reads,
        state.counted_refusals
    );
    Ok(())
}

/// Events, for a message.
pub fn shown(events: &[Event]) -> String {
    let one =
        |event: &Event| format!("{} `{}` {}", event.action.name(), object_of(event), event.reason.name());
    events.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The policy of some scopes and of what every program needs.
pub fn policy(scopes: &str) -> Result<Compiled> {
    policy_in(Path::new("/tmp/gov-direct"), scopes)
}

/// The same for a session with this folder of its own.
pub fn policy_in(folder: &Path, scopes: &str) -> Result<Compiled> {
    let session_tmp = CleanPath::new(folder.as_os_str().as_bytes())?;
    let variables = Variables { session_tmp, home: CleanPath::new(b"/root")? };
    let mut all = vec!["profile:base".parse::<Scope>()?];
    for scope in scopes.split_whitespace() {
        all.push(scope.parse().with_context(|| format!("scope `{scope}`"))?);
    }
    let expanded = Library::shipped().expand(&all, &variables)?;
    Ok(compile(Grants::from(&expanded).in_own(&variables.session_tmp), &Host)?)
}

/// Binds a session, has a child do the act in it, and lets it go: the outcome, the events, the final account.
pub fn governed(
    bench: &mut Bench,
    policy: &Compiled,
    flags: u32,
    expires_boot_ns: u64,
    act: &str,
) -> Result<(String, Vec<Event>, gov_common::abi::State)> {
    bound(bench, policy, flags, expires_boot_ns, ("--in", act))
}

/// As [`governed`], with how the child is to do what follows: `--in` by itself, `--into` by executing that.
fn bound(
    bench: &mut Bench,
    policy: &Compiled,
    flags: u32,
    expires_boot_ns: u64,
    (how, words): (&str, &str),
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
    let mut command = Command::new(std::env::current_exe()?);
    let child = command.arg(how).arg(&cgroup).args(words.split_whitespace()).output();
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
    enter(cgroup)?;
    crate::act::perform(words).context("there is no such act")
}

/// Enters a cgroup.
pub fn enter(cgroup: &str) -> Result<()> {
    Ok(fs::write(Path::new(cgroup).join("cgroup.procs"), std::process::id().to_string())?)
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
