//! The kernel object of gov: LSM hooks that hold a cgroup to its delegation.
//!
//! A hook leaves at once for a task that no session governs ([`subject`]); else it describes the act
//! ([`scratch::Case`]) and hands it to the [`guard`], which judges it at each session's level and records it
//! ([`emit`]). Everything that follows a kernel pointer stands in [`kernel`].
#![no_std]
#![no_main]
#![feature(core_intrinsics, asm_experimental_arch)]
#![expect(internal_features, reason = "atomic operations on map values; see `atomic`")]

mod atomic;
mod bounds;
mod maps;
mod kernel;
mod scratch;
mod subject;
mod emit;
mod reads;
mod repeated;
mod cached;
mod named;
mod weigh;
mod seek;
mod limits;
mod capability;
mod ipc;
mod address;
mod guard;
mod request;
mod arming;
mod change;
mod peer;
mod hooks;
mod walk_files;

/// The version of the boundary's records; the daemon refuses an object of another.
#[unsafe(link_section = ".rodata.abi")]
#[unsafe(no_mangle)]
static ABI: u32 = gov_common::abi::ABI_VERSION;

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The licence that the kernel checks before it lends GPL-only helpers.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";
