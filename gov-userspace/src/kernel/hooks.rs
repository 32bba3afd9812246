//! The hooks of this build, by the names of their programs in the object.

use super::offsets::Types;

/// One program of the object.
pub(super) struct Hook {
    /// The program's name, which is the kernel's name of the hook.
    pub(super) name: &'static str,
    /// How it is attached.
    pub(super) kind: Kind,
    /// Whether the guarantees need it; the others exist on later kernels only, or only add detail.
    pub(super) required: bool,
}

/// What a program is attached to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A security hook.
    Lsm,
    /// A tracepoint with types.
    Tracepoint,
}

impl Hook {
    /// Whether this kernel has it.
    pub(super) fn exists(&self, types: &Types) -> bool {
        self.kind == Kind::Tracepoint || types.has_function(&format!("bpf_lsm_{}", self.name))
    }
}

/// Every program that [`super::Kernel::load`] attaches.
pub(super) const HOOKS: &[Hook] = &[
    lsm("file_open"),
    lsm("d_instantiate"),
    lsm("bprm_check_security"),
    lsm("mmap_file"),
    lsm("file_mprotect"),
    lsm("file_fcntl"),
    lsm("file_ioctl"),
    lsm("path_mknod"),
    lsm("path_mkdir"),
    lsm("path_rmdir"),
    lsm("path_unlink"),
    lsm("path_symlink"),
    lsm("path_link"),
    lsm("path_rename"),
    lsm("path_truncate"),
    lsm("path_chmod"),
    lsm("path_chown"),
    lsm("inode_setattr"),
    lsm("socket_create"),
    lsm("socket_connect"),
    lsm("socket_sendmsg"),
    lsm("socket_setsockopt"),
    lsm("task_alloc"),
    lsm("inode_setxattr"),
    lsm("inode_removexattr"),
    lsm("inode_getxattr"),
    lsm("ptrace_access_check"),
    lsm("task_kill"),
    lsm("task_setrlimit"),
    lsm("task_setscheduler"),
    lsm("task_setnice"),
    lsm("task_setioprio"),
    lsm("task_movememory"),
    lsm("sb_alloc_security"),
    lsm("sb_mount"),
    lsm("move_mount"),
    lsm("sb_umount"),
    lsm("sb_remount"),
    lsm("sb_pivotroot"),
    lsm("userns_create"),
    lsm("bpf"),
    lsm("perf_event_open"),
    lsm("kernel_module_request"),
    lsm("kernel_read_file"),
    lsm("kernel_load_data"),
    lsm("netlink_send"),
    lsm("capable"),
    lsm("bprm_creds_from_file"),
    lsm("socket_bind"),
    lsm("socket_listen"),
    lsm("unix_stream_connect"),
    lsm("unix_may_send"),
    lsm("file_receive"),
    lsm("path_notify"),
    lsm("uring_sqpoll"),
    lsm("uring_override_creds"),
    lsm("uring_cmd"),
    lsm("settime"),
    lsm("key_alloc"),
    lsm("key_permission"),
    lsm("shm_alloc_security"),
    lsm("msg_queue_alloc_security"),
    lsm("sem_alloc_security"),
    lsm("ipc_permission"),
    lsm("shm_shmctl"),
    lsm("msg_queue_msgctl"),
    lsm("sem_semctl"),
    lsm("inode_create"),
    lsm("inode_unlink"),
    later("file_truncate"),
    later("file_ioctl_compat"),
    later("inode_file_setattr"),
    later("inode_set_acl"),
    later("inode_remove_acl"),
    Hook { name: "sched_process_exec", kind: Kind::Tracepoint, required: true },
];

/// A security hook that the guarantees need.
const fn lsm(name: &'static str) -> Hook {
    Hook { name, kind: Kind::Lsm, required: true }
}

/// A security hook of later kernels, whose act comes to another hook on earlier ones.
const fn later(name: &'static str) -> Hook {
    Hook { name, kind: Kind::Lsm, required: false }
}

#[cfg(test)]
mod tests {
    use super::HOOKS;

    #[test]
    fn every_hook_is_described() {
        let text = include_str!("../../../docs/receipts.md");
        for hook in HOOKS {
            assert!(text.contains(&format!("`{}`", hook.name)), "{}", hook.name);
        }
    }
}
