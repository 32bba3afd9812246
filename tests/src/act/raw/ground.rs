//! The ground that enforcement stands on.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use super::{c, call, check, owned};

/// Asks bpf(2) to create an array map of one element.
pub(in crate::act) fn bpf() -> io::Result<OwnedFd> {
    // BPF_MAP_CREATE's attributes: map type (2, array), key size, value size, entries.
    let attributes: [u32; 32] = std::array::from_fn(|at| [2, 4, 4, 1].get(at).copied().unwrap_or(0));
    // SAFETY: the attributes are valid for the length given and live through the call.
    unsafe { call(libc::SYS_bpf, [0, attributes.as_ptr() as usize, size_of_val(&attributes)]) }.map(owned)
}

/// Pins such a map at a path.
pub(in crate::act) fn pin_map(path: &str) -> io::Result<()> {
    const BPF_OBJ_PIN: usize = 6;
    let (path, map) = (c(path)?, bpf()?);
    let mut attributes = [0_u64; 16];
    attributes[0] = path.as_ptr() as u64;
    attributes[1] = map.as_raw_fd() as u64;
    let words = [BPF_OBJ_PIN, attributes.as_ptr() as usize, size_of_val(&attributes)];
    // SAFETY: attributes and path are valid for the length given and live through the call.
    unsafe { call(libc::SYS_bpf, words) }.map(drop)
}

/// Types a letter into a terminal of its own, as one that is shared with a person's shell would be typed into.
pub(in crate::act) fn type_into_terminal() -> io::Result<()> {
    let terminal = File::options().read(true).write(true).open("/dev/ptmx")?;
    // SAFETY: TIOCSTI reads one byte, which lives through the call.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSTI, c"x".as_ptr()) }.into()).map(drop)
}

/// Asks bpf(2) for what is pinned at a path.
pub(in crate::act) fn take_pin(path: &str) -> io::Result<()> {
    const BPF_OBJ_GET: usize = 7;
    let path = c(path)?;
    let mut attributes = [0_u64; 16];
    attributes[0] = path.as_ptr() as u64;
    let words = [BPF_OBJ_GET, attributes.as_ptr() as usize, size_of_val(&attributes)];
    // SAFETY: attributes and path are valid for the length given and live through the call.
    unsafe { call(libc::SYS_bpf, words) }.map(owned).map(drop)
}

/// Counts this process's own context switches.
pub(in crate::act) fn count_events() -> io::Result<()> {
    // struct perf_event_attr: PERF_TYPE_SOFTWARE, its size, PERF_COUNT_SW_CONTEXT_SWITCHES.
    let mut attributes = [0_u64; 16];
    attributes[0] = 1 | 128 << 32;
    attributes[1] = 3;
    let (any_cpu, no_group) = (usize::MAX, usize::MAX);
    let words = [attributes.as_ptr() as usize, 0, any_cpu, no_group, 0];
    // SAFETY: the attributes are valid for the size that they name and live through the call.
    unsafe { call(libc::SYS_perf_event_open, words) }.map(owned).map(drop)
}

/// Forgets a kernel that was loaded to be started after this one; there is none.
pub(in crate::act) fn load_no_kernel() -> io::Result<()> {
    // SAFETY: no segments are named, so nothing is read.
    unsafe { call(libc::SYS_kexec_load, [0, 0, 0, 0]) }.map(drop)
}

/// Loads a kernel module from a file, and takes it out again.
pub(in crate::act) fn load_module(file: &File, name: &str) -> io::Result<()> {
    const COMPRESSED: usize = 4;
    let is_compressed = file.metadata()?.len() > 0 && name_of(file)?.ends_with(".xz");
    let flags = if is_compressed { COMPRESSED } else { 0 };
    let words = [file.as_raw_fd() as usize, c"".as_ptr() as usize, flags];
    // SAFETY: the parameters are an empty string that lives through the call.
    unsafe { call(libc::SYS_finit_module, words) }?;
    let name = c(name)?;
    // SAFETY: the name is NUL-terminated and lives through the call.
    unsafe { call(libc::SYS_delete_module, [name.as_ptr() as usize, libc::O_NONBLOCK as usize]) }.map(drop)
}

