//! Fills in [`Offsets`] from the running kernel's types and symbols.

use std::fs;

use btf_rs::{Btf, Type};
use gov_common::offsets::Offsets;

use super::error::KernelError;

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";
/// Hooks whose second argument is taken for the dentry.
const SECOND_DENTRY: [&str; 4] = [
    "bpf_lsm_inode_setxattr",
    "bpf_lsm_inode_removexattr",
    "bpf_lsm_inode_set_acl",
    "bpf_lsm_inode_remove_acl",
];
const KALLSYMS: &str = "/proc/kallsyms";

/// The running kernel's types.
pub(super) struct Types(Btf);

impl Types {
    /// Reads them.
    pub(super) fn of_this_kernel() -> Result<Self, KernelError> {
        Btf::from_file(VMLINUX)
            .map(Self)
            .map_err(|error| KernelError::Btf { path: VMLINUX, message: error.to_string() })
    }

    /// Every offset that the hooks use. The addresses of its locks are 0 where the kernel does not tell them.
    pub(super) fn offsets(&self) -> Result<Offsets, KernelError> {
        let entry = self.at("dentry", "d_parent")?;
        let name = self.at("dentry", "d_name")?;
        let adjacent = entry.checked_add(8) == Some(name)
            && self.at("qstr", "hash_len")? == 0
            && self.at("qstr", "name")? == 8;
        if !adjacent {
            return Err(KernelError::Layout { what: "the name in `struct dentry`" });
        }
        for hook in SECOND_DENTRY {
            if self.has_function(hook) && self.argument(hook, "dentry")? != 1 {
                return Err(KernelError::Layout { what: hook });
            }
        }
        let plain = self.find("mount", "mnt_next_for_sb")?.is_some();
        let next = if plain { "mnt_next_for_sb" } else { "mnt_instance" };
        Ok(Offsets {
            rename_lock: symbol("rename_lock")?,
            mount_lock: symbol("mount_lock")?,
            path_mnt: self.at("path", "mnt")?,
            path_dentry: self.at("path", "dentry")?,
            file_path: self.at("file", "f_path")?,
            file_mode: self.at("file", "f_mode")?,
            file_flags: self.at("file", "f_flags")?,
            file_private_data: self.at("file", "private_data")?,
            dentry_parent: entry,
            dentry_hash_pprev: sum(self.at("dentry", "d_hash")?, self.at("hlist_bl_node", "pprev")?)?,
            dentry_inode: self.at("dentry", "d_inode")?,
            dentry_sb: self.at("dentry", "d_sb")?,
            inode_ino: self.at("inode", "i_ino")?,
            inode_mode: self.at("inode", "i_mode")?,
            sb_dev: self.at("super_block", "s_dev")?,
            sb_magic: self.at("super_block", "s_magic")?,
            sb_flags: self.at("super_block", "s_flags")?,
            sb_mounts: self.at("super_block", "s_mounts")?,
            mount_mnt: self.at("mount", "mnt")?,
            mount_parent: self.at("mount", "mnt_parent")?,
            mount_mountpoint: self.at("mount", "mnt_mountpoint")?,
            mount_ns: self.at("mount", "mnt_ns")?,
            mount_next_for_sb: self.at("mount", next)?,
            mounts_are_plain: plain.into(),
            vfsmount_root: self.at("vfsmount", "mnt_root")?,
            mnt_namespace_inum: sum(self.at("mnt_namespace", "ns")?, self.at("ns_common", "inum")?)?,
            task_group_leader: self.at("task_struct", "group_leader")?,
            task_start_boottime: self.at("task_struct", "start_boottime")?,
            task_real_parent: self.at("task_struct", "real_parent")?,
            task_tgid: self.at("task_struct", "tgid")?,
            task_nsproxy: self.at("task_struct", "nsproxy")?,
            task_mm: self.at("task_struct", "mm")?,
            task_cgroups: self.at("task_struct", "cgroups")?,
            css_set_dfl_cgrp: self.at("css_set", "dfl_cgrp")?,
            cgroup_level: self.at("cgroup", "level")?,
            cgroup_ancestors: self.at("cgroup", "ancestors")?,
            cgroup_kn: self.at("cgroup", "kn")?,
            kernfs_id: self.at("kernfs_node", "id")?,
            nsproxy_mnt_ns: self.at("nsproxy", "mnt_ns")?,
            mm_arg_start: self.at("mm_struct", "arg_start")?,
            mm_arg_end: self.at("mm_struct", "arg_end")?,
            task_cred: self.at("task_struct", "cred")?,
            task_pid_links: self.at("task_struct", "pid_links")?,
            pid_tasks: self.at("pid", "tasks")?,
            proc_inode_pid: self.at("proc_inode", "pid")?,
            proc_inode_vfs_inode: self.at("proc_inode", "vfs_inode")?,
            cred_euid: self.at("cred", "euid")?,
            cred_egid: self.at("cred", "egid")?,
            cred_cap_permitted: self.at("cred", "cap_permitted")?,
            binprm_file: self.at("linux_binprm", "file")?,
            binprm_filename: self.at("linux_binprm", "filename")?,
            binprm_interp: self.at("linux_binprm", "interp")?,
            binprm_cred: self.at("linux_binprm", "cred")?,
            vma_file: self.at("vm_area_struct", "vm_file")?,
            socket_sk: self.at("socket", "sk")?,
            sock_family: sum(self.at("sock", "__sk_common")?, self.at("sock_common", "skc_family")?)?,
            sock_protocol: self.at("sock", "sk_protocol")?,
            sock_num: sum(self.at("sock", "__sk_common")?, self.at("sock_common", "skc_num")?)?,
            sock_address: sum(self.at("sock", "__sk_common")?, self.at("sock_common", "skc_rcv_saddr")?)?,
            sock_address_v6: sum(
                self.at("sock", "__sk_common")?,
                self.at("sock_common", "skc_v6_rcv_saddr")?,
            )?,
            sock_cgroup: sum(self.at("sock", "sk_cgrp_data")?, self.at("sock_cgroup_data", "cgroup")?)?,
            unix_sock_path: self.at("unix_sock", "path")?,
            unix_sock_addr: self.at("unix_sock", "addr")?,
            unix_address_name: self.at("unix_address", "name")?,
            skb_len: self.at("sk_buff", "len")?,
            skb_data: self.at("sk_buff", "data")?,
            msghdr_name: self.at("msghdr", "msg_name")?,
            msghdr_namelen: self.at("msghdr", "msg_namelen")?,
            msghdr_control: self.at("msghdr", "msg_control")?,
            msghdr_controllen: self.at("msghdr", "msg_controllen")?,
            iattr_valid: self.at("iattr", "ia_valid")?,
            setattr_dentry: self.argument("bpf_lsm_inode_setattr", "dentry")?,
            mode_backing: self.mode_backing(),
            backing_user_path: self.find("backing_file", "user_path")?.unwrap_or(0),
            file_inode: self.at("file", "f_inode")?,
            task_flags: self.at("task_struct", "flags")?,
            task_real_cred: self.at("task_struct", "real_cred")?,
            task_io_uring: self.at("task_struct", "io_uring")?,
            cred_non_rcu: self.at("cred", "non_rcu")?,
            reserved: 0,
        })
    }

