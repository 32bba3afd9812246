//! The system calls that no safe library makes: the fence around this package's unsafe code.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::null_mut;

fn check(result: i64) -> io::Result<i64> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn c(path: &str) -> io::Result<CString> {
    Ok(CString::new(path)?)
}

/// From now on SIGTERM does nothing.
pub(super) fn stay_when_asked_to_end() -> io::Result<()> {
    // SAFETY: SIG_IGN is no function of ours that a signal could interrupt.
    let before = unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

pub(super) fn truncate(path: &str) -> io::Result<i64> {
    let path = c(path)?;
    // SAFETY: the path is NUL-terminated and lives through the call.
    check(unsafe { libc::truncate(path.as_ptr(), 0) }.into())
}

pub(super) fn mknod(path: &str) -> io::Result<i64> {
    let path = c(path)?;
    // SAFETY: the path is NUL-terminated and lives through the call.
    check(unsafe { libc::mknod(path.as_ptr(), libc::S_IFIFO | 0o600, 0) }.into())
}

pub(super) fn chroot(path: &str) -> io::Result<i64> {
    let path = c(path)?;
    // SAFETY: the path is NUL-terminated and lives through the call.
    check(unsafe { libc::chroot(path.as_ptr()) }.into())
}

/// Maps the first page of a file as code.
pub(super) fn map_code(file: &File) -> io::Result<()> {
    map(file, libc::PROT_READ | libc::PROT_EXEC).map(drop)
}

/// Maps the first page of a file for reading, then makes the mapping executable.
pub(super) fn map_then_protect(file: &File) -> io::Result<()> {
    let page = map(file, libc::PROT_READ)?;
    // SAFETY: the page was just mapped and nothing points into it.
    check(unsafe { libc::mprotect(page, 4096, libc::PROT_READ | libc::PROT_EXEC) }.into()).map(drop)
}

/// Maps memory without a file, executable from its start, as just-in-time compilers do.
pub(super) fn map_anonymous() -> io::Result<()> {
    let protection = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    map_page(protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1).map(drop)
}

fn map(file: &File, protection: i32) -> io::Result<*mut libc::c_void> {
    map_page(protection, libc::MAP_PRIVATE, file.as_raw_fd())
}

fn map_page(protection: i32, flags: i32, file: i32) -> io::Result<*mut libc::c_void> {
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
    let page = unsafe { libc::mmap(null_mut(), 4096, protection, flags, file, 0) };
    if page == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(page) }
}

/// Sends data in the opening packet of a TCP connection: `sendto` with `MSG_FASTOPEN`, no `connect`.
pub(super) fn fast_open(address: &str) -> io::Result<i64> {
    let SocketAddr::V4(address) = address.parse().map_err(io::Error::other)? else {
        return Err(io::Error::other("fast-open takes an IPv4 address"));
    };
    let socket = socket(libc::AF_INET, libc::SOCK_STREAM, 0)?;
    let to = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
        sin_zero: [0; 8],
    };
    // SAFETY: data and address are valid for the lengths given and live through the call.
    let sent = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            c"secret".as_ptr().cast(),
            6,
            libc::MSG_FASTOPEN,
            (&raw const to).cast(),
            size_of_val(&to) as u32,
        )
    };
    check(sent as i64)
}

pub(super) fn raw_socket() -> io::Result<OwnedFd> {
    socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)
}

pub(super) fn packet_socket() -> io::Result<OwnedFd> {
    socket(libc::AF_PACKET, libc::SOCK_RAW, 0)
}

fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: socket takes plain numbers.
    let fd = check(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) }.into())?;
    // SAFETY: the kernel just returned this descriptor and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Attaches to a process without stopping it, and lets go again at exit.
pub(super) fn trace(pid: i32) -> io::Result<i64> {
    // SAFETY: PTRACE_SEIZE takes a process and two numbers.
    check(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0, 0) })
}

