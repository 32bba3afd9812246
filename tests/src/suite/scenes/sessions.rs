//! Sessions over time: they expire, are ended, and are not left through the daemon.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::Scene;
use super::daemon::{outcome_without_waiting, waiting};
use crate::act::holding::elements;
use crate::house::House;
use crate::receipts;
use crate::run::run;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[
    Scene { name: "a delegation that ends in mid-run refuses from then on", play: expires },
    Scene { name: "a session that is ended ends its command", play: ended },
    Scene { name: "a governed task gets no other session from the daemon", play: no_way_out },
    Scene {
        name: "sessions with the same scopes share them in the kernel, and not their temporary folders",
        play: shared,
    },
];

/// A folder with one file, for a scene.
pub(super) fn folder(around: &Surroundings, name: &str) -> Result<PathBuf> {
    let folder = around.folder.join(name);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("a"), "as it was")?;
    Ok(folder)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// `gov run` with the scopes given and the program that acts.
pub(super) fn govern(house: &House, around: &Surroundings, scopes: &[&str], act: &[&str]) -> Command {
    let mut command = house.command("gov");
    command.arg("run").args(around.authority(scopes.iter().copied())).arg("--").arg(&around.act).args(act);
    command
}

/// With the daemon stopped, it is the kernel alone that refuses; the daemon that goes on ends the session.
fn expires(house: &mut House, around: &Surroundings) -> Result<()> {
    let file = text(&folder(around, "expires")?.join("a"));
    let act = text(&around.act);
    let before = house.sessions()?;
    let mut command = house.command("gov");
    command.args(["run", "--profile", "base", "--expires", "5s"]);
    for scope in [format!("code:execute:{act}"), format!("file:read:{file}")] {
        command.args(["--scope", &scope]);
    }
    command.args(["--", &act, "read-until-refused", &file, "60"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let log = wait_for(|| Ok((&house.sessions()? - &before).pop_first()))?;
    wait_for(|| Ok(receipts::read(&log)?.iter().any(|it| it.text("kind") == "executed").then_some(())))?;
    let daemon = Pid::from_raw(house.pid()).context("the daemon has a process id")?;
    kill_process(daemon, Signal::STOP)?;
    let out = outcome_without_waiting(&mut child);
    kill_process(daemon, Signal::CONT)?;
    let out = out?;
    ensure!(out == "ok then EKEYEXPIRED", "the act ended with `{out}`");
    child.wait()?;
    house.wait_until_closed(&log)?;
    let refused = receipts::read(&log)?.iter().any(|it| it.says("file.read", &file, "expired"));
    ensure!(refused, "no receipt says that the read was refused because the delegation had expired");
    Ok(())
}

fn ended(house: &mut House, around: &Surroundings) -> Result<()> {
    let file = text(&folder(around, "ended")?.join("a"));
    let before = house.sessions()?;
    let scope = format!("file:read:{file}");
    let mut child = govern(house, around, &[&scope], &["read-until-refused", &file, "600"])
        .stdout(Stdio::null())
        .spawn()?;
    let log = wait_for(|| Ok((&house.sessions()? - &before).pop_first()))?;
    wait_for(|| Ok(receipts::read(&log)?.iter().any(|it| it.text("kind") == "executed").then_some(())))?;
    let session = log.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let done = house.gov(&["end", &session])?;
    ensure!(done.status == 0, "gov end ended with {}: {}", done.status, done.err);
    let status = wait_for(|| Ok(child.try_wait()?))?;
    ensure!(status.code() == Some(124), "gov run ended with {status}");
    house.wait_until_closed(&log)
}

/// The wider session would be granted to anyone outside: the control shows it.
fn no_way_out(house: &mut House, around: &Surroundings) -> Result<()> {
    let file = text(&folder(around, "no-way-out")?.join("a"));
    let act = text(&around.act);
    let gov = which("gov")?;
    let inner = ["run", "--profile", "base", "--expires", "1h", "--scope"];
    let scopes = [format!("file:read:{file}"), format!("code:execute:{act}")];
    let words = |command: &mut Command| {
        command
            .args(inner)
            .arg(&scopes[0])
            .args(["--scope", &scopes[1]])
            .arg("--")
            .args([&act, "read", &file]);
    };
    let mut control = house.command("gov");
    words(&mut control);
    let done = run(&mut control, Duration::from_secs(120))?;
    ensure!(done.out.trim() == "ok", "ungoverned, the session must be had: {}{}", done.out, done.err);

    let execute = format!("code:execute:{}", text(&gov));
    let mut command = house.command("gov");
    command.arg("run").args(["--profile", "base", "--expires", "1h", "--scope", &execute]);
    command.args(["--scope", "file:read:/var/lib/gov", "--scope", "file:read:/root", "--"]).arg(&gov);
    words(&mut command);
    let done = run(&mut command, Duration::from_secs(120))?;
    ensure!(done.out.trim() != "ok", "a governed task read `{file}` in a session that it asked for itself");
    Ok(())
}

/// Both read through one link, which leads into the first one's folder.
fn shared(house: &mut House, around: &Surroundings) -> Result<()> {
    let folder = folder(around, "shared")?;
    let (go, other_go, link) = (folder.join("go"), folder.join("other-go"), folder.join("link"));
    let scope = format!("file:read:{}", text(&folder));
    let act = |go: &Path| ["after".to_owned(), text(go), "read".to_owned(), text(&link)];
    let before = elements("EDGES")?;
    let (first, log) = waiting(house, around, &scope, &act(&go).each_ref().map(String::as_str))?;
    let alone = elements("EDGES")?;
    let (second, _) = waiting(house, around, &scope, &act(&other_go).each_ref().map(String::as_str))?;
    let both = elements("EDGES")?;
    ensure!(alone > before && both == alone + 1, "{before} steps stood, then {alone}, then {both}");
    let own = around.folder.join("state/tmp").join(log.file_name().context("a log has a name")?);
    fs::write(own.join("a"), "as it was")?;
    std::os::unix::fs::symlink(own.join("a"), &link)?;
    // The second one first: with the first one goes its folder.
    for (child, go, wanted) in [(second, other_go, "EACCES"), (first, go, "ok")] {
        fs::write(&go, "")?;
        let out = child.wait_with_output()?;
        let out = String::from_utf8_lossy(&out.stdout).trim().to_owned();
        ensure!(out == wanted, "the first one's file is read with `{out}` instead of `{wanted}`");
    }
    wait_for(|| Ok((elements("EDGES")? == before).then_some(())))
}

/// The file that a command's name stands for.
pub(super) fn which(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").context("there is a PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("`{name}` is not on the path"))
}

/// Asks again and again until there is an answer.
pub(super) fn wait_for<T>(mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        thread::sleep(Duration::from_millis(50));
    }
    bail!("waited 60 s in vain")
}