    /// `FMODE_BACKING`, which types do not tell (include/linux/fs.h): bit 25 since 6.5, and bit 24 since fsnotify took
    /// its place (6.14, with functions that set the mode at open).
    fn mode_backing(&self) -> u32 {
        const AT_OPEN: [&str; 2] =
            ["file_set_fsnotify_mode_from_watchers", "fsnotify_open_perm_and_set_mode"];
        if self.structures("backing_file").is_empty() {
            0
        } else if AT_OPEN.iter().any(|name| self.has_function(name)) {
            1 << 24
        } else {
            1 << 25
        }
    }

    /// Whether the kernel has a function of this name.
    pub(super) fn has_function(&self, name: &str) -> bool {
        self.0
            .resolve_types_by_name(name)
            .is_ok_and(|types| types.iter().any(|kind| matches!(kind, Type::Func(_))))
    }

    /// The offset in bytes of a field that must be there.
    fn at(&self, structure: &'static str, field: &'static str) -> Result<u32, KernelError> {
        self.find(structure, field)?.ok_or(KernelError::UnknownField { structure, field })
    }

    /// The offset in bytes of a field. Structures of one name that disagree are an error, never a guess.
    fn find(&self, structure: &'static str, field: &'static str) -> Result<Option<u32>, KernelError> {
        let mut places = self.structures(structure).into_iter().map(|this| self.member(&this, field));
        let Some(first) = places.next() else { return Ok(None) };
        let count = places.len().saturating_add(1);
        if places.any(|other| other != first) {
            return Err(KernelError::AmbiguousField { structure, field, count });
        }
        match first {
            Some(bits) if bits % 8 == 0 => Ok(Some(bits / 8)),
            Some(_) => Err(KernelError::Layout { what: field }),
            None => Ok(None),
        }
    }

