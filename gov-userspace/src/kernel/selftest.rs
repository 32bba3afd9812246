//! The self-test: a probe task in a session of its own must be refused and granted what it should be, before anyone
//! says that this kernel enforces.

use std::ffi::{CStr, CString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use gov_common::policy::{CHUNK, EdgeKey, NO_SCOPE, Node};
use gov_common::rights::Rights;
use gov_common::verdict::{EACCES, EKEYREVOKED, Reason};

use super::error::KernelError;
use super::load::Kernel;
use super::ring::Ring;
use super::sessions::BindSpec;
use crate::policy::Compiled;

/// The session's number: no session of the daemon's has it, it counts up from 1.
const NUMBER: u64 = u64::MAX;
/// Granted to the probe.
const GRANTED: &CStr = c"/dev/null";
/// Not granted.
const OUTSIDE: &CStr = c"/dev/zero";
/// A name that is not there and that the probe may not make.
const NEW: &CStr = c"/dev/gov-self-test";

/// What the probe does after it has entered its cgroup, and the errno that it must meet, 0 for success.
type Step = (&'static str, fn() -> i32, i32);

const GOVERNED: &[Step] = &[
    ("reading what is granted", || open(GRANTED), 0),
    ("reading what is not granted", || open(OUTSIDE), EACCES),
    ("creating a folder", || errno(|| mkdir(NEW)), EACCES),
    ("executing a program", execute, EACCES),
    ("connecting", connect, EACCES),
];

const REVOKED: &[Step] = &[("reading after the session was revoked", || open(GRANTED), EKEYREVOKED)];

impl Kernel {
    /// Tries the hooks on a probe task. `folder` is a cgroup v2 folder that this process may make cgroups in and
    /// `level` its depth below the hierarchy's root. Call it before any session is bound: it takes what stands in
    /// the ring.
    ///
    /// # Errors
    /// [`KernelError::SelfTest`] says which act was not answered as it must be; then nothing can be promised.
    pub fn self_test(&mut self, ring: &mut Ring, folder: &Path, level: u32) -> Result<(), KernelError> {
        let cgroup = folder.join(format!("gov-self-test-{}", std::process::id()));
        fs::create_dir(&cgroup).map_err(|error| failed(&cgroup, &error))?;
        let tried = self.probe(ring, &cgroup, level.saturating_add(1));
        let removed = fs::remove_dir(&cgroup).map_err(|error| failed(&cgroup, &error));
        tried.and(removed)
    }

    /// The self-test in a cgroup of its own.
    fn probe(&mut self, ring: &mut Ring, cgroup: &Path, level: u32) -> Result<(), KernelError> {
        let cgroup_id = fs::metadata(cgroup).map_err(|error| failed(cgroup, &error))?.ino();
        let policy = policy();
        let slot = self.bind(&BindSpec {
            cgroup_id,
            cgroup_level: level,
            session_number: NUMBER,
            expires_boot_ns: u64::MAX,
            policy: &policy,
            flags: 0,
        })?;
        let procs = CString::new(cgroup.join("cgroup.procs").as_os_str().as_bytes())
            .map_err(|_| KernelError::SelfTest { what: "the cgroup's path holds a NUL".to_owned() })?;
        let tried = run(&procs, GOVERNED)
            .and_then(|()| self.cut(slot, Reason::Revoked))
            .and_then(|()| run(&procs, REVOKED));
        let state = self.unbind(slot)?;
        let mut events: u64 = 0;
        while ring.next().is_some() {
            events = events.saturating_add(1);
        }
        tried?;
        if events == state.sequence && state.lost == 0 {
            return Ok(());
        }
        let what = format!(
            "{} events were numbered, {events} came, {} are counted lost",
            state.sequence, state.lost
        );
        Err(KernelError::SelfTest { what })
    }
}

/// Reading one file and nothing else.
fn policy() -> Compiled {
    let node = |id, rights: Rights| Node {
        id,
        rights: rights.bits(),
        flags: 0,
        read_scope: NO_SCOPE,
        write_scope: NO_SCOPE,
        execute_scope: NO_SCOPE,
        connect_scope: NO_SCOPE,
        reserved: 0,
    };
    let edge = |parent, component: &[u8]| {
        let mut name = [0; CHUNK];
        for (slot, byte) in name.iter_mut().zip(component) {
            *slot = *byte;
        }
        EdgeKey { parent, more: 0, name }
    };
    Compiled {
        root: node(0, Rights::NONE),
        edges: vec![(edge(0, b"dev"), node(1, Rights::NONE)), (edge(1, b"null"), node(2, Rights::READ))],
        ..Compiled::default()
    }
}

/// Forks a probe that enters the cgroup and takes the steps; an error names the first that went wrong.
fn run(procs: &CStr, steps: &[Step]) -> Result<(), KernelError> {
    // SAFETY: the child only makes system calls on memory that was laid out before, and ends with `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let code = probe(procs, steps);
        // SAFETY: ends the child without running anything of ours.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: the status is ours and lives through the call.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    if child < 0 || waited != child || !libc::WIFEXITED(status) {
        return Err(KernelError::SelfTest { what: "the probe task did not run to its end".to_owned() });
    }
    let code = libc::WEXITSTATUS(status);
    let what = match code {
        0 => return Ok(()),
        NO_CONTROL => "the probe is refused before it is governed".to_owned(),
        NO_ENTRY => "the probe cannot enter its cgroup".to_owned(),
        code => {
            let step = usize::try_from(code).ok().and_then(|code| steps.get(code.checked_sub(1)?));
            step.map_or_else(
                || format!("the probe ended with {code}"),
                |(what, _, errno)| format!("{what} must end with errno {errno} and did not"),
            )
        }
    };
    Err(KernelError::SelfTest { what })
}

/// Exit status of a probe whose act fails before it is governed.
const NO_CONTROL: i32 = 100;
/// Exit status of a probe that cannot be governed.
const NO_ENTRY: i32 = 101;

/// The probe: 0, or what went wrong. Runs in a forked child, so it neither allocates nor locks.
fn probe(procs: &CStr, steps: &[Step]) -> i32 {
    if open(OUTSIDE) != 0 {
        return NO_CONTROL;
    }
    // SAFETY: the path is a C string that outlives the call.
    let entry = unsafe { libc::open(procs.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    // SAFETY: one byte of ours; `0` stands for the writer itself.
    let entered = unsafe { libc::write(entry, c"0".as_ptr().cast(), 1) };
    if entered != 1 {
        return NO_ENTRY;
    }
    let mut code: i32 = 0;
    for (_, act, errno) in steps {
        code = code.saturating_add(1);
        if act() != *errno {
            return code;
        }
    }
    0
}

/// Opens for reading: 0 or the errno.
fn open(path: &CStr) -> i32 {
    // SAFETY: the path is a C string that outlives the call.
    errno(|| unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) })
}

/// Makes a folder: the call's answer.
fn mkdir(path: &CStr) -> i32 {
    // SAFETY: the path is a C string that outlives the call.
    unsafe { libc::mkdir(path.as_ptr(), 0o700) }
}

/// Executes this program, which would end the probe with another status than 0.
fn execute() -> i32 {
    let arguments = [c"/proc/self/exe".as_ptr(), std::ptr::null()];
    let environment = [std::ptr::null()];
    // SAFETY: path, arguments and environment are NUL-terminated and outlive the call.
    errno(|| unsafe { libc::execve(c"/proc/self/exe".as_ptr(), arguments.as_ptr(), environment.as_ptr()) })
}

/// Connects to a port of this machine where nobody need listen.
fn connect() -> i32 {
    const DISCARD: u16 = 9;
    let address = libc::sockaddr_in {
        sin_family: 2,
        sin_port: DISCARD.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        sin_zero: [0; 8],
    };
    // SAFETY: takes three numbers.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    let length = 16;
    // SAFETY: the address is ours, of the length given, and outlives the call.
    errno(|| unsafe { libc::connect(socket, (&raw const address).cast(), length) })
}

/// 0 when a call succeeds, else its errno.
fn errno(call: impl FnOnce() -> i32) -> i32 {
    if call() >= 0 {
        return 0;
    }
    // SAFETY: takes nothing.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the thread's own errno, always valid.
    unsafe { *place }
}

/// The self-test's cgroup cannot be used.
fn failed(cgroup: &Path, error: &std::io::Error) -> KernelError {
    KernelError::SelfTest { what: format!("cannot use the cgroup `{}`: {error}", cgroup.display()) }
}
