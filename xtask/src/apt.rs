//! Debian's archive: what is installed, what must be, and packages of other suites without touching the machine's
//! own sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The mirror of Debian's main archive that this machine uses.
pub fn mirror() -> Result<String> {
    mirror_labelled("Debian")
}

/// The address of the archive with this label, as the machine's own sources have it.
fn mirror_labelled(label: &str) -> Result<String> {
    let find = || -> Result<Option<String>> {
        let targets = process::stdout(Command::new("apt-get").args([
            "indextargets",
            "--format",
            "$(ORIGIN) $(LABEL) $(REPO_URI)",
            "Created-By: Packages",
        ]))?;
        Ok(targets.lines().find_map(|line| line.strip_prefix(&format!("Debian {label} ")).map(str::to_owned)))
    };
    if let Some(mirror) = find()? {
        return Ok(mirror);
    }
    // A machine whose package lists were removed knows its archives' labels only after an update.
    process::quiet(Command::new("apt-get").args(["--quiet", "update"]))?;
    find()?.with_context(|| format!("no archive labelled `{label}` among this machine's apt sources"))
}

/// One suite of the archive, looked into through a private apt state.
pub struct Suite {
    name: &'static str,
    options: Vec<String>,
}

impl Suite {
    /// Fetches the suite's package lists into `state`.
    pub fn fetch(name: &'static str, state: &Path) -> Result<Self> {
        let label = if name.ends_with("-security") { "Debian-Security" } else { "Debian" };
        let archive = mirror_labelled(label)?;
        let sources = state.join("sources.list");
        for folder in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(state.join(folder))?;
        }
        fs::write(&sources, format!("deb [signed-by={KEYRING}] {archive} {name} main\n"))?;
        let set = |key: &str, value: &dyn std::fmt::Display| format!("--option={key}={value}");
        let suite = Self {
            name,
            options: vec![
                set("Dir::Etc::SourceList", &sources.display()),
                set("Dir::Etc::SourceParts", &"-"),
                set("Dir::State::Lists", &state.join("lists").display()),
                set("Dir::Cache", &state.join("cache").display()),
                set("Acquire::Languages", &"none"),
                set("Acquire::IndexTargets::deb::DEP-11::DefaultEnabled", &"false"),
                // A mirror that lags is good enough for kernels to test on; signatures are checked all the same.
                set("Acquire::Check-Valid-Until", &"false"),
                set("APT::Sandbox::User", &"root"),
            ],
        };
        process::quiet(suite.command("apt-get").arg("update"))?;
        Ok(suite)
    }

    /// A field of a package's control record, `None` where the record has no such field.
    pub fn field(&self, package: &str, field: &str) -> Result<Option<String>> {
        let record = process::stdout(self.command("apt-cache").args(["show", "--no-all-versions", package]))
            .with_context(|| format!("suite `{}` has no package `{package}`", self.name))?;
        Ok(record.lines().find_map(|line| line.strip_prefix(&format!("{field}: ")).map(str::to_owned)))
    }

    /// Downloads packages and unpacks them into `folder`; nothing is installed.
    pub fn unpack(&self, packages: &[String], folder: &Path) -> Result<()> {
        let downloads = folder.join("debs");
        fs::create_dir_all(&downloads)?;
        process::quiet(self.command("apt-get").arg("download").args(packages).current_dir(&downloads))?;
        for package in files(&downloads)? {
            process::quiet(Command::new("dpkg").arg("-x").arg(&package).arg(folder))?;
        }
        Ok(fs::remove_dir_all(&downloads)?)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(&self.options);
        command
    }
}

/// Sees to it that programs are there, each given with the package that Debian has it in.
pub fn programs(needed: &[(&str, &str)]) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).collect();
    let missing = needed.iter().filter(|(program, _)| !folders.iter().any(|at| at.join(program).is_file()));
    install(&missing.map(|(_, package)| *package).collect::<Vec<_>>())
}

/// Sees to it that packages are installed.
pub fn installed(packages: &[&str]) -> Result<()> {
    install(&packages.iter().copied().filter(|package| !is_installed(package)).collect::<Vec<_>>())
}

/// Installs packages as root on Debian 12, else says which line would.
fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install --no-install-recommends {}", packages.join(" "));
    if !is_debian_12()? || !rustix::process::geteuid().is_root() {
        bail!("missing here: {}; on Debian 12, as root: `{line}`", packages.join(", "));
    }
    crate::progress::step(&line, || {
        process::quiet(Command::new("apt-get").args(["--quiet", "update"]))?;
        process::quiet(
            Command::new("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(["--quiet", "--yes", "install", "--no-install-recommends"])
                .args(packages),
        )
    })
}

fn is_installed(package: &str) -> bool {
    process::stdout(Command::new("dpkg-query").args(["--show", "--showformat=${Status}", package]))
        .is_ok_and(|status| status == "install ok installed")
}

fn is_debian_12() -> Result<bool> {
    let release = fs::read_to_string("/etc/os-release").context("cannot read `/etc/os-release`")?;
    let has = |line: &str| release.lines().any(|candidate| candidate == line);
    Ok(has("ID=debian") && has("VERSION_ID=\"12\""))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}
