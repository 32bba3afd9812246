//! The daemon's key: no way leads a governed task to it, and another follows it while sessions run.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::daemon::{waiting, whole};
use super::own::{WIDE, try_under};
use super::sessions::{folder, govern, wait_for};
use super::{LIMIT, Scene};
use crate::house::House;
use crate::receipts;
use crate::run::run;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[
    Scene { name: "no way leads the widest scopes of root to the daemon's key", play: out_of_reach },
    Scene { name: "who may look into processes does not look into the daemon", play: not_traced },
    Scene { name: "the key is rotated while sessions run, and the older one vouches for it", play: rotated },
    Scene { name: "a daemon that dies while it rotates its key has the old one or the new one", play: dying },
];

/// Beside the widest scopes: devices by name, opening by handle, hardware.
const WIDER: [&str; 4] =
    ["file:read:/dev", "file:write:/dev", "capability:CAP_DAC_READ_SEARCH", "capability:CAP_SYS_RAWIO"];
/// Where systemd puts what it hands to the daemon.
const CREDENTIAL: &str = "/run/credentials/govd.service/log.key";
/// Asks for a rotation as whoever runs it, and prints the reply.
const ASK: &str = "import socket
s = socket.socket(socket.AF_UNIX)
s.connect('/run/gov/gov.sock')
s.sendall(b'{\"version\":1,\"request\":{\"rotate-log-key\":{}}}\\n')
print(s.recv(65536).decode())";

fn state(around: &Surroundings) -> PathBuf {
    around.folder.join("state")
}

/// Each way is open to who is not governed.
fn out_of_reach(house: &mut House, around: &Surroundings) -> Result<()> {
    let key = state(around).join("keys/log.key").display().to_string();
    fs::create_dir_all(Path::new(CREDENTIAL).parent().context("it lies in a folder")?)?;
    fs::write(CREDENTIAL, "secret")?;
    let disk = disk(&state(around))?;
    let daemon = house.pid().to_string();
    let of_daemon = |name: &str| format!("/proc/{daemon}/{name}");
    let linked = around.folder.join("linked").display().to_string();
    let ways: Vec<Vec<String>> = [
        vec!["read", &key],
        vec!["read-relative", &state(around).display().to_string(), "keys/log.key"],
        vec!["link", &key, &linked],
        vec!["open-by-handle", &key],
        vec!["uring-read", &key],
        vec!["read", CREDENTIAL],
        vec!["open", &disk],
        vec!["open", "/proc/kcore"],
        vec!["read", &of_daemon("environ")],
        vec!["read", &of_daemon("maps")],
        vec!["read-link", &of_daemon("fd/0")],
        vec!["read-link", &of_daemon("cwd")],
        vec!["read", &of_daemon(&format!("root{key}"))],
        vec!["read-memory", &daemon],
        vec!["take-descriptor", &daemon],
        vec!["trace", &daemon],
    ]
    .into_iter()
    .map(|act| act.into_iter().map(str::to_owned).collect())
    .chain(fs::exists("/dev/mem")?.then(|| vec!["open".to_owned(), "/dev/mem".to_owned()]))
    .collect();
    for way in &ways {
        let control = run(Command::new(&around.act).args(way), LIMIT)?;
        ensure!(control.out.trim() == "ok", "ungoverned `{way:?}` ended with `{}`", control.out.trim());
        if fs::exists(&linked)? {
            fs::remove_file(&linked)?;
        }
        let act: Vec<&str> = way.iter().map(String::as_str).collect();
        let (out, receipts) = try_under(house, around, WIDE.iter().chain(&WIDER), &act)?;
        ensure!(matches!(out.as_str(), "EACCES" | "EPERM"), "`{way:?}` ended with `{out}`");
        let told = receipts.iter().any(|it| it.is_refusal() && it.text("reason") == "ground");
        ensure!(told, "no receipt says that `{way:?}` was refused");
    }
    // The scopes are as wide as they say: a device that shows nothing of gov's is open.
    let (out, _) = try_under(house, around, WIDE.iter().chain(&WIDER), &["open", "/dev/zero"])?;
    ensure!(out == "ok", "a granted device was not opened: {out}");
    let limits = fs::read_to_string(of_daemon("limits"))?;
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap_or_default();
    ensure!(cores.split_whitespace().nth(4) == Some("0"), "the daemon may leave a core file: {cores}");
    let status = fs::read_to_string(of_daemon("status"))?;
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap_or_default();
    ensure!(locked.trim() != "0 kB", "the key may be written to swap: {locked}");
    Ok(fs::remove_dir_all("/run/credentials/govd.service")?)
}

/// The disk's device that a folder lies on.
fn disk(folder: &Path) -> Result<String> {
    let device = fs::metadata(folder)?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let listed = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/uevent"))?;
    let name = listed.lines().find_map(|line| line.strip_prefix("DEVNAME=")).context("a disk has a name")?;
    Ok(format!("/dev/{name}"))
}

