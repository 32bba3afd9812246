//! A TPM 2.0 for a machine, as swtpm plays one: fresh each time, and gone with the machine.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::apt;

/// What this runs, and the packages that Debian has it in.
pub const NEEDED: [(&str, &str); 2] = [("swtpm", "swtpm"), ("setpriv", "util-linux")];
/// How long it may take until QEMU can connect.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A running TPM and the folder with its state and socket.
pub struct Tpm {
    child: Child,
    folder: TempDir,
}

impl Tpm {
    pub fn start() -> Result<Self> {
        apt::programs(&NEEDED)?;
        let folder = tempfile::tempdir()?;
        let state = folder.path().display();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "swtpm", "socket", "--tpm2", "--terminate"])
            .args([
                "--tpmstate",
                &format!("dir={state}"),
                "--ctrl",
                &format!("type=unixio,path={state}/socket"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start `swtpm`")?;
        let mut tpm = Self { child, folder };
        let end = Instant::now() + START_LIMIT;
        while !tpm.folder.path().join("socket").exists() {
            if let Some(status) = tpm.child.try_wait()? {
                bail!("`swtpm` ended with {status}");
            }
            if Instant::now() >= end {
                bail!("`swtpm` did not listen within {} s", START_LIMIT.as_secs());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(tpm)
    }

    /// What QEMU is told of it.
    pub fn options(&self) -> [String; 6] {
        let socket = format!("socket,id=tpm,path={}/socket", self.folder.path().display());
        ["-chardev", &socket, "-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm0"]
            .map(str::to_owned)
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        // Both fail only for a child that is gone already, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
