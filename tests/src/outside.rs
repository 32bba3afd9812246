//! What rows reach for, outside every session: a process, ports, sockets, a tree that takes no route anywhere, an
//! overlay. The machine is a virtual one and ends with the suite, so nothing of it is taken away again.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// An overlay whose upper layer no row grants.
const OVERLAY: &str = "/srv/gov-overlay";
/// Both ports, both families.
const ADDRESSES: [&str; 4] = ["127.0.0.1:47001", "127.0.0.1:47002", "[::1]:47001", "[::1]:47002"];
/// Networks for documentation (RFC 5737, RFC 3849): what is sent there comes back to a machine that nobody asked.
const NOWHERE: [&str; 2] = ["192.0.2.0/24", "2001:db8::/32"];

/// All of it. Dropped, the process ends.
pub struct Outside {
    stranger: Child,
    _streams: Vec<TcpListener>,
    _datagrams: Vec<UdpSocket>,
}

impl Outside {
    /// Lays it out; `act` is where `gov-act` is.
    pub fn open(act: &Path) -> Result<Self> {
        let streams = ADDRESSES.iter().map(TcpListener::bind).collect::<Result<_, _>>();
        let datagrams = ADDRESSES.iter().map(UdpSocket::bind).collect::<Result<_, _>>();
        for network in NOWHERE {
            let family = if network.contains(':') { "-6" } else { "-4" };
            let made = Command::new("ip")
                .args([family, "route", "replace", "local", network, "dev", "lo"])
                .status()?;
            ensure!(made.success(), "cannot route {network} to this machine");
        }
        lay_over()?;
        Ok(Self {
            stranger: stranger(act)?,
            _streams: streams.context("cannot listen")?,
            _datagrams: datagrams.context("cannot receive")?,
        })
    }

    /// The process's id.
    pub fn stranger(&self) -> u32 {
        self.stranger.id()
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let ended = self.stranger.kill().and_then(|()| self.stranger.wait());
        if let Err(error) = ended {
            eprintln!("the stranger stays: {error}");
        }
    }
}

fn stranger(act: &Path) -> Result<Child> {
    let mut child = Command::new(act).arg("outsider").stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut said = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut said)?;
    }
    ensure!(said == "ready\n", "the stranger is not ready");
    Ok(child)
}

/// Takes away what a successful act leaves outside its row's folder.
pub fn tidy(cgroups: &Path) -> Result<()> {
    for place in [cgroups, Path::new("/sys/fs/bpf")] {
        let probe = place.join("gov-suite-probe");
        if probe.exists() {
            fs::remove_dir(&probe).with_context(|| format!("cannot remove `{}`", probe.display()))?;
        }
    }
    if fs::read_dir(Path::new(OVERLAY).join("upper"))?.next().is_some() {
        lay_over()?;
    }
    Ok(())
}

/// Mounts the overlay anew, all of whose files lie in its lower layer.
fn lay_over() -> Result<()> {
    let part = |name: &str| Path::new(OVERLAY).join(name);
    if part("merged/theirs").exists() {
        unmount(part("merged"), UnmountFlags::empty()).context("cannot unmount the overlay")?;
        fs::remove_dir_all(OVERLAY)?;
    }
    for name in ["lower", "upper", "work", "merged"] {
        fs::create_dir_all(part(name))?;
    }
    for name in ["a", "theirs"] {
        fs::write(part("lower").join(name), "as it was")?;
    }
    fs::set_permissions(part("lower/theirs"), Permissions::from_mode(0o600))?;
    chown(part("lower/theirs"), Some(1000), None)?;
    fs::copy("/usr/bin/true", part("lower/program"))?;
    let options = format!("lowerdir={OVERLAY}/lower,upperdir={OVERLAY}/upper,workdir={OVERLAY}/work");
    let options = std::ffi::CString::new(options)?;
    mount("overlay", part("merged"), "overlay", MountFlags::empty(), options.as_c_str())
        .context("cannot mount the overlay")
}
