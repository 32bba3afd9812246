//! The disk that the logs lie on: it turns read-only, it is slow, it fails.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_remount, unmount};
use rustix::process::Signal;

use super::daemon::waiting;
use super::sessions::{folder, govern, wait_for};
use super::{LIMIT, Scene};
use crate::house::House;
use crate::receipts;
use crate::run::run;
use crate::suite::try_row::Surroundings;

pub(super) const SCENES: &[Scene] = &[
    Scene {
        name: "a disk that turns read-only ends what it cannot record, and takes the end when it can",
        play: read_only,
    },
    Scene { name: "a disk that is slow keeps no question waiting", play: slow },
    Scene { name: "a disk that fails ends its sessions, and what was signed on it holds", play: failing },
];

/// What one write, and one flush, takes on the slow disk.
const DELAY: Duration = Duration::from_secs(2);

/// A read-only mount over the daemon's state: what is open can be written, and nothing can be made or replaced.
fn read_only(house: &mut House, around: &Surroundings) -> Result<()> {
    let state = around.folder.join("state");
    let place = folder(around, "read-only")?;
    let (file, go) = (place.join("a").display().to_string(), place.join("go").display().to_string());
    let scope = format!("file:write:{file}");
    let (mut child, log) = waiting(house, around, &scope, &["after", &go, "flood", &file, "1000000"])?;
    let cover = Cover::over(&state)?;
    fs::write(&go, "")?;
    let status = wait_for(|| Ok(child.try_wait()?))?;
    ensure!(status.code() == Some(124), "gov run ended with {status}");
    let next = run(&mut govern(house, around, &[&scope], &["unlink", &file]), LIMIT)?;
    ensure!(next.status != 0 && fs::exists(&file)?, "a command ran whose log could not be made");
    ensure!(next.err.trim().lines().count() == 1, "its complaint is no single line: {}", next.err);
    drop(cover);

    house.wait_until_closed(&log)?;
    let cut = receipts::read(&log)?.iter().any(|it| it.text("kind") == "cut");
    ensure!(cut, "no receipt says that the session was cut off");
    verified(house, &log, &[], 0)?;
    house.end(Signal::TERM)?;
    let cover = Cover::over(&state)?;
    let refused = run(&mut house.command("govd"), LIMIT)?;
    ensure!(refused.status != 0, "a daemon started that cannot record");
    ensure!(refused.err.contains("ead-only"), "it does not say why it does not start: {}", refused.err);
    drop(cover);
    *house = House::open(&state)?;
    Ok(())
}

/// A read-only mount over a folder; dropped, it is gone.
struct Cover(PathBuf);

impl Cover {
    fn over(folder: &Path) -> Result<Self> {
        mount_bind(folder, folder)?;
        let cover = Self(folder.to_owned());
        mount_remount(folder, MountFlags::BIND | MountFlags::RDONLY, c"")?;
        Ok(cover)
    }
}

impl Drop for Cover {
    fn drop(&mut self) {
        if let Err(error) = unmount(&self.0, UnmountFlags::DETACH) {
            eprintln!("`{}` stays read-only: {error}", self.0.display());
        }
    }
}

fn slow(house: &mut House, around: &Surroundings) -> Result<()> {
    on_a_disk(house, around, |house, around, disk| {
        let place = folder(around, "slow")?;
        let (file, go) = (place.join("a").display().to_string(), place.join("go").display().to_string());
        let refused = ["after", &go, "until", "ok", "read", &file];
        let (mut child, log) = waiting(house, around, &format!("file:read:{go}"), &refused)?;
        let usual = longest_answer(house)?;
        disk.delays(DELAY)?;
        fs::write(&go, "")?;
        // As long as two checkpoints take.
        std::thread::sleep(DELAY * 4);
        let longest = longest_answer(house)?;
        let session = log.file_name().context("a log has a name")?.to_string_lossy().into_owned();
        let begun = Instant::now();
        // The closing of its log takes as long as the disk does.
        let ended = house.gov(&["end", "--now", "--no-wait", &session])?;
        let cut = begun.elapsed();
        disk.works()?;
        eprintln!("`gov ps` took {usual:?}, on the slow disk {longest:?}; `gov end --now` took {cut:?}");
        ensure!(longest < usual + DELAY, "`gov ps` took {longest:?} on the slow disk, {usual:?} before");
        ensure!(ended.status == 0, "gov end ended with {}: {}", ended.status, ended.err);
        ensure!(cut < usual + DELAY, "`gov end --now` took {cut:?} on the slow disk");
        wait_for(|| Ok(child.try_wait()?))?;
        house.wait_until_closed(&log)?;
        let told = house.messages().contains("the disk is slow");
        ensure!(told, "nothing says that the disk was slow:\n{}", house.messages());
        verified(house, &log, &[], 0)
    })
}

/// The longest that a few questions waited for their answer.
fn longest_answer(house: &House) -> Result<Duration> {
    let mut longest = Duration::ZERO;
    for _question in 0..5 {
        let begun = Instant::now();
        let done = house.gov(&["ps"])?;
        ensure!(done.status == 0, "gov ps ended with {}: {}", done.status, done.err);
        longest = longest.max(begun.elapsed());
    }
    Ok(longest)
}