    /// Every structure of a name.
    fn structures(&self, name: &str) -> Vec<btf_rs::Struct> {
        let types = self.0.resolve_types_by_name(name).unwrap_or_default();
        types
            .into_iter()
            .filter_map(|kind| if let Type::Struct(this) = kind { Some(this) } else { None })
            .collect()
    }

    /// The offset in bits of a field, which may lie in an anonymous member.
    fn member(&self, structure: &btf_rs::Struct, field: &str) -> Option<u32> {
        for member in &structure.members {
            let name = self.0.resolve_name(member).unwrap_or_default();
            if name == field {
                return Some(member.bit_offset());
            }
            if name.is_empty()
                && let Ok(Type::Struct(inner) | Type::Union(inner)) = self.0.resolve_chained_type(member)
                && let Some(bits) = self.member(&inner, field)
            {
                return member.bit_offset().checked_add(bits);
            }
        }
        None
    }

    /// The position of a function's parameter.
    fn argument(&self, function: &'static str, parameter: &'static str) -> Result<u32, KernelError> {
        let unknown = KernelError::UnknownField { structure: function, field: parameter };
        let types = self.0.resolve_types_by_name(function).unwrap_or_default();
        let position = types.iter().find_map(|kind| {
            let Type::Func(this) = kind else { return None };
            let Ok(Type::FuncProto(prototype)) = self.0.resolve_chained_type(this) else { return None };
            prototype
                .parameters
                .iter()
                .position(|one| self.0.resolve_name(one).is_ok_and(|name| name == parameter))
        });
        position.and_then(|index| u32::try_from(index).ok()).ok_or(unknown)
    }
}

/// The sum of a structure's offset and a field's in it.
fn sum(outer: u32, inner: u32) -> Result<u32, KernelError> {
    outer.checked_add(inner).ok_or(KernelError::Layout { what: "a structure of more than four gigabytes" })
}

/// The address of a kernel symbol; 0 where the kernel does not tell it.
fn symbol(name: &'static str) -> Result<u64, KernelError> {
    let table =
        fs::read_to_string(KALLSYMS).map_err(|source| KernelError::Read { path: KALLSYMS, source })?;
    let address = table.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let address = words.next()?;
        // The symbol's kind stands between, a module's name would follow.
        (words.nth(1)? == name && words.next().is_none()).then_some(address)
    });
    Ok(address.and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::Types;

    #[test]
    fn every_offset_is_found_in_this_kernels_types() {
        let types = match Types::of_this_kernel() {
            Ok(types) => types,
            Err(error) => {
                println!("skipped: {error}");
                return;
            }
        };
        let offsets = types.offsets().unwrap();
        assert_ne!(offsets.dentry_parent, 0);
        assert_ne!(offsets.mount_mnt, 0);
        assert!(types.has_function("vfs_open"));
        assert!(!types.has_function("gov_is_no_kernel_function"));
    }
}
