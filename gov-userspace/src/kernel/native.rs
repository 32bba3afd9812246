//! What of the object loads on a kernel that refuses LSM programs: tracing programs run the very same functions.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStringExt;

use aya::programs::{BtfTracePoint, Iter};
use aya::{Btf, Ebpf, EbpfLoader};
use gov_common::verdict::Reason;
use gov_common::walked::{TURNS, Walked};
use zerocopy::FromBytes;

use super::load::OBJECT;
use super::offsets::Types;
use super::wire::Wire;

/// The object with this kernel's types and offsets, or a printed reason why it cannot be had here.
fn object() -> Option<(Btf, Ebpf)> {
    let Ok(btf) = Btf::from_sys_fs() else {
        println!("skipped: this kernel describes no types");
        return None;
    };
    if OBJECT.is_empty() {
        println!("skipped: this build holds no kernel object");
        return None;
    }
    let mut offsets = match Types::of_this_kernel() {
        Ok(types) => types.offsets().unwrap(),
        Err(error) => {
            println!("skipped: {error}");
            return None;
        }
    };
    // Any address will do for the verifier; none would let it skip the walk.
    offsets.rename_lock = offsets.rename_lock.max(1);
    offsets.mount_lock = offsets.mount_lock.max(1);
    let loaded =
        EbpfLoader::new().btf(Some(&btf)).override_global("OFFSETS", &Wire(offsets), true).load(OBJECT);
    match loaded {
        Ok(object) => Some((btf, object)),
        Err(error) => {
            println!("skipped: bpf is not permitted here: {error}");
            None
        }
    }
}

#[test]
fn the_walk_and_the_record_pass_this_kernels_verifier() {
    let Some((btf, mut object)) = object() else { return };
    let program: &mut BtfTracePoint = object.program_mut("sched_process_exec").unwrap().try_into().unwrap();
    program.load("sched_process_exec", &btf).unwrap();
    println!("{:?} instructions", program.info().unwrap().verified_instruction_count());
}

/// Files at each of 24 depths: thousands in all.
const FILES: usize = 100;

/// As many open files as this user may have.
fn allow_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

#[test]
fn the_walk_finds_the_path_of_every_file_that_proc_shows() {
    let Some((btf, mut object)) = object() else { return };
    let program: &mut Iter = object.program_mut("walk_files").unwrap().try_into().unwrap();
    program.load("task_file", &btf).unwrap();
    let link = program.attach().unwrap();
    let link = program.take_link(link).unwrap();

    allow_files();
    let folder = tempfile::tempdir().unwrap();
    let mut held = Vec::new();
    let mut place = folder.path().to_owned();
    for depth in 0..24 {
        for number in 0..FILES {
            held.push(File::create(place.join(number.to_string())).unwrap());
        }
        place.push(format!("{depth}-{}", "n".repeat(depth * 10)));
        fs::create_dir(&place).unwrap();
    }
    let mut records = Vec::new();
    link.into_file().unwrap().read_to_end(&mut records).unwrap();
    let mut compared = 0;
    let mut times: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    let mut rest = records.as_slice();
    while let Ok((head, tail)) = Walked::read_from_prefix(rest) {
        let (path, next) = tail.split_at(head.length as usize);
        rest = next;
        if head.pid != std::process::id() || head.reason != Reason::Granted as u32 {
            continue;
        }
        let Ok(shown) = fs::read_link(format!("/proc/self/fd/{}", head.fd)) else { continue };
        if !shown.starts_with(folder.path()) {
            continue;
        }
        assert_eq!(OsString::from_vec(path.to_vec()), shown.as_os_str());
        times.entry(shown.components().count() - 1).or_default().push(head.time_ns / u64::from(TURNS));
        compared += 1;
    }
    assert_eq!(compared, held.len());
    for (depth, mut times) in times {
        times.sort_unstable();
        if [3, 8, 20].contains(&depth) {
            println!("depth {depth}: {} ns a walk", times[times.len() / 2]);
        }
    }
}
