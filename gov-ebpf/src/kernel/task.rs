//! What the kernel holds of tasks.

use super::{magic, read};
use aya_ebpf::helpers::bpf_get_current_task;
use gov_common::decide::Power;

/// Who acts.
#[derive(Clone, Copy, Default)]
pub struct Actor {
    pub start_ns: u64,
    pub parent: u32,
}

/// The start time of the current thread group, and its parent.
#[inline(always)]
pub fn actor() -> Option<Actor> {
    // SAFETY: the helper has no preconditions.
    let task = unsafe { bpf_get_current_task() };
    let leader = read::<u64>(task.wrapping_add(offset!(task_group_leader)))?;
    let parent = read::<u64>(task.wrapping_add(offset!(task_real_parent)))?;
    Some(Actor {
        start_ns: read::<u64>(leader.wrapping_add(offset!(task_start_boottime)))?,
        parent: read::<u32>(parent.wrapping_add(offset!(task_tgid)))?,
    })
}

/// Thread-group id of a task.
#[inline(always)]
pub fn task_group(task: u64) -> Option<u32> {
    read::<u32>(task.wrapping_add(offset!(task_tgid)))
}

/// The cgroup of a task.
#[inline(always)]
pub fn cgroup(task: u64) -> Option<u64> {
    let set = read::<u64>(task.wrapping_add(offset!(task_cgroups)))?;
    read::<u64>(set.wrapping_add(offset!(css_set_dfl_cgrp)))
}

/// The id of a cgroup's ancestor at a level; `None` where it lies less deep.
#[inline(always)]
pub fn ancestor(cgroup: u64, level: u32) -> Option<u64> {
    if read::<u32>(cgroup.wrapping_add(offset!(cgroup_level)))? < level {
        return None;
    }
    let place = cgroup.wrapping_add(offset!(cgroup_ancestors)).wrapping_add(level as u64 * 8);
    let above = read::<u64>(place)?;
    let node = read::<u64>(above.wrapping_add(offset!(cgroup_kn)))?;
    read::<u64>(node.wrapping_add(offset!(kernfs_id)))
}

/// Inode number of the current task's mount namespace.
#[inline(always)]
pub fn mount_namespace() -> Option<u32> {
    // SAFETY: the helper has no preconditions.
    let task = unsafe { bpf_get_current_task() };
    let proxy = read::<u64>(task.wrapping_add(offset!(task_nsproxy)))?;
    let namespace = read::<u64>(proxy.wrapping_add(offset!(nsproxy_mnt_ns)))?;
    read::<u32>(namespace.wrapping_add(offset!(mnt_namespace_inum)))
}

/// The task whose folder in /proc the object at a dentry lies in; 0 for an object that lies in none.
#[inline(always)]
pub fn task_shown(dentry: u64) -> Option<u64> {
    const PROC_SUPER_MAGIC: u64 = 0x9fa0;
    if magic(dentry)? != PROC_SUPER_MAGIC {
        return Some(0);
    }
    let inode = read::<u64>(dentry.wrapping_add(offset!(dentry_inode)))?;
    let entry = inode.wrapping_sub(offset!(proc_inode_vfs_inode));
    let pid = read::<u64>(entry.wrapping_add(offset!(proc_inode_pid)))?;
    if inode == 0 || pid == 0 {
        return Some(0);
    }
    // The first of those that have it as a thread is the only one.
    let link = read::<u64>(pid.wrapping_add(offset!(pid_tasks)))?;
    Some(if link == 0 { 0 } else { link.wrapping_sub(offset!(task_pid_links)) })
}

/// Whether the kernel acts in the current task under credentials that are not the task's, as a stacked file system does
/// on its layers under those of whoever mounted it: what the task itself asked for was judged before. Fail closed: not
/// where that cannot be read, nor where the task could have brought such a state about: by io_uring, which carries
/// credentials from one moment to another, by dumping its core, or by access(2), which asks what its own would do.
#[inline(always)]
pub fn acts_for_another() -> bool {
    gov_acts_for_another() != 0
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn gov_acts_for_another() -> u32 {
    const PF_IO_WORKER: u32 = 0x10;
    const PF_DUMPCORE: u32 = 0x200;
    // SAFETY: the helper has no preconditions.
    let task = unsafe { bpf_get_current_task() };
    let Some(cred) = read::<u64>(task.wrapping_add(offset!(task_cred))) else { return 0 };
    let Some(own) = read::<u64>(task.wrapping_add(offset!(task_real_cred))) else { return 0 };
    if cred == own {
        return 0;
    }
    let (uring, asks) = (offset!(task_io_uring), offset!(cred_non_rcu));
    let kept = read::<u32>(task.wrapping_add(offset!(task_flags)))
        .map(|flags| flags & (PF_IO_WORKER | PF_DUMPCORE))
        == Some(0)
        && read::<u64>(task.wrapping_add(uring)) == Some(0)
        && read::<u32>(cred.wrapping_add(asks)) == Some(0);
    kept as u32
}

/// The power that the current task has.
#[inline(always)]
pub fn power() -> Option<Power> {
    // SAFETY: the helper has no preconditions.
    let task = unsafe { bpf_get_current_task() };
    power_of(read::<u64>(task.wrapping_add(offset!(task_cred)))?)
}

/// The power that the program of the `struct linux_binprm` at an address will have.
#[inline(always)]
pub fn binprm_power(binprm: u64) -> Option<Power> {
    power_of(read::<u64>(binprm.wrapping_add(offset!(binprm_cred)))?)
}

/// The power of the `struct cred` at an address.
#[inline(always)]
fn power_of(cred: u64) -> Option<Power> {
    Some(Power {
        user: read::<u32>(cred.wrapping_add(offset!(cred_euid)))?,
        group: read::<u32>(cred.wrapping_add(offset!(cred_egid)))?,
        capabilities: read::<u64>(cred.wrapping_add(offset!(cred_cap_permitted)))?,
    })
}

/// Where the current task's arguments stand in its own memory: address and length.
#[inline(always)]
pub fn arguments() -> Option<(u64, u64)> {
    // SAFETY: the helper has no preconditions.
    let task = unsafe { bpf_get_current_task() };
    let mm = read::<u64>(task.wrapping_add(offset!(task_mm)))?;
    let from = read::<u64>(mm.wrapping_add(offset!(mm_arg_start)))?;
    let to = read::<u64>(mm.wrapping_add(offset!(mm_arg_end)))?;
    Some((from, to.wrapping_sub(from)))
}
