//! What a session leaves behind: listed at its end, whoever closes it, and compared with what stands there later.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::daemon::whole;
use super::sessions::{govern, wait_for};
use super::{LIMIT, Scene};
use crate::house::House;
use crate::receipts::{self, Receipt};
use crate::run::run;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[
    Scene { name: "what a session leaves behind is listed with the receipts that touched it", play: listed },
    Scene {
        name: "a daemon that takes a session over lists what it left behind all the same",
        play: recovered,
    },
    Scene { name: "a file that others change while it is hashed is flagged", play: changed_by_others },
];

/// SHA-256 of nothing.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// So long that its hashing takes a while.
const LARGE: u64 = 1 << 30;

/// What the session does in its folder.
const ACTS: &[&[&str]] = &[
    &["create", "@/new"],
    &["append", "@/old"],
    &["chmod", "@/mode"],
    &["create", "@/draft"],
    &["rename", "@/draft", "@/final"],
    &["unlink", "@/dead"],
    &["create", "@/brief"],
    &["unlink", "@/brief"],
    &["mkdir", "@/folder"],
    &["symlink", "/etc/passwd", "@/link"],
];

/// What is listed of it: name, state, what was done there, mode and digest.
/// The digest of a link is that of its target.
const LEFT: &[(&str, &str, &str, &str, &str)] = &[
    ("brief", "gone", "created", "", ""),
    ("dead", "gone", "changed", "", ""),
    ("draft", "gone", "created", "", ""),
    ("final", "file", "created", "0644", NOTHING),
    ("folder", "directory", "created", "0755", ""),
    ("link", "symlink", "created", "", "74acf31844532670be412c65b8251ee55d072549080b1cffdbea6b1a192230a0"),
    ("mode", "file", "metadata", "0777", NOTHING),
    ("new", "file", "created", "0644", NOTHING),
    ("old", "file", "changed", "0644", NOTHING),
];

/// The folder as it is before the session, and the words of the act.
fn prepare(folder: &Path) -> Result<Vec<String>> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    for name in ["old", "mode", "dead"] {
        fs::write(folder.join(name), "")?;
        fs::set_permissions(folder.join(name), Permissions::from_mode(0o644))?;
    }
    let place = folder.display().to_string();
    let mut words = vec!["one-after-another".to_owned()];
    for act in ACTS {
        words.extend(act.iter().map(|word| word.replace('@', &place)));
        words.push(";".to_owned());
    }
    Ok(words)
}

/// The same acts succeed ungoverned.
fn control(around: &Surroundings) -> Result<()> {
    let words = prepare(&around.folder.join("artifacts-control"))?;
    let done = run(Command::new(&around.act).args(words), LIMIT)?;
    ensure!(done.out.trim() == "ok", "ungoverned the acts ended with `{}`", done.out.trim());
    Ok(())
}

fn listed(house: &mut House, around: &Surroundings) -> Result<()> {
    control(around)?;
    let folder = around.folder.join("artifacts");
    let words = prepare(&folder)?;
    let scope = format!("file:write:{}", folder.display());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let governed = house.govern_command(&mut govern(house, around, &[&scope], &words), LIMIT)?;
    ensure!(governed.done.out.trim() == "ok", "the acts ended with `{}`", governed.done.out.trim());
    is_listed(&folder, &governed.receipts)?;
    whole(house, &governed.log)?;

    let log = governed.log.display().to_string();
    let compare = || house.gov(&["audit", &log, "--artifacts", "--all"]);
    let done = compare()?;
    ensure!(done.status == 0, "unchanged, gov audit ended with {}: {}{}", done.status, done.out, done.err);
    fs::write(folder.join("new"), "by another")?;
    fs::remove_file(folder.join("old"))?;
    fs::write(folder.join("dead"), "again")?;
    let done = compare()?;
    ensure!(done.status == 1, "changed, gov audit ended with {}: {}{}", done.status, done.out, done.err);
    for (what, name) in [("changed", "new"), ("gone", "old"), ("appeared", "dead"), ("unchanged", "mode")] {
        let path = folder.join(name).display().to_string();
        let told = done.out.lines().any(|line| line.trim_start().starts_with(what) && line.contains(&path));
        ensure!(told, "gov audit does not say that `{name}` is {what}: {}", done.out);
    }
    let done = house.gov(&["verify", &log])?;
    ensure!(done.status == 0, "what became of the files later is no matter of the log: {}", done.out);
    Ok(())
}

