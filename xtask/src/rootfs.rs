//! The root file system of the virtual machines: a minimal Debian 12 as an ext4 image.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::{apt, cache, image, process};

/// The libraries of tpm2-tss are what `systemd-creds` reaches a TPM with, if they are there.
const PACKAGES: &str = "systemd,systemd-sysv,libtss2-esys-3.0.2-0,libtss2-mu0,libtss2-rc0,libtss2-tcti-device0,\
    python3,python3-cryptography,git,curl,procps,iproute2,kmod,strace,file";

/// The image, made at the first call.
pub fn ready() -> Result<PathBuf> {
    Ok(cache::once("rootfs", PACKAGES, make)?.join("root.ext4"))
}

fn make(folder: &Path) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!(
            "only root can make it: `sudo GOV_CACHE={} {} setup`",
            cache::folder()?.display(),
            std::env::current_exe()?.display()
        );
    }
    apt::programs(&[("mmdebstrap", "mmdebstrap"), ("mke2fs", "e2fsprogs")])?;
    let tree = folder.join("tree");
    process::quiet(
        Command::new("mmdebstrap")
            .args(["--quiet", "--mode=root", "--variant=minbase", "--format=directory"])
            .arg(format!("--include={PACKAGES}"))
            // Somebody who is not root, for the tests that need one.
            .arg("--customize-hook=chroot \"$1\" useradd --uid 1000 --create-home --shell /bin/bash dev")
            .arg("--customize-hook=echo gov-vm > \"$1/etc/hostname\"")
            .arg("--customize-hook=echo 127.0.0.1 localhost gov-vm > \"$1/etc/hosts\"")
            .arg("bookworm")
            .arg(&tree)
            .arg(apt::mirror()?),
    )?;
    image::write(&tree, &folder.join("root.ext4"), "root")?;
    Ok(fs::remove_dir_all(&tree)?)
}