fn name_of(file: &File) -> io::Result<String> {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    Ok(link.display().to_string())
}

/// Sets the machine's clock to what it says.
pub(in crate::act) fn set_clock() -> io::Result<()> {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is valid for writing and lives through the call.
    check(unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now) }.into())?;
    // SAFETY: the time lives through the call.
    check(unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &raw const now) }.into()).map(drop)
}

/// Handles page faults of its own memory, the kernel's own accesses to it included.
pub(in crate::act) fn handle_faults() -> io::Result<()> {
    // SAFETY: takes a number.
    unsafe { call(libc::SYS_userfaultfd, [0]) }.map(owned).map(drop)
}

/// Reads how many bytes of messages the kernel has kept.
pub(in crate::act) fn read_kernel_log() -> io::Result<()> {
    const SYSLOG_ACTION_SIZE_UNREAD: i32 = 9;
    // SAFETY: this action touches no memory.
    check(unsafe { libc::klogctl(SYSLOG_ACTION_SIZE_UNREAD, std::ptr::null_mut(), 0) }.into()).map(drop)
}

/// May talk to one port of the machine's hardware: the one that BIOS diagnostics are written to.
pub(in crate::act) fn reach_hardware() -> io::Result<()> {
    // SAFETY: ioperm takes plain numbers.
    check(unsafe { libc::ioperm(0x80, 1, 1) }.into()).map(drop)
}

/// Turns accounting of processes off, as it is.
pub(in crate::act) fn stop_accounting() -> io::Result<()> {
    // SAFETY: no path is named.
    check(unsafe { libc::acct(std::ptr::null()) }.into()).map(drop)
}

/// Has this process run before all others that are not as urgent.
pub(in crate::act) fn become_urgent() -> io::Result<()> {
    let least = libc::sched_param { sched_priority: 1 };
    // SAFETY: the parameter lives through the call.
    check(unsafe { libc::sched_setscheduler(0, libc::SCHED_RR, &raw const least) }.into()).map(drop)
}

/// Sets the host's name to what it is.
pub(in crate::act) fn set_host_name() -> io::Result<()> {
    let name = rustix::system::uname().nodename().to_bytes().to_vec();
    // SAFETY: the name is valid for its length and lives through the call.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }.into()).map(drop)
}

/// Adds a key to a keyring: -3 is the session's, -4 the user's, which other processes share.
pub(in crate::act) fn add_key(ring: i32) -> io::Result<()> {
    let (kind, name, secret) =
        (c"user".as_ptr() as usize, c"gov-suite".as_ptr() as usize, c"s".as_ptr() as usize);
    // SAFETY: all strings are NUL-terminated, the secret has one byte, and all live through the call.
    unsafe { call(libc::SYS_add_key, [kind, name, secret, 1, ring as usize]) }.map(drop)
}

/// Reads which keys a keyring holds.
pub(in crate::act) fn read_keys(ring: i32) -> io::Result<()> {
    const KEYCTL_READ: usize = 11;
    let mut keys = [0_u32; 64];
    let words = [KEYCTL_READ, ring as usize, keys.as_mut_ptr() as usize, size_of_val(&keys)];
    // SAFETY: the room is valid for writing for the length given and lives through the call.
    unsafe { call(libc::SYS_keyctl, words) }.map(drop)
}

/// Takes nothing away from what a mount allows, by mount_setattr(2).
pub(in crate::act) fn set_mount_attributes(folder: &str) -> io::Result<()> {
    let folder = c(folder)?;
    // struct mount_attr: what to set, what to clear, propagation, user namespace.
    let attributes = [0_u64; 4];
    let here = libc::AT_FDCWD as usize;
    let words = [here, folder.as_ptr() as usize, 0, attributes.as_ptr() as usize, size_of_val(&attributes)];
    // SAFETY: the path is NUL-terminated, the attributes are valid for the size given, and both live through the call.
    unsafe { call(libc::SYS_mount_setattr, words) }.map(drop)
}