/// The daemon dies when it has let go of the session, before it has looked at its files.
fn recovered(house: &mut House, around: &Surroundings) -> Result<()> {
    let folder = around.folder.join("artifacts-recovered");
    let words = prepare(&folder)?;
    let scope = format!("file:write:{}", folder.display());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    house.end(Signal::KILL)?;
    *house = House::open_to_die(&around.folder.join("state"), "released")?;
    let before = house.sessions()?;
    let mut child = govern(house, around, &[&scope], &words).stdout(Stdio::piped()).spawn()?;
    let log = wait_for(|| Ok((&house.sessions()? - &before).pop_first()))?;
    wait_for(|| Ok(house.is_dead()?.then_some(())))?;
    house.follow()?;
    wait_for(|| Ok(child.try_wait()?))?;
    house.wait_until_closed(&log)?;
    is_listed(&folder, &receipts::read(&log)?)?;
    whole(house, &log)
}

/// Each path is listed once, as it was left, with exactly the receipts that name it.
fn is_listed(folder: &Path, all: &[Receipt]) -> Result<()> {
    let mut files: BTreeMap<String, Receipt> = BTreeMap::new();
    for file in all.iter().filter(|it| it.text("kind") == "artifacts").flat_map(|it| it.parts("files")) {
        let twice = files.insert(file.text("path").to_owned(), file);
        ensure!(twice.is_none(), "listed twice: {twice:?}");
    }
    for (name, state, change, mode, sha256) in LEFT {
        let path = folder.join(name).display().to_string();
        let file = files.get(&path).with_context(|| format!("`{path}` is not listed: {files:?}"))?;
        let found = [file.text("state"), file.text("change"), file.text("mode")];
        ensure!(found == [*state, *change, *mode], "`{name}` is listed as {file:?}");
        ensure!(file.text("sha256") == *sha256, "another digest: {file:?}");
        ensure!(file.parts("changed_by_others").is_empty(), "changed by others: {file:?}");
        let touches = |it: &&Receipt| {
            let named = it.text("object.path") == path || it.text("to.path") == path;
            named && it.text("verdict") == "allow" && it.text("class") == "write"
        };
        let touching: Vec<u64> = all.iter().filter(touches).filter_map(|it| it.number("index")).collect();
        ensure!(
            file.numbers("receipts") == touching,
            "{touching:?} touched it, and it is listed as {file:?}"
        );
        ensure!(file.number("touched") == u64::try_from(touching.len()).ok(), "{file:?}");
    }
    Ok(())
}

/// Somebody who is not governed changes a file again and again from the moment on at which the session is done with it.
fn changed_by_others(house: &mut House, around: &Surroundings) -> Result<()> {
    let folder = around.folder.join("artifacts-changed");
    fs::create_dir_all(&folder)?;
    let (large, kept, done) = (folder.join("large"), folder.join("kept"), folder.join("done"));
    File::create(&large)?.set_len(LARGE)?;
    fs::write(&kept, "")?;
    let scope = format!("file:write:{}", folder.display());
    let [on_large, on_kept, end] = [&large, &kept, &done].map(|path| path.display().to_string());
    let words = ["one-after-another", "append", &on_large, ";", "append", &on_kept, ";", "create", &end];
    let before = house.sessions()?;
    let mut child = govern(house, around, &[&scope], &words).stdout(Stdio::piped()).spawn()?;
    let log = wait_for(|| Ok((&house.sessions()? - &before).pop_first()))?;
    let session = log.file_name().context("a log has a name")?.to_string_lossy().into_owned();
    wait_for(|| Ok(done.exists().then_some(())))?;
    let (mut hashing, mut turns) = (false, 0_u32);
    while child.try_wait()?.is_none() {
        fs::set_permissions(
            &large,
            Permissions::from_mode(if turns.is_multiple_of(2) { 0o600 } else { 0o640 }),
        )?;
        turns += 1;
        if !hashing && turns.is_multiple_of(4) {
            let shown = house.gov(&["ps"])?.out;
            hashing = shown.lines().any(|line| line.contains(&session) && line.contains("hashing"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    ensure!(hashing, "gov ps never showed that the session's files were hashed");
    house.wait_until_closed(&log)?;
    let all = receipts::read(&log)?;
    let files: Vec<Receipt> = all.iter().flat_map(|it| it.parts("files")).collect();
    let of = |path: &Path| files.iter().find(|file| file.text("path") == path.display().to_string());
    let (large, kept) = (of(&large).context("`large` is listed")?, of(&kept).context("`kept` is listed")?);
    ensure!(large.has("changed_by_others", "while-hashed"), "it is not flagged: {large:?}");
    ensure!(large.text("sha256").is_empty(), "it has a digest: {large:?}");
    ensure!(kept.parts("changed_by_others").is_empty() && kept.text("sha256") == NOTHING, "{kept:?}");
    whole(house, &log)
}
