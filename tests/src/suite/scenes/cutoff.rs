//! What a session has open when its authority ends: a file, a mapped page and a socket obey too.

use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use rustix::process::Signal;

use super::daemon::whole;
use super::sessions::{folder, wait_for};
use super::{LIMIT, Scene};
use crate::act::holding::LAST;
use crate::house::{Governed, House};
use crate::receipts::{self, Receipt};
use crate::run::run;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[
    Scene { name: "an expired session uses nothing that it has open", play: expired },
    Scene { name: "a session whose refusals are spent uses nothing that it has open", play: spent },
    Scene { name: "a session whose circuit broke for good uses nothing that it has open", play: broken },
    Scene {
        name: "a session whose circuit is open stands still, and goes on after its cooldown",
        play: cooled,
    },
    Scene { name: "a session whose authority is withdrawn uses nothing that it has open", play: withdrawn },
    Scene { name: "a frozen session is shown as such and can be ended", play: ended_while_frozen },
    Scene {
        name: "a frozen session of a killed daemon stands still until the next one ends it",
        play: killed_while_frozen,
    },
];

const SECOND: u64 = 1_000_000_000;
/// How long the act would go on by itself.
const LONG: &str = "100";

/// What is held, and whoever receives what is sent.
struct Held {
    folder: PathBuf,
    address: String,
    over: Arc<AtomicBool>,
    received: JoinHandle<Vec<u64>>,
}

/// The times at which what was held was used.
struct Uses {
    written: Vec<u64>,
    sent: Vec<u64>,
    mapped: u64,
}

impl Held {
    fn new(around: &Surroundings, name: &str) -> Result<Self> {
        let folder = folder(around, name)?;
        fs::write(folder.join("file"), "")?;
        fs::write(folder.join("page"), [0; 4096])?;
        Ok(Self { folder, ..Self::receiving()? })
    }

    /// A receiver that takes what is sent as it comes, so that nothing is dropped.
    fn receiving() -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let address = socket.local_addr()?.to_string();
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let received = thread::spawn(move || {
            let mut times = Vec::new();
            let mut time = [0; 8];
            loop {
                match socket.recv(&mut time) {
                    Ok(8) => times.push(u64::from_le_bytes(time)),
                    Ok(_) => {}
                    Err(_) if stop.load(Ordering::SeqCst) => return times,
                    Err(_) => {}
                }
            }
        });
        Ok(Self { folder: PathBuf::new(), address, over, received })
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// The act's words; it tries to open the folder's first file so many times.
    fn act(&self, seconds: &str, tries: usize) -> Vec<String> {
        let words = ["hold".to_owned(), self.path("file"), self.path("page"), self.address.clone()];
        let tries = std::iter::repeat_n(self.path("a"), tries);
        words.into_iter().chain([seconds.to_owned()]).chain(tries).collect()
    }

    /// `gov run` with the act under a delegation that grants what is held and nothing else.
    fn govern(&self, house: &House, around: &Surroundings, terms: &[&str], act: &[String]) -> Command {
        let port = self.address.rsplit(':').next().unwrap_or_default();
        let program = around.act.display();
        let scopes = [
            format!("code:execute:{program}"),
            format!("file:write:{}", self.path("file")),
            format!("file:write:{}", self.path("page")),
            format!("network:loopback:{port}"),
        ];
        let mut command = house.command("gov");
        command.args(["run", "--profile", "base"]).args(terms);
        for scope in scopes {
            command.args(["--scope", &scope]);
        }
        command.arg("--").arg(&around.act).args(act);
        command
    }

    /// Whether the act goes to its end when nobody governs it; what it used in the meantime.
    fn control(around: &Surroundings, name: &str, tries: usize) -> Result<Uses> {
        let held = Self::new(around, name)?;
        let done = run(Command::new(&around.act).args(held.act("3", tries)), LIMIT)?;
        ensure!(done.out.trim() == "held to the end", "ungoverned the act ended with `{}`", done.out.trim());
        held.uses()
    }

    /// The uses of what was held, now that nobody uses it any more.
    fn uses(self) -> Result<Uses> {
        self.over.store(true, Ordering::SeqCst);
        let sent = self.received.join().map_err(|_| anyhow!("the receiver panicked"))?;
        let file = fs::read_to_string(self.folder.join("file"))?;
        let written = file.lines().map(|line| Ok(line.parse()?)).collect::<Result<Vec<u64>>>()?;
        let page = fs::read(self.folder.join("page"))?;
        let mapped = page.chunks(8).nth(LAST).context("the page is not empty")?;
        Ok(Uses { written, sent, mapped: u64::from_le_bytes(mapped.try_into()?) })
    }
}

