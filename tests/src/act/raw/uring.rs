//! io_uring: what a program asks of the kernel without a system call of its own.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::null_mut;

use super::{call, owned};

/// A ring of four entries, of which one at a time is used.
pub(in crate::act) struct Ring {
    ring: OwnedFd,
    params: [u32; 30],
    submissions: Page,
    completions: Page,
    entries: Page,
    submitted: u32,
}

/// `struct io_uring_sqe`, as words.
pub(in crate::act) type Entry = [u32; 16];

/// A kernel thread takes the entries out of the ring.
pub(in crate::act) const SQPOLL: u32 = 2;

impl Ring {
    /// Sets a ring up.
    pub(in crate::act) fn new(flags: u32) -> io::Result<Self> {
        // struct io_uring_params: 120 bytes; the kernel fills the rings' offsets in.
        let mut params = [0_u32; 30];
        params[2] = flags;
        // SAFETY: the parameters are valid for writing and live through the call.
        let ring = unsafe { call(libc::SYS_io_uring_setup, [4, params.as_mut_ptr() as usize]) }.map(owned)?;
        let submissions = ring_page(&ring, 0)?;
        let completions = ring_page(&ring, 0x800_0000)?;
        let entries = ring_page(&ring, 0x1000_0000)?;
        Ok(Self { ring, params, submissions, completions, entries, submitted: 0 })
    }

    /// Lets entries be submitted with this process's credentials as they are now; their number.
    pub(in crate::act) fn register_personality(&self) -> io::Result<u32> {
        const IORING_REGISTER_PERSONALITY: usize = 9;
        let words = [self.ring.as_raw_fd() as usize, IORING_REGISTER_PERSONALITY, 0, 0];
        // SAFETY: takes plain numbers.
        unsafe { call(libc::SYS_io_uring_register, words) }.map(|number| number as u32)
    }

    /// Submits one entry and waits for what comes of it. What the entry points to must live until then.
    pub(in crate::act) fn submit(&mut self, entry: Entry) -> io::Result<i32> {
        const GETEVENTS: usize = 1;
        const SQ_WAKEUP: usize = 2;
        // The offsets of the submission ring start at word 10, those of the completion ring at word 20.
        let (tail, array, results) =
            (self.params[11] as usize, self.params[16] as usize, self.params[25] as usize);
        let place = self.submitted % 4;
        for (at, word) in entry.into_iter().enumerate() {
            self.entries.write(place as usize * 64 + at * 4, word);
        }
        self.submissions.write(array + place as usize * 4, place);
        self.submitted += 1;
        self.submissions.write(tail, self.submitted);
        let polled = self.params[2] & SQPOLL != 0;
        let flags = if polled { GETEVENTS | SQ_WAKEUP } else { GETEVENTS };
        let words = [self.ring.as_raw_fd() as usize, usize::from(!polled), 1, flags, 0, 0];
        // SAFETY: io_uring_enter takes numbers here; the caller's entry is alive until it returns.
        unsafe { call(libc::SYS_io_uring_enter, words) }?;
        // struct io_uring_cqe: 16 bytes; the result stands behind the 8 bytes of user data.
        let result = self.completions.read(results + place as usize * 16 + 8) as i32;
        if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result) }
    }
}

/// An entry with an operation, a descriptor, an address (words 4 and 5), an offset (words 2 and 3) and a length.
pub(in crate::act) fn entry(
    operation: u8,
    descriptor: i32,
    address: usize,
    offset: u64,
    length: u32,
) -> Entry {
    let mut entry = [0_u32; 16];
    entry[0] = operation.into();
    entry[1] = descriptor as u32;
    entry[2] = offset as u32;
    entry[3] = (offset >> 32) as u32;
    entry[4] = address as u32;
    entry[5] = (address as u64 >> 32) as u32;
    entry[6] = length;
    entry
}

/// One page shared with the kernel, never unmapped: the program ends soon.
struct Page(*mut libc::c_void);

fn ring_page(ring: &OwnedFd, offset: i64) -> io::Result<Page> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
    // SAFETY: a new shared mapping at an address of the kernel's choice overlaps nothing.
    let page = unsafe { libc::mmap(null_mut(), 4096, protection, flags, ring.as_raw_fd(), offset) };
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
