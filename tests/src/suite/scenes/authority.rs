//! Authority: what cannot be used is refused in one line, with its documented status, and nothing is begun.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Scene;
use super::sessions::{folder, govern};
use crate::house::House;
use crate::run::{Done, run};
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[
    Scene { name: "input that cannot be used is refused before anything begins", play: bad_input },
    Scene { name: "a delegation is taken from a file, and in no changed form", play: from_file },
    Scene { name: "a key that nobody trusts delegates nothing", play: untrusted },
];

/// Scopes and options of `gov run` that cannot be used, each as its words.
fn unusable() -> Vec<Vec<String>> {
    let scope = |scope: &str| vec!["--scope".to_owned(), scope.to_owned()];
    let with = |words: &[&str]| {
        [&["--scope", "file:read:/srv"], words].concat().iter().map(|it| (*it).to_owned()).collect()
    };
    vec![
        scope("file:fly:/srv"),
        scope("fire:read:/srv"),
        scope("file:read"),
        scope("file:read:srv"),
        scope("file:read:/srv/../etc"),
        scope("file:read:/srv//a"),
        scope("file:read:/srv/./a"),
        scope("file:read:/srv\nfile:write:/"),
        scope(&format!("file:read:/{}", "a".repeat(256))),
        scope(&format!("file:read:{}", "/abcdefg".repeat(513))),
        scope("network:connect:not an address"),
        scope("network:connect:example.org"),
        scope("capability:CAP_EVERYTHING"),
        scope("limit:execs:-1"),
        with(&["--spend-limit", "150"]),
        with(&["--spend-limit", "-1usd"]),
        with(&["--expires", "soon"]),
        with(&["--expires", "0s"]),
        with(&["--max-depth", "-1"]),
        with(&["--profile", "no-such-profile"]),
    ]
}

fn bad_input(house: &mut House, _around: &Surroundings) -> Result<()> {
    for words in unusable() {
        let before = house.sessions()?;
        let mut command = house.command("gov");
        command.arg("run").args(["--profile", "base"]).args(&words).args([
            "--",
            "/usr/bin/touch",
            "/srv/began",
        ]);
        let done = run(&mut command, Duration::from_secs(60))?;
        ensure!(done.status == 2, "{words:?} ended with {}: {}", done.status, done.err);
        ensure!(!done.err.trim().is_empty(), "{words:?} is refused without a word");
        ensure!(!fs::exists("/srv/began")?, "{words:?} is refused and yet the command ran");
        ensure!(house.sessions()? == before, "{words:?} is refused and yet a session was made");
    }
    Ok(())
}

/// Runs `gov-act read FILE` under a delegation file.
fn with_file(house: &House, around: &Surroundings, delegation: &str, file: &str) -> Result<Done> {
    let mut command = house.command("gov");
    command.args(["run", "--delegation", delegation, "--"]).arg(&around.act).args(["read", file]);
    run(&mut command, Duration::from_secs(60))
}

fn from_file(house: &mut House, around: &Surroundings) -> Result<()> {
    let folder = folder(around, "from-file")?;
    let file = folder.join("a").display().to_string();
    let scope = format!("file:read:{file}");
    let made = house.govern_command(&mut govern(house, around, &[&scope], &["read", &file]), super::LIMIT)?;
    let signed = fs::read_to_string(made.log.join("delegation.json"))?;
    let copy = folder.join("delegation.json").display().to_string();

    fs::write(&copy, &signed)?;
    let done = with_file(house, around, &copy, &file)?;
    ensure!(done.out.trim() == "ok", "as it was signed it must hold: {}{}", done.out, done.err);

    for (name, changed) in forgeries(&signed)? {
        fs::write(&copy, changed)?;
        let before = house.sessions()?;
        let done = with_file(house, around, &copy, &file)?;
        ensure!(
            done.status == 122,
            "with {name}, gov run ended with {}: {}{}",
            done.status,
            done.out,
            done.err
        );
        ensure!(done.err.trim().lines().count() == 1, "with {name}, its complaint is no line: {}", done.err);
        ensure!(house.sessions()? == before, "with {name}, a session was made");
    }
    Ok(())
}

/// The signed text, changed in ways that a verifier must notice.
fn forgeries(signed: &str) -> Result<Vec<(&'static str, String)>> {
    let at = signed.find("\"signature\"").context("a delegation has a signature")?;
    let digit = at + "\"signature\":\"".len();
    let other = if signed.as_bytes().get(digit) == Some(&b'0') { "1" } else { "0" };
    let mut resigned = signed.to_owned();
    resigned.replace_range(digit..=digit, other);
    let first = signed.find('{').context("a delegation is an object")?;
    let mut twice = signed.to_owned();
    twice.insert_str(first + 1, "\"signature\":\"00\",");
    let wider = signed.replacen("from-file", "from-life", 1);
    ensure!(wider != signed, "the delegation does not name the granted folder as its scope does");
    Ok(vec![
        ("another signature", resigned),
        ("another scope", wider),
        ("a member that stands twice", twice),
        ("its tail gone", signed[..signed.len() / 2].to_owned()),
        ("nothing in it", String::new()),
    ])
}

fn untrusted(house: &mut House, around: &Surroundings) -> Result<()> {
    let file = folder(around, "untrusted")?.join("a").display().to_string();
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid",
        "1000",
        "--regid",
        "1000",
        "--clear-groups",
        "env",
        "HOME=/home/dev",
        "gov",
        "run",
    ]);
    command.args(around.authority([format!("file:read:{file}").as_str()].into_iter()));
    command.arg("--").arg(&around.act).args(["read", &file]);
    let before = house.sessions()?;
    let done = run(&mut command, Duration::from_secs(60))?;
    ensure!(done.status == 122, "gov run ended with {}: {}{}", done.status, done.out, done.err);
    ensure!(house.sessions()? == before, "a session was made");
    Ok(())
}
