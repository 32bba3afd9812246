//! io_uring.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::null_mut;

use super::{c, check};

/// Opens a file for reading through io_uring, so that this program never calls open(2).
pub(in crate::act) fn uring_open(path: &str) -> io::Result<()> {
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
