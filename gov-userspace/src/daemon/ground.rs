//! What every session stands on: the host, the daemon's folders and key, and what the kernel enforces.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;

use super::enforcement;
use super::lock::folder;
use crate::clock;
use crate::config::Config;
use crate::control::message::HookView;
use crate::host::cgroup::{Cgroup, Hierarchy};
use crate::host::facts::{self, Facts};
use crate::kernel::Enforcement;
use crate::key::Secret;
use crate::keystore;
use crate::receipt::{EnforcementFacts, HostFacts};

/// The daemon's view of the host and of itself.
pub(super) struct Ground {
    pub(super) config: Config,
    pub(super) facts: Facts,
    pub(super) boot_id: String,
    pub(super) hierarchy: Hierarchy,
    pub(super) enforcement: EnforcementFacts,
    pub(super) hooks: Vec<HookView>,
    pub(super) key: Arc<Secret>,
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
            key: Arc::new(Secret::from_seed([7; 32])),
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
        let key = Arc::new(keystore::log_key(&config.state).context("no key to sign logs with")?.secret);
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
        Ok(Self { config, facts, boot_id, hierarchy, enforcement, hooks, key, host, folders, owner })
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