/// Mounts a temporary file system over a folder, in a mount namespace of its own.
pub(super) fn mount(folder: &str) -> io::Result<i64> {
    let folder = c(folder)?;
    // SAFETY: unshare takes plain flags; this program has one thread.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS) }.into())?;
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: every string is NUL-terminated and lives through the call.
    let made =
        unsafe { libc::mount(c"none".as_ptr(), c"/".as_ptr(), std::ptr::null(), private, std::ptr::null()) };
    check(made.into())?;
    // SAFETY: every string is NUL-terminated and lives through the call.
    let made =
        unsafe { libc::mount(c"none".as_ptr(), folder.as_ptr(), c"tmpfs".as_ptr(), 0, std::ptr::null()) };
    check(made.into())
}

/// Asks bpf(2) to create an array map of one element.
pub(super) fn bpf() -> io::Result<i64> {
    // BPF_MAP_CREATE's attributes: map type (2, array), key size, value size, entries.
    let attributes: [u32; 32] = std::array::from_fn(|at| [2, 4, 4, 1].get(at).copied().unwrap_or(0));
    // SAFETY: the attributes are valid for the length given and live through the call.
    check(unsafe { libc::syscall(libc::SYS_bpf, 0, attributes.as_ptr(), size_of_val(&attributes)) })
}

/// Has a process signalled whenever a file is ready, as fcntl(2) does it.
pub(super) fn set_owner(file: &OwnedFd, pid: i32) -> io::Result<()> {
    // SAFETY: F_SETOWN takes a number.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETOWN, pid) }.into()).map(drop)
}

/// The same of a socket, as ioctl(2) does it.
pub(super) fn own_file(pid: i32) -> io::Result<()> {
    const FIOSETOWN: libc::c_ulong = 0x8901;
    let socket = socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    // SAFETY: FIOSETOWN reads one number, which lives through the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), FIOSETOWN, &raw const pid) }.into()).map(drop)
}

/// Sets the loopback interface up, as it is.
pub(super) fn set_link_up() -> io::Result<()> {
    const SIOCSIFFLAGS: libc::c_ulong = 0x8914;
    let socket = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    // struct ifreq: sixteen bytes of name, then the flags IFF_UP and IFF_RUNNING.
    let mut request = [0_u8; 40];
    request[..2].copy_from_slice(b"lo");
    request[16] = 0x41;
    // SAFETY: SIOCSIFFLAGS reads one `struct ifreq`, which lives through the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), SIOCSIFFLAGS, request.as_ptr()) }.into()).map(drop)
}

/// Has every packet of a socket go by an address that the sender chooses: a loose source route.
pub(super) fn source_route() -> io::Result<()> {
    let socket = socket(libc::AF_INET, libc::SOCK_STREAM, 0)?;
    // No operation, loose source route of one hop over 127.0.0.1.
    let options: [u8; 8] = [1, 131, 7, 4, 127, 0, 0, 1];
    let length = size_of_val(&options) as libc::socklen_t;
    // SAFETY: the options are valid for the length given and live through the call.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_OPTIONS,
            options.as_ptr().cast(),
            length,
        )
    };
    check(set.into()).map(drop)
}

/// Types a letter into a terminal of its own, as one that is shared with a person's shell would be typed into.
pub(super) fn type_into_terminal() -> io::Result<()> {
    let terminal = File::options().read(true).write(true).open("/dev/ptmx")?;
    // SAFETY: TIOCSTI reads one byte, which lives through the call.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSTI, c"x".as_ptr()) }.into()).map(drop)
}

/// Starts a child that waits for ever, and ends it with a signal.
pub(super) fn kill_child() -> io::Result<()> {
    // SAFETY: a fork: the child has its own copy of everything. One thread runs.
    let child = check(unsafe { libc::fork() }.into())? as i32;
    if child == 0 {
        // SAFETY: takes nothing; a signal ends the child in it.
        unsafe { libc::pause() };
        // SAFETY: ends the child without running anything of the parent's.
        unsafe { libc::_exit(0) }
    }
    // SAFETY: kill takes two numbers.
    let killed = check(unsafe { libc::kill(child, libc::SIGKILL) }.into());
    if killed.is_err() {
        // The child waits for ever; nobody waits for it.
        return killed.map(drop);
    }
    // SAFETY: waits for the child just made; no status is asked for.
    check(unsafe { libc::waitpid(child, null_mut(), 0) }.into()).map(drop)
}