/// The daemon's memory takes a capability that tracing does not, whoever asks.
fn not_traced(house: &mut House, around: &Surroundings) -> Result<()> {
    let (daemon, stranger) = (house.pid().to_string(), around.stranger.to_string());
    let scopes = ["process:trace", "file:read:/proc"];
    for act in ["trace", "read-memory", "take-descriptor"] {
        let control = run(Command::new(&around.act).args([act, &daemon]), LIMIT)?;
        ensure!(control.out.trim() == "ok", "ungoverned `{act}` ended with `{}`", control.out.trim());
        let (out, _) = try_under(house, around, scopes.iter(), &[act, &stranger])?;
        ensure!(out == "ok", "`{act}` of a stranger is granted and ended with `{out}`");
        let (out, _) = try_under(house, around, scopes.iter(), &[act, &daemon])?;
        ensure!(matches!(out.as_str(), "EACCES" | "EPERM"), "`{act}` of the daemon ended with `{out}`");
    }
    Ok(())
}

/// What `gov keys …` prints.
fn keys(house: &House, words: &[&str]) -> Result<String> {
    let done = house.gov(&[&["keys"], words].concat())?;
    ensure!(done.status == 0, "gov keys {words:?} ended with {}: {}", done.status, done.err);
    Ok(done.out.trim().to_owned())
}

/// The key that a log's start receipt names.
fn signer(log: &Path) -> Result<String> {
    Ok(receipts::read(log)?.first().context("a log has a start")?.text("key").to_owned())
}

/// A governed read, and its log.
fn governed(house: &House, around: &Surroundings) -> Result<PathBuf> {
    let file = folder(around, "keys")?.join("a").display().to_string();
    let mut command = govern(house, around, &[&format!("file:read:{file}")], &["read", &file]);
    let governed = house.govern_command(&mut command, LIMIT)?;
    ensure!(governed.done.out.trim() == "ok", "the read ended with `{}`", governed.done.out.trim());
    Ok(governed.log)
}

fn rotated(house: &mut House, around: &Surroundings) -> Result<()> {
    let go = folder(around, "rotated")?.join("go");
    let scope = format!("file:read:{}", go.display());
    let (mut child, before) =
        waiting(house, around, &scope, &["after", &go.display().to_string(), "stat", "/"])?;
    let old = keys(house, &["export", "--log"])?;
    let refused = run(
        Command::new("setpriv").args([
            "--reuid=1000",
            "--regid=1000",
            "--clear-groups",
            "python3",
            "-c",
            ASK,
        ]),
        LIMIT,
    )?;
    ensure!(refused.out.contains("\"refused\":{\"code\":122"), "a user was answered {}", refused.out);
    ensure!(keys(house, &["export", "--log"])? == old, "a user has the key rotated");

    let new = keys(house, &["rotate", "--log"])?;
    ensure!(new != old && keys(house, &["export", "--log"])? == new, "the key is the old one");
    let kept = state(around).join(format!("keys/retired/{old}.key"));
    ensure!(fs::exists(&kept)?, "the old key is not kept for the session that runs");
    let after = governed(house, around)?;
    ensure!(signer(&after)? == new && signer(&before)? == old, "a session does not have the key of its time");

    house.end(Signal::KILL)?;
    *house = House::open(&state(around))?;
    ensure!(fs::exists(&kept)?, "the next daemon does not keep the old key");
    fs::write(&go, "")?;
    child.wait()?;
    house.wait_until_closed(&before)?;
    whole(house, &before)?;
    wait_for(|| Ok((!fs::exists(&kept)?).then_some(())))?;
    ensure!(house.messages().contains("was overwritten and removed"), "its end is not said");
    whole(house, &after)?;

    let folder = folder(around, "rotated")?;
    let chain = folder.join("chain");
    fs::write(&chain, keys(house, &["export", "--log", "--chain"])? + "\n")?;
    for (log, key, more, status) in [
        (&after, &old, &[][..], 0),
        (&after, &old, &["--chain", &chain.display().to_string()], 0),
        (&after, &new, &[], 0),
        (&before, &old, &[], 0),
        (&before, &new, &[], 1),
    ] {
        let log = log.display().to_string();
        let done = house.gov(&[&["verify", &log, "--key", key], more].concat())?;
        ensure!(
            done.status == status,
            "{log} with {key}: gov verify ended with {}: {}",
            done.status,
            done.out
        );
    }
    Ok(())
}

fn dying(house: &mut House, around: &Surroundings) -> Result<()> {
    for point in ["key-made", "key-kept", "key-named"] {
        let old = keys(house, &["export", "--log"])?;
        house.end(Signal::KILL)?;
        *house = House::open_to_die(&state(around), point)?;
        let done = house.gov(&["keys", "rotate", "--log"])?;
        ensure!(done.status == 121, "at `{point}` gov keys rotate ended with {}: {}", done.status, done.err);
        wait_for(|| Ok(house.is_dead()?.then_some(())))?;
        house.follow()?;
        let now = keys(house, &["export", "--log"])?;
        ensure!((now != old) == (point == "key-named"), "at `{point}` the key went from {old} to {now}");
        let log = governed(house, around)?;
        ensure!(signer(&log)? == now, "at `{point}` another key signs than is said");
        whole(house, &log)?;
        let done = house.gov(&["verify", &log.display().to_string(), "--key", &old])?;
        ensure!(done.status == 0, "at `{point}` gov verify ended with {}: {}", done.status, done.out);
        ensure!(!fs::exists(state(around).join("keys/next.key"))?, "at `{point}` a key is left over");
    }
    Ok(())
}