/// A governed act was cut off for this reason, and used nothing afterwards that it had used before.
fn was_cut_off(governed: &Governed, uses: &Uses, reason: &str) -> Result<()> {
    let done = &governed.done;
    ensure!(done.out.trim().is_empty(), "the act ended with `{}`", done.out.trim());
    ensure!(done.status == 124, "gov run ended with {}: {}", done.status, done.err);
    let cut = governed.receipts.iter().find(|it| it.text("kind") == "cut").context("no `cut` receipt")?;
    ensure!(cut.text("reason") == reason, "it was cut off because `{}`", cut.text("reason"));
    let at: u64 = cut.text("boot").parse()?;
    ensure!(!uses.written.is_empty() && !uses.sent.is_empty(), "nothing was used before it was cut off");
    ensure!(uses.written.iter().all(|time| *time < at), "the file was written to after the cut");
    ensure!(uses.sent.iter().all(|time| *time < at), "something was sent after the cut");
    ensure!(uses.mapped < at, "the mapped page was written to after the cut");
    let close = governed.receipts.last().context("the log is not empty")?;
    ensure!(close.text("ending.reason") == reason, "it ended because `{}`", close.text("ending.reason"));
    Ok(())
}

fn expired(house: &mut House, around: &Surroundings) -> Result<()> {
    let control = Held::control(around, "expired-control", 0)?;
    let begin = control.written.first().context("the control wrote nothing")?;
    ensure!(
        control.written.last().is_some_and(|last| last - begin > 2 * SECOND),
        "the control did not go on"
    );
    let held = Held::new(around, "expired")?;
    let mut command = held.govern(house, around, &["--expires", "5s"], &held.act(LONG, 0));
    let governed = house.govern_command(&mut command, LIMIT)?;
    was_cut_off(&governed, &held.uses()?, "expired")
}

fn spent(house: &mut House, around: &Surroundings) -> Result<()> {
    cut_by(house, around, |suffered| format!("limit:refusals:{}", suffered + 1), "exhausted")
}

fn broken(house: &mut House, around: &Surroundings) -> Result<()> {
    cut_by(house, around, |suffered| format!("limit:breaker:{suffered}:60s:forever"), "circuit-open")
}

/// `limit` suffers so many refusals and is at its end with one more. The act is cut off with the last of its own, and
/// goes to its end where one more is suffered.
fn cut_by(house: &House, around: &Surroundings, limit: fn(usize) -> String, reason: &str) -> Result<()> {
    const TRIES: usize = 3;
    Held::control(around, &format!("{reason}-control"), TRIES)?;
    let unlimited = Held::new(around, &format!("{reason}-unlimited"))?;
    let mut command = unlimited.govern(house, around, &["--expires", "1h"], &unlimited.act("3", TRIES));
    let governed = house.govern_command(&mut command, LIMIT)?;
    let refusals = governed.receipts.iter().filter(|it| it.is_refusal()).count();
    ensure!(refusals >= TRIES, "of {TRIES} tries {refusals} were refused");
    unlimited.uses()?;

    let more = Held::new(around, &format!("{reason}-more"))?;
    let terms = ["--expires", "1h", "--scope", &limit(refusals)];
    let mut command = more.govern(house, around, &terms, &more.act("3", TRIES));
    let governed = house.govern_command(&mut command, LIMIT)?;
    let out = governed.done.out.trim();
    ensure!(out == "held to the end", "with one more suffered it ended with `{out}`: {}", governed.done.err);
    more.uses()?;

    let held = Held::new(around, reason)?;
    let terms = ["--expires", "1h", "--scope", &limit(refusals - 1)];
    let mut command = held.govern(house, around, &terms, &held.act(LONG, TRIES));
    let governed = house.govern_command(&mut command, LIMIT)?;
    was_cut_off(&governed, &held.uses()?, reason)
}

