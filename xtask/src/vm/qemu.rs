//! QEMU as a child process: how it is started, what comes out of it, and how it ends.
//!
//! It only ever emulates: hardware virtualisation is absent or broken in many places where tests run, and a result
//! must not depend on it. It dies with this program, and its drives forget what is written to them.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::io::FdFlags;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::Machine;
use super::guest::Guest;
use super::tpm::Tpm;
use crate::apt;
use crate::kernels::Kernel;

/// What this program runs, and the packages that Debian has it in.
pub const NEEDED: [(&str, &str); 2] = [("qemu-system-x86_64", "qemu-system-x86"), ("setpriv", "util-linux")];
/// How long a machine may take until it runs its command. A busy host takes ten times what an idle one does.
const BOOT_LIMIT: Duration = Duration::from_secs(180);
/// How long a machine may take to turn itself off.
const OFF_LIMIT: Duration = Duration::from_secs(5);
/// What is said of a machine that ended before its command did, or never came up.
pub const STOPPED: &str = "the machine stopped";
/// What is said of one that did not get so far as to run it.
pub const NOT_UP: &str = "the machine did not come up";
/// The kernel's last messages that are shown when a machine does not do its work.
const LINES_KEPT: usize = 100;

/// A running machine.
pub struct Running {
    child: Child,
    console: UnixStream,
    stdout: UnixStream,
    stderr: UnixStream,
    report: UnixStream,
    terminal: Option<Termios>,
    /// It ends with the machine.
    _tpm: Option<Tpm>,
}

/// All that can be emulated, but for CMPXCHG16B: QEMU 7.2 sets wrong flags after it now and then (kernel 6.12 dies
/// in its allocator, with bits of an address in EFLAGS); without it kernels take another road.
const CPU: &str = "max,-cx16";

/// Two CPUs, each a thread of the host.
const QUICK: [&str; 4] = ["-accel", "tcg,thread=multi", "-smp", "2"];
/// One CPU, whose time is the number of instructions that it has executed.
const COUNTING: [&str; 4] = ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"];

/// Starts a machine.
pub fn start(machine: &Machine, kernel: &Kernel, root: &Path, guest: &Guest) -> Result<Running> {
    apt::programs(&NEEDED)?;
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "qemu-system-x86_64"])
        .args(["-M", "q35", "-cpu", CPU])
        .args(if machine.count_instructions { COUNTING } else { QUICK })
        .args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"])
        .args(["-m", &machine.memory.to_string()])
        .arg("-kernel")
        .arg(&kernel.vmlinuz)
        .arg("-initrd")
        .arg(guest.initramfs())
        .args(["-append", &command_line(machine)]);

    command.args(["-device", "nvme,id=nvme,serial=gov"]);
    let drives = [root.to_owned(), kernel.modules.clone()].into_iter().chain(guest.shares());
    for (number, drive) in drives.enumerate() {
        command.args(["-drive", &drive_option(number, &drive)]);
        command.args(["-device", &format!("nvme-ns,drive=drive{number},bus=nvme,nsid={}", number + 1)]);
    }

    let tpm = machine.tpm.then(Tpm::start).transpose()?;
    command.args(tpm.iter().flat_map(Tpm::options));
    command.args(["-device", "virtio-serial-pci"]);
    let mut given = Vec::new();
    let mut channel = |command: &mut Command, name: &str, device: &[&str]| -> Result<UnixStream> {
        let (ours, theirs) = UnixStream::pair()?;
        rustix::io::fcntl_setfd(&theirs, FdFlags::empty())?;
        command.args(["-chardev", &format!("socket,id={name},fd={}", theirs.as_raw_fd())]).args(device);
        given.push(theirs);
        Ok(ours)
    };
    let console = channel(&mut command, "console", &["-serial", "chardev:console"])?;
    let stdout = channel(&mut command, "stdout", &["-device", "virtserialport,chardev=stdout,nr=1"])?;
    let stderr = channel(&mut command, "stderr", &["-device", "virtserialport,chardev=stderr,nr=2"])?;
    let report = channel(&mut command, "report", &["-device", "virtserialport,chardev=report,nr=3"])?;

    let mut terminal = None;
    if guest.interactive {
        command.args([
            "-chardev",
            "stdio,id=terminal,signal=off",
            "-device",
            "virtconsole,chardev=terminal,nr=0",
        ]);
        terminal = Some(tcgetattr(std::io::stdin())?);
    } else {
        command.stdin(Stdio::null()).stdout(Stdio::null());
    }
    let child = command.spawn().context("cannot start `qemu-system-x86_64`")?;
    Ok(Running { child, console, stdout, stderr, report, terminal, _tpm: tpm })
}

