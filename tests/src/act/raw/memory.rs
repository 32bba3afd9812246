//! Memory: mappings of files and of nothing.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;
use std::sync::atomic::AtomicU64;

use super::check;

/// Maps the first page of a file as code.
pub(in crate::act) fn map_code(file: &File) -> io::Result<()> {
    map(file, libc::PROT_READ | libc::PROT_EXEC).map(drop)
}

/// Maps the first page of a file for reading, then makes the mapping executable.
pub(in crate::act) fn map_then_protect(file: &File) -> io::Result<()> {
    let page = map(file, libc::PROT_READ)?;
    // SAFETY: the page was just mapped and nothing points into it.
    check(unsafe { libc::mprotect(page, 4096, libc::PROT_READ | libc::PROT_EXEC) }.into()).map(drop)
}

/// Maps memory without a file, executable from its start, as just-in-time compilers do.
pub(in crate::act) fn map_anonymous() -> io::Result<()> {
    let protection = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    map_page(protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1).map(drop)
}

/// Maps the first page of a file for reading, after asking that what is readable be executable too.
pub(in crate::act) fn map_implied(file: &File) -> io::Result<()> {
    const READ_IMPLIES_EXEC: libc::c_ulong = 0x40_0000;
    // SAFETY: personality takes a number.
    check(unsafe { libc::personality(READ_IMPLIES_EXEC) }.into())?;
    map(file, libc::PROT_READ).map(drop)
}

/// Maps memory without a file for writing, and makes it executable later.
pub(in crate::act) fn write_then_execute() -> io::Result<()> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let page = map_page(protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)?;
    // SAFETY: the page was just mapped and nothing points into it.
    check(unsafe { libc::mprotect(page, 4096, libc::PROT_READ | libc::PROT_EXEC) }.into()).map(drop)
}

/// Writes into a page of its own at [`STAY_AT`], where others find it.
pub(crate) fn lay_out() -> io::Result<()> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: without an older mapping there the page overlaps nothing, and with one the call fails.
    let page = unsafe { libc::mmap(STAY_AT as *mut libc::c_void, 4096, protection, flags, -1, 0) };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the page was just mapped for writing.
    unsafe { page.cast::<u8>().write_volatile(b's') };
    Ok(())
}

/// Where a stranger's memory is known to hold something.
pub(in crate::act) const STAY_AT: usize = 0x6767_0000_0000;

fn map(file: &File, protection: i32) -> io::Result<*mut libc::c_void> {
    map_page(protection, libc::MAP_PRIVATE, file.as_raw_fd())
}

fn map_page(protection: i32, flags: i32, file: i32) -> io::Result<*mut libc::c_void> {
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
    let page = unsafe { libc::mmap(null_mut(), 4096, protection, flags, file, 0) };
    if page == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(page) }
}

/// The first page of a file, as counters that every process which maps it shares with the others, for ever.
pub(crate) fn share(file: &File) -> io::Result<&'static [AtomicU64; 512]> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let page = map_page(protection, libc::MAP_SHARED, file.as_raw_fd())?;
    // SAFETY: the page is mapped, aligned, never unmapped, and any bytes are numbers; all who share it use atomics.
    Ok(unsafe { &*page.cast::<[AtomicU64; 512]>() })
}
