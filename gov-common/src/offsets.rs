//! Where the running kernel keeps what the hooks read.
//!
//! The daemon fills one [`Offsets`] from the kernel's BTF and symbol table before the object is loaded; the object
//! holds it in read-only data, which the verifier treats as constants. An offset that was compiled in would
//! silently read the wrong field on the next kernel.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Byte offsets of struct fields, unless a field's note says otherwise. Names are `struct_field`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "each is named after the kernel's struct and field")]
pub struct Offsets {
    /// Address of the kernel's `rename_lock`, whose first member is its sequence; 0 where it is not known, and
    /// then no walk is trusted.
    pub rename_lock: u64,
    /// Address of the kernel's `mount_lock`, likewise.
    pub mount_lock: u64,
    pub path_mnt: u32,
    pub path_dentry: u32,
    pub file_path: u32,
    pub file_mode: u32,
    pub file_flags: u32,
    pub file_private_data: u32,
    /// Followed directly by `d_name`, which starts with its hash and length: one read fetches all three.
    pub dentry_parent: u32,
    /// `d_hash.pprev`: null while the name is not hashed, that is, deleted.
    pub dentry_hash_pprev: u32,
    pub dentry_inode: u32,
    pub dentry_sb: u32,
    pub inode_ino: u32,
    pub inode_mode: u32,
    pub sb_dev: u32,
    pub sb_magic: u32,
    pub sb_flags: u32,
    /// Head of the superblock's list of mounts: `struct list_head`, or since 7.0 a pointer to the first mount.
    pub sb_mounts: u32,
    /// Of `struct vfsmount mnt` in `struct mount`.
    pub mount_mnt: u32,
    pub mount_parent: u32,
    pub mount_mountpoint: u32,
    pub mount_ns: u32,
    /// The link to the superblock's next mount: `mnt_instance`, or since 7.0 `mnt_next_for_sb`.
    pub mount_next_for_sb: u32,
    /// 1 where the superblock's mounts are linked by plain pointers, 0 where by `struct list_head`.
    pub mounts_are_plain: u32,
    pub vfsmount_root: u32,
    pub mnt_namespace_inum: u32,
    pub task_group_leader: u32,
    pub task_start_boottime: u32,
    pub task_real_parent: u32,
    pub task_tgid: u32,
    pub task_nsproxy: u32,
    pub task_mm: u32,
    pub task_cgroups: u32,
    pub css_set_dfl_cgrp: u32,
    pub cgroup_level: u32,
    /// The array of ancestors' addresses, by level.
    pub cgroup_ancestors: u32,
    pub cgroup_kn: u32,
    pub kernfs_id: u32,
    pub nsproxy_mnt_ns: u32,
    pub mm_arg_start: u32,
    pub mm_arg_end: u32,
    pub task_cred: u32,
    /// The links to the task's own `struct pid`, the first of them as a thread.
    pub task_pid_links: u32,
    /// The lists of tasks that have a `struct pid`, the first of them that have it as a thread.
    pub pid_tasks: u32,
    pub proc_inode_pid: u32,
    pub proc_inode_vfs_inode: u32,
    pub cred_euid: u32,
    pub cred_egid: u32,
    pub cred_cap_permitted: u32,
    pub binprm_file: u32,
    pub binprm_filename: u32,
    pub binprm_interp: u32,
    pub binprm_cred: u32,
    pub vma_file: u32,
    pub socket_sk: u32,
    pub sock_family: u32,
    pub sock_protocol: u32,
    /// The own port, host order.
    pub sock_num: u32,
    /// The own IPv4 address.
    pub sock_address: u32,
    /// The own IPv6 address.
    pub sock_address_v6: u32,
    /// The cgroup that the socket was made in.
    pub sock_cgroup: u32,
    pub unix_sock_path: u32,
    pub unix_sock_addr: u32,
    /// Of the `struct sockaddr_un` in `struct unix_address`.
    pub unix_address_name: u32,
    pub skb_len: u32,
    pub skb_data: u32,
    pub msghdr_name: u32,
    pub msghdr_namelen: u32,
    pub msghdr_control: u32,
    pub msghdr_controllen: u32,
    pub iattr_valid: u32,
    /// Which argument of `inode_setattr` is the dentry: 0, or 1 where the idmap comes first (since 6.9).
    pub setattr_dentry: u32,
    /// The bit of `f_mode` that marks the inner file of a stacked file system, 0 where there is none (before 6.5).
    pub mode_backing: u32,
    /// Where an inner file keeps the path of the outer one, 0 where it has none (before 6.8).
    pub backing_user_path: u32,
    pub file_inode: u32,
    pub task_flags: u32,
    pub task_real_cred: u32,
    /// What the task has of io_uring, null if it never used any.
    pub task_io_uring: u32,
    /// Not 0 in credentials that access(2) makes for one question.
    pub cred_non_rcu: u32,
    /// Zero.
    pub reserved: u32,
}

impl Offsets {
    /// Every offset 0: what the object holds until the daemon has filled it in.
    pub const UNKNOWN: Self = zerocopy::transmute!([0u8; size_of::<Self>()]);
}

const _: () = assert!(size_of::<Offsets>() == 2 * 8 + 78 * 4);