/// Starts a child straight into another cgroup; the child ends at once.
pub(super) fn clone_into_cgroup(folder: &File) -> io::Result<()> {
    // struct clone_args: flags first, exit_signal fifth, cgroup eleventh; the rest is zero.
    let mut arguments = [0u64; 11];
    arguments[0] = 0x2_0000_0000; // CLONE_INTO_CGROUP
    arguments[4] = libc::SIGCHLD as u64;
    arguments[10] = folder.as_raw_fd() as u64;
    // SAFETY: without CLONE_VM this is a fork: the child has its own copy of everything. One thread runs.
    let child =
        check(unsafe { libc::syscall(libc::SYS_clone3, arguments.as_ptr(), size_of_val(&arguments)) })?;
    if child == 0 {
        // SAFETY: ends the child without running anything of the parent's.
        unsafe { libc::_exit(0) }
    }
    // SAFETY: waits for the child just made; no status is asked for.
    check(unsafe { libc::waitpid(child as i32, null_mut(), 0) }.into()).map(drop)
}

/// Opens a file for reading through io_uring, so that this program never calls open(2).
pub(super) fn uring_open(path: &str) -> io::Result<()> {
    let path = c(path)?;
    // struct io_uring_params: 120 bytes; the kernel fills the rings' offsets in.
    let mut params = [0u32; 30];
    // SAFETY: the parameters are valid for writing and live through the call.
    let fd = check(unsafe { libc::syscall(libc::SYS_io_uring_setup, 4, params.as_mut_ptr()) })?;
    // SAFETY: the kernel just returned this descriptor and nothing else owns it.
    let ring = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    // The offsets of the submission ring start at word 10, those of the completion ring at word 20.
    let (tail, array) = (params[11], params[16]);
    let completions = params[25];
    let submission = ring_page(&ring, 0)?;
    let completion = ring_page(&ring, 0x800_0000)?;
    let entries = ring_page(&ring, 0x1000_0000)?;

    // struct io_uring_sqe: opcode IORING_OP_OPENAT in byte 0, descriptor in word 1, path in words 4 and 5.
    let mut entry = [0u32; 16];
    entry[0] = 18;
    entry[1] = libc::AT_FDCWD as u32;
    let address = path.as_ptr() as u64;
    entry[4] = address as u32;
    entry[5] = (address >> 32) as u32;
    for (at, word) in entry.into_iter().enumerate() {
        entries.write(at * 4, word);
    }
    submission.write(array as usize, 0);
    submission.write(tail as usize, 1);
    // SAFETY: io_uring_enter takes numbers here: submit one entry, wait for one completion.
    check(unsafe { libc::syscall(libc::SYS_io_uring_enter, ring.as_raw_fd(), 1, 1, 1, 0, 0) })?;
    // struct io_uring_cqe: the result stands behind the 8 bytes of user data.
    let result = completion.read(completions as usize + 8) as i32;
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(()) }
}

/// One page shared with the kernel, never unmapped: the program ends soon.
struct Page(*mut libc::c_void);

fn ring_page(ring: &OwnedFd, offset: i64) -> io::Result<Page> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new shared mapping at an address of the kernel's choice overlaps nothing.
    let page = unsafe {
        libc::mmap(
            null_mut(),
            4096,
            protection,
            libc::MAP_SHARED | libc::MAP_POPULATE,
            ring.as_raw_fd(),
            offset,
        )
    };
    if page == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(Page(page)) }
}

impl Page {
    fn word(&self, offset: usize) -> *mut u32 {
        assert!(offset.is_multiple_of(4) && offset <= 4092, "offset {offset} is not a word of the page");
        self.0.cast::<u8>().wrapping_add(offset).cast()
    }

    fn write(&self, offset: usize, value: u32) {
        // SAFETY: `word` returns an aligned pointer inside the mapped page.
        unsafe { self.word(offset).write_volatile(value) }
    }

    fn read(&self, offset: usize) -> u32 {
        // SAFETY: `word` returns an aligned pointer inside the mapped page.
        unsafe { self.word(offset).read_volatile() }
    }
}
