//! Reading all of a map: thousands of elements with one system call, where an iterator takes two for each.

use std::os::fd::{AsFd, AsRawFd};

use aya::maps::{HashMap, IterableMap, MapData};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::error::KernelError;
use super::wire::Wire;

/// Elements that one call brings. The kernel brings a bucket whole, and none holds nearly as many.
const AT_ONCE: u32 = 4096;
const BPF_MAP_LOOKUP_BATCH: libc::c_long = 24;

/// Of `union bpf_attr`, what belongs to the command.
#[repr(C)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

/// Visits every element of a map. What others put in or take out meanwhile may be visited or not.
pub(super) fn each<K, V>(
    map: &HashMap<MapData, Wire<K>, Wire<V>>,
    what: &'static str,
    mut visit: impl FnMut(K, V),
) -> Result<(), KernelError>
where
    K: FromBytes + IntoBytes + Immutable + Copy + 'static,
    V: FromBytes + IntoBytes + Immutable + Copy + 'static,
{
    let failed = |message: String| KernelError::Map { what, message };
    let descriptor =
        u32::try_from(map.map().fd().as_fd().as_raw_fd()).map_err(|no| failed(no.to_string()))?;
    let room = usize::try_from(AT_ONCE).map_err(|no| failed(no.to_string()))?;
    let mut keys = vec![K::new_zeroed(); room];
    let mut values = vec![V::new_zeroed(); room];
    // The number of the bucket to go on with.
    let (mut from, mut to) = (None::<u32>, 0_u32);
    loop {
        let mut batch = Batch {
            in_batch: from.as_ref().map_or(0, address),
            out_batch: (&raw mut to).expose_provenance() as u64,
            keys: keys.as_mut_ptr().expose_provenance() as u64,
            values: values.as_mut_ptr().expose_provenance() as u64,
            count: AT_ONCE,
            map_fd: descriptor,
            elem_flags: 0,
            flags: 0,
        };
        // SAFETY: the kernel reads one number and writes another of four bytes each, which is what a hash map's
        // position takes, and writes at most `count` keys and values. Both vectors are that long, their elements are
        // as large as the map's (aya has checked that), and any bytes are valid in them (`FromBytes`).
        let answer =
            unsafe { libc::syscall(libc::SYS_bpf, BPF_MAP_LOOKUP_BATCH, &raw mut batch, size_of::<Batch>()) };
        let error = std::io::Error::last_os_error();
        let at_end = answer != 0 && error.raw_os_error() == Some(libc::ENOENT);
        if answer != 0 && !at_end {
            return Err(failed(error.to_string()));
        }
        let brought = usize::try_from(batch.count).unwrap_or(usize::MAX);
        for (key, value) in keys.iter().zip(&values).take(brought) {
            visit(*key, *value);
        }
        if at_end {
            return Ok(());
        }
        from = Some(to);
    }
}

/// Where the kernel is to read.
fn address(number: &u32) -> u64 {
    (&raw const *number).expose_provenance() as u64
}
