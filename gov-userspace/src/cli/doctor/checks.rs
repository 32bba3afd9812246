//! Judges a host's facts, one by one: what is there, what is lacking, and the exact line that mends it.

use serde::Serialize;

use crate::host::facts::Facts;

/// The oldest kernel that gov is tested on.
const OLDEST: (u32, u32) = (6, 1);

/// One fact, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// What was looked at.
    pub(super) name: &'static str,
    /// How it stands.
    pub(super) state: State,
    /// What was found.
    pub(super) found: String,
    /// What mends a lack, or makes the unknown known.
    pub(super) remedy: Option<String>,
}

/// How a fact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// As gov needs it.
    Good,
    /// gov cannot enforce so.
    Lacking,
    /// It cannot be known from here.
    Unknown,
}

impl Check {
    pub(super) fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: State::Good, found: found.into(), remedy: None }
    }

    pub(super) fn lacking(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, state: State::Lacking, found: found.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn unknown(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, state: State::Unknown, found: found.into(), remedy: Some(remedy.into()) }
    }
}

/// Judges everything that can be judged without loading a program.
pub(super) fn judge(facts: &Facts, root: bool) -> Vec<Check> {
    vec![kernel(facts), types(facts), modules(facts), lockdown(facts), cgroups(facts), rights(facts, root)]
}

fn kernel(facts: &Facts) -> Check {
    let (name, release) = ("kernel", &facts.release);
    match version(release) {
        Some(version) if version >= OLDEST => Check::good(name, format!("{release} ({})", facts.machine)),
        Some(_older) => Check::lacking(name, release, "boot a kernel of 6.1 or later"),
        None => Check::unknown(name, release, "boot a kernel of 6.1 or later"),
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn types(facts: &Facts) -> Check {
    if facts.btf {
        Check::good("kernel types", "/sys/kernel/btf/vmlinux")
    } else {
        let remedy = "boot a kernel built with `CONFIG_DEBUG_INFO_BTF=y`";
        Check::lacking("kernel types", "no /sys/kernel/btf/vmlinux", remedy)
    }
}

fn modules(facts: &Facts) -> Check {
    let name = "security modules";
    if facts.bpf_lsm_built == Some(false) {
        let found = "this kernel was built without the BPF security module";
        return Check::lacking(name, found, "boot a kernel built with `CONFIG_BPF_LSM=y`");
    }
    match &facts.lsm {
        None => Check::unknown(
            name,
            "/sys/kernel/security/lsm cannot be read",
            "`mount -t securityfs securityfs /sys/kernel/security`",
        ),
        Some(list) if list.iter().any(|module| module == "bpf") => Check::good(name, list.join(",")),
        Some(list) => Check::lacking(
            name,
            format!("{}: `bpf` is not among them", list.join(",")),
            format!("add `{}` to the kernel command line and boot again", lsm_parameter(list)),
        ),
    }
}

/// The kernel parameter that adds `bpf` to the modules that are active now. `capability` stands first, `ima` and
/// `evm` last, whatever the parameter says.
fn lsm_parameter(active: &[String]) -> String {
    let placed =
        active.iter().map(String::as_str).filter(|name| !["capability", "ima", "evm"].contains(name));
    let list: Vec<&str> = placed.chain(["bpf"]).collect();
    format!("lsm={}", list.join(","))
}

fn lockdown(facts: &Facts) -> Check {
    match facts.lockdown.as_deref() {
        Some("confidentiality") => Check::lacking(
            "lockdown",
            "confidentiality: programs may not read kernel memory",
            "boot with `lockdown=integrity` on the kernel command line",
        ),
        Some(level) => Check::good("lockdown", level),
        None => Check::good("lockdown", "not active"),
    }
}

fn cgroups(facts: &Facts) -> Check {
    let name = "cgroup v2";
    match &facts.cgroup2 {
        None => Check::lacking(
            name,
            "not mounted",
            "`mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified`",
        ),
        Some(_mount) if !facts.initial_cgroup_namespace => Check::lacking(
            name,
            "this process is in a cgroup namespace of its own",
            "run gov on the host itself, not in a container",
        ),
        Some(mount) => Check::good(name, mount.display().to_string()),
    }
}

fn rights(facts: &Facts, root: bool) -> Check {
    let missing = facts.capabilities.missing();
    let found = missing.join(", ");
    match (missing.is_empty(), root) {
        (true, _) => Check::good("capabilities", "all that the daemon needs"),
        (false, true) => Check::lacking(
            "capabilities",
            format!("missing {found}"),
            "run it with all of root's capabilities",
        ),
        (false, false) => Check::unknown(
            "capabilities",
            format!("this user has no {found}"),
            "look again as root: `sudo gov doctor`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{State, judge};
    use crate::host::facts::{Capabilities, Facts};

    fn capable() -> Facts {
        let held = Capabilities {
            bpf: true,
            perfmon: true,
            sys_admin: true,
            dac_override: true,
            kill: true,
            chown: true,
        };
        Facts {
            release: "6.12.48-cloud-amd64".to_owned(),
            machine: "x86_64".to_owned(),
            boot_id: None,
            btf: true,
            lsm: Some(["capability", "landlock", "bpf", "ima"].map(str::to_owned).to_vec()),
            lockdown: None,
            cgroup2: Some("/sys/fs/cgroup".into()),
            initial_cgroup_namespace: true,
            capabilities: held,
            bpf_lsm_built: Some(true),
        }
    }

    fn only_lack(facts: &Facts) -> (State, String) {
        let mut bad = judge(facts, true);
        bad.retain(|check| check.state != State::Good);
        assert_eq!(bad.len(), 1, "{bad:?}");
        (bad[0].state, bad[0].remedy.clone().unwrap())
    }

    #[test]
    fn a_capable_host_lacks_nothing() {
        assert!(judge(&capable(), true).iter().all(|check| check.state == State::Good));
    }

    #[test]
    fn the_line_that_adds_bpf_keeps_the_modules_that_are_there() {
        let lsm =
            Some(["lockdown", "capability", "landlock", "yama", "ima", "evm"].map(str::to_owned).to_vec());
        let (state, remedy) = only_lack(&Facts { lsm, ..capable() });
        assert_eq!(state, State::Lacking);
        assert_eq!(remedy, "add `lsm=lockdown,landlock,yama,bpf` to the kernel command line and boot again");
    }

    #[test]
    fn what_cannot_be_known_is_not_called_lacking() {
        let (state, remedy) = only_lack(&Facts { lsm: None, ..capable() });
        assert_eq!(state, State::Unknown);
        assert!(remedy.contains("securityfs"));
    }

    #[test]
    fn each_lack_is_seen_and_has_a_remedy() {
        let lacks = [
            Facts { release: "5.10.0".to_owned(), ..capable() },
            Facts { btf: false, ..capable() },
            Facts { bpf_lsm_built: Some(false), ..capable() },
            Facts { lockdown: Some("confidentiality".to_owned()), ..capable() },
            Facts { cgroup2: None, ..capable() },
            Facts { initial_cgroup_namespace: false, ..capable() },
            Facts { capabilities: Capabilities { bpf: false, ..capable().capabilities }, ..capable() },
        ];
        for facts in lacks {
            assert_eq!(only_lack(&facts).0, State::Lacking);
        }
    }
}