fn command_line(machine: &Machine) -> String {
    let mut line = String::from("console=ttyS0 panic=-1 random.trust_cpu=on");
    if machine.count_instructions {
        line.push_str(" clocksource=tsc tsc=reliable");
    }
    if !machine.console {
        line.push_str(" quiet");
    }
    if machine.systemd {
        line.push_str(" systemd.unit=multi-user.target");
        for unit in ["serial-getty@ttyS0", "serial-getty@hvc0", "getty@tty1"] {
            line.push_str(&format!(" systemd.mask={unit}.service"));
        }
    }
    format!("{line} {}", machine.append)
}

/// QEMU reads a comma in an option's value as the option's end, unless it stands twice.
fn drive_option(number: usize, image: &Path) -> String {
    let file = image.display().to_string().replace(',', ",,");
    format!("id=drive{number},if=none,format=raw,snapshot=on,file={file}")
}

impl Running {
    /// Follows the machine to its end and gives back its command's exit status.
    pub fn finish(
        mut self,
        limit: Option<Duration>,
        show_console: bool,
        stdout: &mut (impl Write + Send),
        stderr: &mut (impl Write + Send),
    ) -> Result<u8> {
        let console = self.console.try_clone()?;
        let last_lines = thread::spawn(move || follow_console(console, show_console));
        let (from_stdout, from_stderr) = (self.stdout.try_clone()?, self.stderr.try_clone()?);
        let ended = thread::scope(|scope| {
            scope.spawn(|| copy(from_stdout, stdout));
            scope.spawn(|| copy(from_stderr, stderr));
            let ended = self.follow_report(limit);
            // The copies end with the sockets, and those with QEMU.
            self.turn_off(ended.is_ok());
            ended
        });
        let last_lines = Vec::from(last_lines.join().unwrap_or_default()).join("\n");
        ended.map_err(|error| match last_lines.trim() {
            "" => error,
            lines => anyhow!("{error:#}; the machine's last messages:\n{lines}"),
        })
    }

    /// Reads what the machine reports: `up`, then `exit STATUS`.
    fn follow_report(&self, limit: Option<Duration>) -> Result<u8> {
        let mut from = BufReader::new(&self.report);
        match self.reported(&mut from, Some(BOOT_LIMIT)).context(NOT_UP)?.as_str() {
            "up" => {}
            other => bail!("the machine reported `{other}` instead of `up`"),
        }
        let line = self.reported(&mut from, limit).context("the command did not end")?;
        let status = line.strip_prefix("exit ").and_then(|status| status.parse().ok());
        status.with_context(|| format!("the machine reported `{line}` instead of an exit status"))
    }

    fn reported(&self, from: &mut BufReader<&UnixStream>, limit: Option<Duration>) -> Result<String> {
        self.report.set_read_timeout(limit)?;
        let mut line = String::new();
        match from.read_line(&mut line) {
            Ok(0) => bail!(STOPPED),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                bail!("the limit is {} s", limit.unwrap_or_default().as_secs())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Waits a little for the machine to turn itself off, if it said that it would, then ends it.
    fn turn_off(&mut self, by_itself: bool) {
        let deadline = Instant::now() + OFF_LIMIT;
        while by_itself && Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(10));
        }
        // Both fail only for a child that is gone already, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whatever way a run ends, its machine ends with it and the terminal is as it was.
impl Drop for Running {
    fn drop(&mut self) {
        self.turn_off(false);
        if let Some(terminal) = &self.terminal {
            // A terminal that is gone needs no care.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, terminal);
            let _ = rustix::io::ioctl_fionbio(std::io::stdin(), false);
        }
    }
}

/// Keeps the kernel's last messages.
fn follow_console(from: UnixStream, show: bool) -> VecDeque<String> {
    let mut kept = VecDeque::new();
    for line in BufReader::new(from).split(b'\n') {
        let Ok(line) = line else { break };
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if show {
            eprintln!("{line}");
        }
        if kept.len() == LINES_KEPT {
            kept.pop_front();
        }
        kept.push_back(line);
    }
    kept
}

/// Copies what comes as it comes, to its end.
fn copy(mut from: UnixStream, to: &mut impl Write) -> std::io::Result<()> {
    let mut buffer = [0; 8192];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..length])?;
        to.flush()?;
    }
}