fn failing(house: &mut House, around: &Surroundings) -> Result<()> {
    on_a_disk(house, around, |house, around, disk| {
        let place = folder(around, "failing")?;
        let (file, go) = (place.join("a").display().to_string(), place.join("go").display().to_string());
        let act = ["after", &go, "flood", &file, "1000000"];
        let (mut child, log) = waiting(house, around, &format!("file:write:{file}"), &act)?;
        let kept = place.join("checkpoint");
        fs::copy(log.join("checkpoint"), &kept)?;
        disk.fails()?;
        fs::write(&go, "")?;
        let status = wait_for(|| Ok(child.try_wait()?))?;
        ensure!(status.code() == Some(124), "gov run ended with {status}");
        // What it says of that goes to the same disk; it answers all the same.
        ensure!(house.gov(&["ps"])?.status == 0, "the daemon no longer answers");
        house.end(Signal::KILL)?;
        disk.works()?;
        disk.unmount()?;
        disk.mount()?;
        *house = House::open(&disk.folder)?;
        let all = receipts::read(&log)?;
        let last = all.last().map(|it| it.text("kind").to_owned());
        ensure!(last.as_deref() == Some("recovered"), "the log ends with {last:?}");
        // That it is not closed cannot be made good; that it is what was signed can be known.
        verified(house, &log, &["--since", &kept.display().to_string()], 3)
    })
}

fn verified(house: &House, log: &Path, more: &[&str], status: i32) -> Result<()> {
    let log = log.display().to_string();
    let done = house.gov(&[&["verify", &log], more].concat())?;
    ensure!(done.status == status, "gov verify ended with {}: {}{}", done.status, done.out, done.err);
    Ok(())
}

/// Plays on a disk of its own, with a daemon whose state lies there; afterwards the house stands where it stood.
fn on_a_disk(
    house: &mut House,
    around: &Surroundings,
    play: impl FnOnce(&mut House, &Surroundings, &Disk) -> Result<()>,
) -> Result<()> {
    house.end(Signal::TERM)?;
    let disk = Disk::make(&around.folder)?;
    *house = House::open(&disk.folder)?;
    let played = play(house, around, &disk);
    disk.works()?;
    house.end(Signal::TERM)?;
    drop(disk);
    *house = House::open(&around.folder.join("state"))?;
    played
}

/// A disk that does what it is told: a file, a loop device over it, and the device mapper's device over that.
struct Disk {
    /// Where it is mounted.
    folder: PathBuf,
    image: PathBuf,
    below: String,
    /// The device itself.
    device: String,
    sectors: u64,
}

impl Disk {
    const NAME: &str = "gov-disk";
    const BYTES: u64 = 256 << 20;

    fn make(folder: &Path) -> Result<Self> {
        tool(&["modprobe", "-a", "loop", "dm-mod", "dm-delay"])?;
        let (image, folder) = (folder.join("disk.img"), folder.join("disk"));
        File::create(&image)?.set_len(Self::BYTES)?;
        fs::create_dir_all(&folder)?;
        let below = tool(&["losetup", "--find", "--show", &image.display().to_string()])?.trim().to_owned();
        let mut disk = Self { folder, image, below, device: String::new(), sectors: Self::BYTES / 512 };
        let table = disk.linear();
        tool(&["dmsetup", "create", "--noudevrules", "--noudevsync", Self::NAME, "--table", &table])?;
        // Nobody makes names for devices here; the kernel itself makes this one.
        let number = tool(&["dmsetup", "info", "--columns", "--noheadings", "-o", "minor", Self::NAME])?;
        disk.device = format!("/dev/dm-{}", number.trim());
        tool(&["mke2fs", "-q", "-t", "ext4", &disk.device])?;
        disk.mount()?;
        Ok(disk)
    }

    fn mount(&self) -> Result<()> {
        Ok(mount(self.device.as_str(), &self.folder, "ext4", MountFlags::empty(), None)?)
    }

    fn unmount(&self) -> Result<()> {
        wait_for(|| Ok(unmount(&self.folder, UnmountFlags::empty()).ok()))
    }

    fn linear(&self) -> String {
        format!("0 {} linear {} 0", self.sectors, self.below)
    }

    fn works(&self) -> Result<()> {
        self.becomes(&self.linear())
    }

    /// Every write and flush takes so long.
    fn delays(&self, by: Duration) -> Result<()> {
        let (below, by) = (&self.below, by.as_millis());
        self.becomes(&format!("0 {} delay {below} 0 0 {below} 0 {by} {below} 0 {by}", self.sectors))
    }

    fn fails(&self) -> Result<()> {
        self.becomes(&format!("0 {} error", self.sectors))
    }

    fn becomes(&self, table: &str) -> Result<()> {
        tool(&["dmsetup", "suspend", "--nolockfs", "--noflush", Self::NAME])?;
        tool(&["dmsetup", "load", Self::NAME, "--table", table])?;
        tool(&["dmsetup", "resume", "--noudevrules", "--noudevsync", Self::NAME])?;
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let let_go = || {
            self.unmount()?;
            tool(&["dmsetup", "remove", "--noudevrules", "--noudevsync", "--retry", Self::NAME])?;
            tool(&["losetup", "--detach", &self.below])?;
            Ok::<_, anyhow::Error>(fs::remove_file(&self.image)?)
        };
        if let Err(error) = let_go() {
            eprintln!("the disk stays: {error:#}");
        }
    }
}

/// Runs a program of the system to its end; what it said.
fn tool(words: &[&str]) -> Result<String> {
    let (program, arguments) = words.split_first().context("a program has a name")?;
    let done = run(Command::new(program).args(arguments), LIMIT)?;
    ensure!(done.status == 0, "`{}` ended with {}: {}", words.join(" "), done.status, done.err);
    Ok(done.out)
}
