//! The kernels that gov is tested on: Debian's cloud flavour, unpacked into the cache, never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::apt::{self, Suite};
use crate::{cache, image, process};

/// The package that depends on a suite's newest kernel; the kernels' own packages come and go.
const META: &str = "linux-image-cloud-amd64";

/// A kernel series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Series {
    /// Debian 12's own, the oldest that gov promises to enforce on.
    #[value(name = "6.1")]
    V6_1,
    /// The long-term series of 2024.
    #[value(name = "6.12")]
    V6_12,
    /// The newest.
    #[value(name = "7.2")]
    V7_2,
}

impl Series {
    pub const ALL: [Self; 3] = [Self::V6_1, Self::V6_12, Self::V7_2];

    pub const fn name(self) -> &'static str {
        match self {
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
            Self::V7_2 => "7.2",
        }
    }

    /// The suites that carry the series, likeliest first: a series moves on through Debian's suites with time.
    const fn suites(self) -> &'static [&'static str] {
        match self {
            Self::V6_1 => &["bookworm-security", "bookworm"],
            Self::V6_12 => &["bookworm-backports", "trixie-security", "trixie"],
            Self::V7_2 => &["sid", "forky", "trixie-backports"],
        }
    }
}

/// One kernel on disk.
pub struct Kernel {
    /// The compressed kernel.
    pub vmlinuz: PathBuf,
    /// `lib/modules` as an ext4 image.
    pub modules: PathBuf,
}

/// The newest kernel of a series, fetched at the first call.
pub fn ready(series: Series) -> Result<Kernel> {
    let folder = cache::once(&format!("kernels/{}", series.name()), "1", |folder| fetch(series, folder))?;
    Ok(Kernel { vmlinuz: folder.join("vmlinuz"), modules: folder.join("modules.ext4") })
}

fn fetch(series: Series, folder: &Path) -> Result<()> {
    let state = tempfile::tempdir()?;
    let unpacked = tempfile::tempdir()?;
    let (suite, packages) = find(series, state.path())?;
    suite.unpack(&packages, unpacked.path())?;

    // Since Debian 14 the modules and the kernel itself stand under /usr.
    let roots = [unpacked.path().to_owned(), unpacked.path().join("usr")];
    let modules = roots.iter().map(|root| root.join("lib/modules")).find(|path| path.is_dir());
    let tree = only_entry(&modules.context("the kernel's packages hold no `lib/modules`")?)?;
    let version = tree.file_name().context("no version")?.to_string_lossy().into_owned();
    let places = [tree.join("vmlinuz"), unpacked.path().join(format!("boot/vmlinuz-{version}"))];
    let vmlinuz =
        places.iter().find(|path| path.is_file()).context("the kernel's packages hold no `vmlinuz`")?;
    fs::copy(vmlinuz, folder.join("vmlinuz"))?;

    let target = folder.join("lib/modules");
    fs::create_dir_all(&target)?;
    process::quiet(Command::new("cp").arg("-a").arg(&tree).arg(&target))?;
    process::quiet(Command::new("/sbin/depmod").arg("--basedir").arg(folder).arg(&version))?;
    image::write(&target, &folder.join("modules.ext4"), "modules")
}

/// The suite that has the series now, and the packages that make up its kernel there.
fn find(series: Series, state: &Path) -> Result<(Suite, Vec<String>)> {
    apt::programs(&[("depmod", "kmod"), ("mke2fs", "e2fsprogs"), ("dpkg", "dpkg"), ("apt-get", "apt")])?;
    let mut seen = Vec::new();
    for name in series.suites() {
        let suite = Suite::fetch(name, &state.join(name))?;
        let version = suite.field(META, "Version")?.unwrap_or_default();
        if !version.starts_with(&format!("{}.", series.name())) {
            seen.push(format!("{name} has {version}"));
            continue;
        }
        let mut packages = vec![META.to_owned()];
        let mut next = 0;
        while let Some(package) = packages.get(next) {
            let depends = suite.field(package, "Depends")?.unwrap_or_default();
            let found =
                depends.split(", ").filter_map(|dependency| dependency.split(' ').next()).map(str::to_owned);
            let parts = ["linux-image-", "linux-binary-", "linux-modules-"];
            let found = found.filter(|name| parts.iter().any(|part| name.starts_with(part)));
            let found: Vec<String> = found.filter(|name| !packages.contains(name)).collect();
            packages.extend(found);
            next += 1;
        }
        return Ok((suite, packages));
    }
    bail!("no suite has a kernel {} any more ({})", series.name(), seen.join(", "))
}

fn only_entry(folder: &Path) -> Result<PathBuf> {
    let mut entries = fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    Ok(entries.next().with_context(|| format!("`{}` is empty", folder.display()))??.path())
}
