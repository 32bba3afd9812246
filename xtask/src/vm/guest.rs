//! What a machine gets from its host: the first file system with the command and gov's programs, and an image of
//! each shared folder.
//!
//! None of it has a name in the host's file system, so nothing is left behind however the run ends.

use std::fs::{self, File};
use std::io::{BufWriter, IsTerminal};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Machine;
use super::cpio::Archive;
use crate::{apt, image};

/// Lays the file systems out and starts the machine's second program.
const INIT: &str = include_str!("guest/init.sh");
/// Runs the command.
const START: &str = include_str!("guest/start.sh");
/// The unit that runs the second program where systemd is the first.
const UNIT: &str = include_str!("guest/gov-vm.service");

/// Folders that the machine lays out itself.
const RESERVED: [&str; 6] = ["/", "/proc", "/sys", "/dev", "/run", "/lib/modules"];

/// A machine's first file system and its shared folders.
pub struct Guest {
    initramfs: File,
    shares: Vec<File>,
    /// Whether the command has the terminal of this program.
    pub interactive: bool,
}

impl Guest {
    pub fn new(machine: &Machine) -> Result<Self> {
        let interactive = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let mut folders: Vec<PathBuf> = Vec::new();
        for share in &machine.share {
            folders.push(shareable(share)?);
        }
        // A folder inside another is mounted after it.
        folders.sort();
        folders.dedup();
        let shares = folders.iter().enumerate().map(|(number, folder)| {
            let file = tempfile::tempfile()?;
            image::write(folder, &path(&file), &format!("share{number}"))?;
            Ok(file)
        });
        let shares = shares.collect::<Result<_>>()?;
        Ok(Self { initramfs: initramfs(machine, &folders, interactive)?, shares, interactive })
    }

    /// The first file system, as a path for QEMU.
    pub fn initramfs(&self) -> PathBuf {
        path(&self.initramfs)
    }

    /// The shared folders' images, as paths for QEMU.
    pub fn shares(&self) -> impl Iterator<Item = PathBuf> {
        self.shares.iter().map(path)
    }
}

/// Where another process finds a file of this one that has no name.
fn path(file: &File) -> PathBuf {
    format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()).into()
}

fn shareable(share: &Path) -> Result<PathBuf> {
    let folder = share.canonicalize().with_context(|| format!("cannot share `{}`", share.display()))?;
    if !folder.is_dir() {
        bail!("cannot share `{}`: it is not a folder; share the folder that it is in", share.display());
    }
    if RESERVED.iter().any(|reserved| folder == Path::new(reserved)) {
        bail!("cannot share `{}`: the machine has its own", share.display());
    }
    Ok(folder)
}

fn initramfs(machine: &Machine, folders: &[PathBuf], interactive: bool) -> Result<File> {
    let busybox = busybox()?;
    let mut archive = Archive::new(BufWriter::new(tempfile::tempfile()?));
    for folder in ["bin", "proc", "sys", "new", "vm", "vm/bin", "vm/shares", "vm/systemd"] {
        archive.directory(folder)?;
    }
    archive.file("bin/busybox", &busybox)?;
    archive.file("init", INIT.as_bytes())?;
    archive.file("vm/start", START.as_bytes())?;
    archive.file("vm/systemd/gov-vm.service", UNIT.as_bytes())?;
    for program in &machine.programs {
        let name = program.file_name().context("a program needs a name")?.to_string_lossy();
        let content = fs::read(program).with_context(|| format!("cannot read `{}`", program.display()))?;
        archive.file(&format!("vm/bin/{name}"), &content)?;
    }
    for (number, folder) in folders.iter().enumerate() {
        archive.file(&format!("vm/shares/share{number}"), folder.as_os_str().as_encoded_bytes())?;
    }
    let lines = |items: &[String]| {
        items.iter().flat_map(|item| [item.as_bytes(), b"\0"].concat()).collect::<Vec<u8>>()
    };
    archive.file("vm/command", &lines(&machine.command))?;
    archive.file("vm/environment", &lines(&environment(machine)?))?;
    archive.file("vm/folder", std::env::current_dir()?.as_os_str().as_encoded_bytes())?;
    if machine.systemd {
        archive.file("vm/systemd/wanted", b"")?;
    }
    if interactive {
        let size = rustix::termios::tcgetwinsize(std::io::stdout())?;
        archive.file("vm/terminal", format!("rows {} cols {}", size.ws_row, size.ws_col).as_bytes())?;
    }
    archive.finish()?.into_inner().context("cannot write the first file system")
}

/// The programs of the machine's first steps, which have no libraries yet.
pub fn busybox() -> Result<Vec<u8>> {
    apt::programs(&[("busybox", "busybox-static")])?;
    let busybox = fs::read("/bin/busybox").context("cannot read `/bin/busybox`")?;
    let interpreter = b"/lib64/ld-";
    if busybox.windows(interpreter.len()).any(|bytes| bytes == interpreter) {
        bail!("`/bin/busybox` needs libraries; on Debian 12: `apt-get install busybox-static`");
    }
    Ok(busybox)
}

fn environment(machine: &Machine) -> Result<Vec<String>> {
    let mut environment = vec![
        "HOME=/root".to_owned(),
        "LANG=C.UTF-8".to_owned(),
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        format!("TERM={}", std::env::var("TERM").unwrap_or_else(|_| "dumb".to_owned())),
    ];
    for variable in &machine.env {
        if !variable.contains('=') {
            bail!("`--env {variable}` has no value: write `{variable}=VALUE`");
        }
        environment.push(variable.clone());
    }
    Ok(environment)
}
