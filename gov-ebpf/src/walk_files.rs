//! `iter/task_file`: walks every open file of every task with the hooks' own walk. No hook: it loads where the
//! kernel refuses LSM programs, so that the walk can be compared with `/proc/PID/fd` and timed.

use crate::bounds::masked;
use crate::kernel;
use crate::scratch::{self, Case};
use crate::weigh::{gov_climb, gov_descend_one};
use aya_ebpf::bindings::seq_file;
use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::helpers::generated::bpf_seq_write;
use gov_common::event::Action;
use gov_common::policy::Node;
use gov_common::walk::{TEXT, descend_by};
use gov_common::walked::{TURNS, Walked};

/// `struct bpf_iter_meta` and `struct bpf_iter__task_file`, which are the kernel's stable interface.
#[repr(C)]
struct Meta {
    seq: *mut seq_file,
}

#[repr(C)]
struct Context {
    meta: *const Meta,
    task: *const u8,
    fd: u32,
    file: *const u8,
}

#[unsafe(link_section = "iter/task_file")]
#[unsafe(no_mangle)]
fn walk_files(context: *const Context) -> i32 {
    // SAFETY: the kernel passes its context, whose fields the verifier checks.
    let (meta, task, fd, file) =
        unsafe { ((*context).meta, (*context).task, (*context).fd, (*context).file) };
    if file.is_null() || task.is_null() {
        // The last call of all has no file.
        return 0;
    }
    // SAFETY: the kernel's own pointer, which the verifier checks.
    let seq = unsafe { (*meta).seq };
    let Some((dentry, mount)) = kernel::path(kernel::file_path(file as u64)) else { return 0 };
    let pid = kernel::task_group(task as u64).unwrap_or(0);
    let Some(number) = scratch::claim() else { return 0 };
    if let Some(room) = scratch::room(number) {
        room.case = Case::new(0, Action::Read);
        room.case.dentry[0] = dentry;
        room.case.mount[0] = mount;
        gov_walk_file(number, pid, fd);
        let length = room.object_len.get();
        let from = room.tail.as_ptr();
        // SAFETY: the length is bounded by the tail's.
        unsafe {
            bpf_seq_write(seq, from.cast(), masked::<{ scratch::PART as u32 }>(length as usize) as u32)
        };
    }
    scratch::release(number);
    0
}

/// Walks the room's object and lays its record out in the room's tail, `object_len` bytes.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_walk_file(number: u32, pid: u32, fd: u32) -> u32 {
    const HEAD: usize = size_of::<Walked>();
    let Some(room) = scratch::room(number) else { return 0 };
    // SAFETY: the helper has no preconditions.
    let before = unsafe { bpf_ktime_get_ns() };
    let mut reason = 0;
    let mut turn = 0;
    while turn < TURNS {
        reason = gov_climb(number, 0);
        room.objects[0].walk.enter(Node::default(), 0);
        descend_by(|turn| gov_descend_one(number, 0, turn as u32) != 0);
        turn += 1;
    }
    // SAFETY: the helper has no preconditions.
    let time_ns = unsafe { bpf_ktime_get_ns() } - before;
    let start = masked::<{ 2 * TEXT as u32 - 1 }>(room.objects[0].walk.start());
    let length = if start < TEXT { TEXT - start } else { 0 };
    let from = room.objects[0].walk.text().as_ptr().wrapping_add(start);
    let to = room.tail.as_mut_ptr();
    let head = Walked { time_ns, pid, fd, reason, length: length as u32 };
    // SAFETY: the head lies within the tail; tails are aligned to four bytes, and words are written as they come.
    unsafe { to.cast::<Walked>().write_unaligned(head) };
    // SAFETY: the head and a length bounded by PART lie within the tail.
    unsafe { kernel::copy(to.wrapping_add(HEAD), masked::<{ scratch::PART as u32 }>(length) as u32, from) };
    room.object_len.set(HEAD as u32 + length as u32);
    1
}
