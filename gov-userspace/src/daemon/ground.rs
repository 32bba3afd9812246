//! What every session stands on: the host, the daemon's folders and key, and what the kernel enforces.

use std::path::PathBuf;

use anyhow::Context;

use super::enforcement;
use super::lock::folder;
use crate::clock;
use crate::config::Config;
use crate::control::message::HookView;
use crate::host::cgroup::{Cgroup, Hierarchy};
use crate::host::facts::{self, Facts};
use crate::journal::Signer;
use crate::kernel::Enforcement;
use crate::key::Public;
use crate::keystore::LogKeys;
use crate::receipt::{EnforcementFacts, HostFacts};

/// The daemon's view of the host and of itself.
pub(super) struct Ground {
    pub(super) config: Config,
    pub(super) facts: Facts,
    pub(super) boot_id: String,
    pub(super) hierarchy: Hierarchy,
    pub(super) enforcement: EnforcementFacts,
    pub(super) hooks: Vec<HookView>,
    pub(super) keys: LogKeys,
    pub(super) host: HostFacts,
    pub(super) folders: Folders,
    /// Who must own the host's trust files and profiles: the daemon's user, root.
    pub(super) owner: u32,
}

/// Where the daemon keeps its state.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    pub(super) logs: PathBuf,
    pub(super) temporary: PathBuf,
}

impl Ground {
    /// A ground in a folder, for tests without a kernel.
    #[cfg(test)]
    pub(super) fn in_folder(folder: &std::path::Path) -> Self {
        let config = Config {
            state: folder.join("state"),
            trust: folder.join("trust"),
            profiles: folder.join("profiles"),
            grace_ms: 0,
            ..Config::default()
        };
        std::fs::create_dir_all(folder.join("cgroup")).unwrap();
        let folders = Folders::make(&config).unwrap();
        let facts = facts::read().unwrap();
        let host = HostFacts { kernel: "test".into(), machine: "test".into(), name: "test".into() };
        let enforcement =
            EnforcementFacts { attached: "1".into(), hooks: Vec::new(), missing: Vec::new(), status: "full" };
        Self {
            config,
            facts,
            boot_id: "00000000-0000-0000-0000-000000000000".into(),
            hierarchy: Hierarchy::at(folder.join("cgroup")),
            enforcement,
            hooks: Vec::new(),
            keys: LogKeys::open(&folder.join("state"), None).unwrap(),
            host,
            folders,
            owner: rustix::process::geteuid().as_raw(),
        }
    }

    /// Looks at the host, makes the folders, and takes the key that signs the logs (made at the first start).
    pub(super) fn lay(config: Config) -> anyhow::Result<Self> {
        let facts = facts::read().context("cannot read what this host is")?;
        let boot_id = facts::boot_id().context("cannot read this boot's id")?;
        let hierarchy = Hierarchy::open().context("cannot open gov's cgroup hierarchy")?;
        let folders = Folders::make(&config)?;
        let credentials = credentials();
        let keys =
            LogKeys::open(&config.state, credentials.as_deref()).context("no key to sign logs with")?;
        let name = match &config.origin {
            Some(origin) => origin.clone(),
            None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        };
        let host = HostFacts { kernel: facts.release.clone(), machine: facts.machine.clone(), name };
        let enforcement = EnforcementFacts {
            attached: "0".to_owned(),
            hooks: Vec::new(),
            missing: vec!["nothing is loaded yet".to_owned()],
            status: "none",
        };
        let hooks = Vec::new();
        let owner = rustix::process::geteuid().as_raw();
        Ok(Self { config, facts, boot_id, hierarchy, enforcement, hooks, keys, host, folders, owner })
    }

    /// The key that signs a log, if it is one of the daemon's.
    pub(super) fn signer(&self, key: Public) -> Option<Signer> {
        match self.keys.secret(key) {
            Some(secret) => Some(Signer::Kept(secret)),
            None => self.keys.knows(key).then_some(Signer::Gone),
        }
    }

    /// The temporary folder of the session that has this cgroup: such folders stand in each other as cgroups do.
    pub(super) fn temporary(&self, cgroup: &Cgroup) -> PathBuf {
        let within = cgroup.folder().strip_prefix(self.hierarchy.folder()).unwrap_or(cgroup.folder());
        self.folders.temporary.join(within)
    }

    /// Notes what the kernel enforces from now on.
    pub(super) fn note_enforcement(&mut self, enforcement: &Enforcement) {
        self.enforcement = enforcement::facts(enforcement, clock::boot_ns());
        self.hooks = enforcement::views(enforcement);
    }
}

/// The folder of credentials that a service manager made for this process.
pub(super) fn credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).filter(|folder| folder.is_absolute())
}

impl Folders {
    /// Makes them where they are missing. Users pass through them to what is theirs and cannot list them.
    pub(super) fn make(config: &Config) -> anyhow::Result<Self> {
        folder(&config.state, 0o711)?;
        folder(&config.state.join("keys"), 0o711)?;
        let logs = folder(&config.state.join("logs"), 0o711)?;
        let temporary = folder(&config.state.join("tmp"), 0o711)?;
        Ok(Self { logs, temporary })
    }
}
