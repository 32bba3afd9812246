//! The names that scopes of closed lists can have, and what the kernel knows them by.

use gov_common::doors::Door;

use super::Scope;

/// What `process:` scopes can name: acts on processes outside the session.
pub const PROCESS_ACTS: [&str; 3] = ["ipc", "signal", "trace"];

/// What `kernel:` scopes can name: acts on the ground that enforcement stands on.
pub const KERNEL_ACTS: [&str; 9] =
    ["bpf", "io-uring", "kexec", "keyring", "module", "mount", "perf", "time", "user-namespace"];

/// The capabilities that Linux has, as `capability:` scopes name them, each at its number in
/// include/uapi/linux/capability.h.
#[rustfmt::skip]
pub const CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
    "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK",
    "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
    "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

/// The bit of a capability, by its name, in a session's capabilities.
pub fn capability_bit(name: &str) -> Option<u64> {
    let (_, number) = CAPABILITIES.iter().zip(0_u32..).find(|(known, _)| **known == name)?;
    1_u64.checked_shl(number)
}

/// The capability scope of the kernel's number; its number stands there where it has no name here.
pub fn capability_scope(number: u32) -> String {
    let known = usize::try_from(number).ok().and_then(|number| CAPABILITIES.get(number));
    known.map_or_else(|| format!("capability:{number}"), |name| Scope::Capability(name).to_string())
}

/// The door that a `kernel:` or `process:` scope opens.
pub fn door(scope: &Scope) -> Option<Door> {
    let text = scope.to_string();
    Door::ALL.into_iter().find(|door| door.scope() == Some(text.as_str()))
}

#[cfg(test)]
mod tests {
    use super::{CAPABILITIES, KERNEL_ACTS, PROCESS_ACTS, capability_bit, capability_scope, door};
    use crate::scope::Scope;
    use gov_common::doors::Door;

    #[test]
    fn every_act_opens_a_door_and_every_door_is_opened_by_one() {
        let acts = KERNEL_ACTS.into_iter().map(Scope::Kernel).chain(PROCESS_ACTS.map(Scope::Process));
        let opened: Vec<Door> = acts.map(|scope| door(&scope).unwrap()).collect();
        let doors: Vec<Door> = Door::ALL.into_iter().filter(|door| door.scope().is_some()).collect();
        assert_eq!(opened, doors);
        assert_eq!(door(&Scope::Shell), None);
        for door in doors {
            assert!(door.scope().unwrap().parse::<Scope>().is_ok());
        }
    }

    #[test]
    fn capabilities_have_the_kernel_s_numbers() {
        // Some of include/uapi/linux/capability.h, where a shift of the others would show.
        for (name, number) in [
            ("CAP_CHOWN", 0),
            ("CAP_KILL", 5),
            ("CAP_NET_BIND_SERVICE", 10),
            ("CAP_NET_RAW", 13),
            ("CAP_SYS_MODULE", 16),
            ("CAP_SYS_PTRACE", 19),
            ("CAP_SYS_ADMIN", 21),
            ("CAP_SYS_TIME", 25),
            ("CAP_MKNOD", 27),
            ("CAP_SETFCAP", 31),
            ("CAP_SYSLOG", 34),
            ("CAP_AUDIT_READ", 37),
            ("CAP_PERFMON", 38),
            ("CAP_BPF", 39),
            ("CAP_CHECKPOINT_RESTORE", 40),
        ] {
            assert_eq!(capability_bit(name), Some(1 << number), "{name}");
            assert_eq!(capability_scope(number), format!("capability:{name}"));
        }
        let mut names = CAPABILITIES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CAPABILITIES.len(), "each stands there once");
        assert_eq!(capability_bit("CAP_EVERYTHING"), None);
        assert_eq!(capability_scope(41), "capability:41");
    }
}
