//! The kernel's maps, as root reaches them from outside of whoever made them.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use super::{call, owned};

const DELETE_ELEMENT: usize = 3;
const NEXT_KEY: usize = 4;
const NEXT_ID: usize = 12;
const DESCRIPTOR_BY_ID: usize = 14;
const INFO: usize = 15;

/// The attributes of a bpf(2) command, all of whose fields here are 32 or 64 bits wide.
type Attributes = [u64; 16];

/// Room for the longest key of a map that is looked at.
type Key = [u64; 16];

/// How many elements the map with this name has.
pub(in crate::act) fn count(name: &str) -> io::Result<usize> {
    let map = find(name)?;
    let mut count = 0;
    let mut last = None;
    while let Some(key) = next_key(&map, last.as_ref())? {
        (count, last) = (count + 1, Some(key));
    }
    Ok(count)
}

/// Deletes every element of the map with this name; how many that were.
pub(in crate::act) fn empty(name: &str) -> io::Result<usize> {
    let map = find(name)?;
    let mut deleted = 0;
    while let Some(key) = next_key(&map, None)? {
        let mut attributes = Attributes::default();
        attributes[0] = map.as_raw_fd() as u64;
        attributes[1] = (&raw const key) as u64;
        // SAFETY: the attributes name the map's descriptor and a key of at least its size, which lives through the call.
        unsafe { bpf(DELETE_ELEMENT, &mut attributes) }?;
        deleted += 1;
    }
    Ok(deleted)
}

fn find(name: &str) -> io::Result<OwnedFd> {
    let mut id = 0;
    loop {
        let mut attributes = Attributes::default();
        attributes[0] = id;
        // SAFETY: the attributes hold numbers only.
        unsafe { bpf(NEXT_ID, &mut attributes) }?;
        id = attributes[0] >> 32;
        let mut attributes = Attributes::default();
        attributes[0] = id;
        // SAFETY: the attributes hold numbers only.
        let map = owned(unsafe { bpf(DESCRIPTOR_BY_ID, &mut attributes) }?);
        // struct bpf_map_info: six numbers of 32 bits, then the name.
        let mut info = [0_u8; 40];
        let mut attributes = Attributes::default();
        attributes[0] = map.as_raw_fd() as u64 | (info.len() as u64) << 32;
        attributes[1] = info.as_mut_ptr() as u64;
        // SAFETY: the attributes name the map's descriptor, and memory of the length that they say.
        unsafe { bpf(INFO, &mut attributes) }?;
        if info[24..].starts_with(name.as_bytes()) && info[24 + name.len()] == 0 {
            return Ok(map);
        }
    }
}

/// The key after another, or the first.
fn next_key(map: &OwnedFd, last: Option<&Key>) -> io::Result<Option<Key>> {
    let mut key = Key::default();
    let mut attributes = Attributes::default();
    attributes[0] = map.as_raw_fd() as u64;
    attributes[1] = last.map_or(0, |last| &raw const *last as u64);
    attributes[2] = (&raw mut key) as u64;
    // SAFETY: the attributes name the map's descriptor, and a key and room for one of at least its size.
    match unsafe { bpf(NEXT_KEY, &mut attributes) } {
        Ok(_) => Ok(Some(key)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// # Safety
/// Every address in the attributes must be valid for what the command does there.
unsafe fn bpf(command: usize, attributes: &mut Attributes) -> io::Result<i64> {
    let words = [command, attributes.as_mut_ptr() as usize, size_of::<Attributes>()];
    // SAFETY: the attributes are valid for the length given and live through the call; the rest is the caller's.
    unsafe { call(libc::SYS_bpf, words) }
}