fn cooled(house: &mut House, around: &Surroundings) -> Result<()> {
    let control = longest_pause(&Held::control(around, "cooled-control", 3)?.written);
    ensure!(control < 3 * SECOND / 2, "ungoverned the act paused for {control} ns");
    let held = Held::new(around, "cooled")?;
    let terms = ["--expires", "1h", "--scope", "limit:breaker:2:60s:2s"];
    let mut command = held.govern(house, around, &terms, &held.act("6", 3));
    let governed = house.govern_command(&mut command, LIMIT)?;
    let out = governed.done.out.trim();
    ensure!(out == "held to the end", "the act ended with `{out}`: {}", governed.done.err);
    let uses = held.uses()?;
    for (what, times) in [("file", &uses.written), ("socket", &uses.sent)] {
        let pause = longest_pause(times);
        ensure!(pause > 3 * SECOND / 2, "the longest pause of the {what} was {pause} ns");
    }
    let kinds: Vec<&str> = governed.receipts.iter().map(|it| it.text("kind")).collect();
    let at =
        |kind: &str| kinds.iter().position(|it| *it == kind).with_context(|| format!("no `{kind}` receipt"));
    ensure!(at("break")? < at("resumed")?, "it went on before its circuit broke");
    Ok(())
}

fn longest_pause(times: &[u64]) -> u64 {
    times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
}

fn withdrawn(house: &mut House, around: &Surroundings) -> Result<()> {
    let held = Held::new(around, "withdrawn")?;
    let (mut child, log) = begin(house, around, &held, &["--expires", "1h"], 0)?;
    wait_for(|| Ok((fs::metadata(held.folder.join("file"))?.len() > 0).then_some(())))?;
    let session = log.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let done = house.gov(&["end", "--now", &session])?;
    ensure!(done.status == 0, "gov end ended with {}: {}", done.status, done.err);
    let governed = ended(house, &mut child, log)?;
    was_cut_off(&governed, &held.uses()?, "revoked")
}

fn ended_while_frozen(house: &mut House, around: &Surroundings) -> Result<()> {
    let held = Held::new(around, "ended-while-frozen")?;
    let (mut child, log) = frozen(house, around, &held)?;
    let session = log.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let done = house.gov(&["end", &session])?;
    ensure!(done.status == 0, "gov end ended with {}: {}", done.status, done.err);
    let governed = ended(house, &mut child, log)?;
    ensure!(governed.done.status == 124, "gov run ended with {}", governed.done.status);
    held.uses().map(drop)
}

fn killed_while_frozen(house: &mut House, around: &Surroundings) -> Result<()> {
    let held = Held::new(around, "killed-while-frozen")?;
    let (mut child, log) = frozen(house, around, &held)?;
    house.end(Signal::KILL)?;
    *house = House::open(&around.folder.join("state"))?;
    ensure!(house.gov(&["ps"])?.out.contains("  frozen  "), "gov ps does not say that it is frozen");
    let session = log.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let done = house.gov(&["end", &session])?;
    ensure!(done.status == 0, "gov end ended with {}: {}", done.status, done.err);
    let governed = ended(house, &mut child, log)?;
    ensure!(governed.done.status == 124, "gov run ended with {}", governed.done.status);
    let left: Vec<_> = fs::read_dir(around.cgroups.join("gov"))?
        .filter_map(|entry| Some(entry.ok()?.path()).filter(|path| path.is_dir()))
        .collect();
    ensure!(left.is_empty(), "cgroups stay: {left:?}");
    whole(house, &governed.log)?;
    held.uses().map(drop)
}

/// A session whose circuit is open for an hour, once `gov ps` says so.
fn frozen(house: &House, around: &Surroundings, held: &Held) -> Result<(Child, PathBuf)> {
    let terms = ["--expires", "1h", "--scope", "limit:breaker:0:60s:1h"];
    let (child, log) = begin(house, around, held, &terms, 1)?;
    wait_for(|| Ok(house.gov(&["ps"])?.out.contains("  frozen  ").then_some(())))?;
    Ok((child, log))
}

fn begin(
    house: &House,
    around: &Surroundings,
    held: &Held,
    terms: &[&str],
    tries: usize,
) -> Result<(Child, PathBuf)> {
    let before = house.sessions()?;
    let mut command = held.govern(house, around, terms, &held.act(LONG, tries));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let log = wait_for(|| Ok((&house.sessions()? - &before).pop_first()))?;
    Ok((child, log))
}

/// What a run that was begun has left.
fn ended(house: &House, child: &mut Child, log: PathBuf) -> Result<Governed> {
    let status = wait_for(|| Ok(child.try_wait()?))?;
    let out = std::io::read_to_string(child.stdout.take().context("its output is piped")?)?;
    house.wait_until_closed(&log)?;
    let receipts: Vec<Receipt> = receipts::read(&log)?;
    let done = crate::run::Done { status: status.code().unwrap_or(-1), out, err: String::new() };
    Ok(Governed { done, log, receipts })
}
