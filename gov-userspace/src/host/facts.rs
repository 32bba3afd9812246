//! What this host is: the facts that decide whether gov can enforce here.

use std::path::{Path, PathBuf};

use rustix::thread::CapabilitySet;

use super::{HostError, mounts, read_text};

/// What could be learnt about this host. `None` is "cannot be known", which is not "no".
#[derive(Clone, Debug)]
pub struct Facts {
    /// The kernel's release, as `uname -r` prints it.
    pub release: String,
    /// The machine's architecture, as `uname -m` prints it.
    pub machine: String,
    /// This boot's id.
    pub boot_id: Option<String>,
    /// Whether the kernel describes its own types (`/sys/kernel/btf/vmlinux`).
    pub btf: bool,
    /// The active security modules in their order; `None` where securityfs is not mounted or not readable.
    pub lsm: Option<Vec<String>>,
    /// The lockdown level (`none`, `integrity`, `confidentiality`); `None` where lockdown is not active.
    pub lockdown: Option<String>,
    /// Where cgroup v2 is mounted.
    pub cgroup2: Option<PathBuf>,
    /// Whether this process is in the initial cgroup namespace.
    pub initial_cgroup_namespace: bool,
    /// Whether this process may load programs and make cgroups, by its effective capabilities.
    pub capabilities: Capabilities,
    /// What the kernel was built with, where its configuration is published: `CONFIG_BPF_LSM`.
    pub bpf_lsm_built: Option<bool>,
}

/// The effective capabilities that gov's daemon needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// `CAP_BPF`: loading programs and making maps.
    pub bpf: bool,
    /// `CAP_PERFMON`: reading kernel memory from programs.
    pub perfmon: bool,
    /// `CAP_SYS_ADMIN`: attaching LSM programs.
    pub sys_admin: bool,
    /// `CAP_DAC_OVERRIDE`: writing in the cgroup file system and in users' temporary folders.
    pub dac_override: bool,
    /// `CAP_KILL`: ending sessions.
    pub kill: bool,
    /// `CAP_CHOWN`: giving a session's temporary folder to its user.
    pub chown: bool,
}

impl Capabilities {
    /// The names of those that are missing.
    pub fn missing(self) -> Vec<&'static str> {
        [
            (self.bpf, "CAP_BPF"),
            (self.perfmon, "CAP_PERFMON"),
            (self.sys_admin, "CAP_SYS_ADMIN"),
            (self.dac_override, "CAP_DAC_OVERRIDE"),
            (self.kill, "CAP_KILL"),
            (self.chown, "CAP_CHOWN"),
        ]
        .into_iter()
        .filter_map(|(held, name)| (!held).then_some(name))
        .collect()
    }
}

/// Reads them all; only what every Linux has is an error when it is missing.
pub fn read() -> Result<Facts, HostError> {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy().into_owned();
    let sets = rustix::thread::capabilities(None)
        .map_err(|error| HostError::Call { call: "capget", source: error.into() })?;
    let held = |capability| sets.effective.contains(capability);
    Ok(Facts {
        machine: uname.machine().to_string_lossy().into_owned(),
        boot_id: boot_id().ok(),
        btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
        lsm: read_text(Path::new("/sys/kernel/security/lsm")).ok().map(|text| lsm_list(&text)),
        lockdown: read_text(Path::new("/sys/kernel/security/lockdown")).ok().and_then(|text| chosen(&text)),
        cgroup2: mounts::cgroup2().ok(),
        initial_cgroup_namespace: super::cgroup::in_initial_namespace()?,
        capabilities: Capabilities {
            bpf: held(CapabilitySet::BPF),
            perfmon: held(CapabilitySet::PERFMON),
            sys_admin: held(CapabilitySet::SYS_ADMIN),
            dac_override: held(CapabilitySet::DAC_OVERRIDE),
            kill: held(CapabilitySet::KILL),
            chown: held(CapabilitySet::CHOWN),
        },
        bpf_lsm_built: bpf_lsm_built(&release),
        release,
    })
}

/// This boot's id: random, made by the kernel at its start.
pub fn boot_id() -> Result<String, HostError> {
    Ok(read_text(Path::new("/proc/sys/kernel/random/boot_id"))?.trim().to_owned())
}

/// `CONFIG_BPF_LSM` from /boot/config-RELEASE, where a distribution puts it.
fn bpf_lsm_built(release: &str) -> Option<bool> {
    let candidates =
        [format!("/boot/config-{release}"), format!("/lib/modules/{release}/config")].map(PathBuf::from);
    let text = candidates.iter().find_map(|path| read_text(path).ok())?;
    Some(text.lines().any(|line| line == "CONFIG_BPF_LSM=y"))
}

fn lsm_list(text: &str) -> Vec<String> {
    text.trim().split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The word in brackets: `[none] integrity confidentiality`.
fn chosen(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    let (word, _) = rest.split_once(']')?;
    Some(word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{chosen, lsm_list, read};

    #[test]
    fn kernel_lists_are_read_as_the_kernel_writes_them() {
        assert_eq!(
            lsm_list("lockdown,capability,landlock,bpf\n"),
            ["lockdown", "capability", "landlock", "bpf"]
        );
        assert_eq!(chosen("none [integrity] confidentiality\n").unwrap(), "integrity");
        assert_eq!(chosen("none"), None);
    }

    #[test]
    fn the_facts_of_any_linux_can_be_read() {
        let facts = read().unwrap();
        assert!(facts.release.contains('.'));
        assert_eq!(facts.boot_id.unwrap().len(), 36);
    }
}
