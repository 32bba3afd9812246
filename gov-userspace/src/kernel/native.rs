//! What of the object loads on a kernel that refuses LSM programs: tracing programs run the very same functions.

use aya::programs::BtfTracePoint;
use aya::{Btf, EbpfLoader};

use super::load::OBJECT;
use super::offsets::Types;
use super::wire::Wire;

#[test]
fn the_walk_and_the_record_pass_this_kernels_verifier() {
    if OBJECT.is_empty() {
        println!("skipped: this build holds no kernel object");
        return;
    }
    let Ok(types) = Types::of_this_kernel() else {
        println!("skipped: this kernel describes no types");
        return;
    };
    let mut offsets = types.offsets().unwrap();
    // Any address will do for the verifier; none would let it skip the walk.
    offsets.rename_lock = offsets.rename_lock.max(1);
    let btf = Btf::from_sys_fs().unwrap();
    let object =
        EbpfLoader::new().btf(Some(&btf)).override_global("OFFSETS", &Wire(offsets), true).load(OBJECT);
    let mut object = match object {
        Ok(object) => object,
        Err(error) => {
            println!("skipped: bpf is not permitted here: {error}");
            return;
        }
    };
    let program: &mut BtfTracePoint = object.program_mut("sched_process_exec").unwrap().try_into().unwrap();
    program.load("sched_process_exec", &btf).unwrap();
    println!("{:?} instructions", program.info().unwrap().verified_instruction_count());
}
