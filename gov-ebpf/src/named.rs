//! What an object is besides its place: a shell by its name, a symbolic link.

use crate::bounds::masked;
use crate::kernel;
use crate::scratch;
use gov_common::decide;
use gov_common::event::Action;
use gov_common::walk::TEXT;

/// Whether the act makes or moves a symbolic link. Fail closed: what cannot be read is one.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_moves_link(number: u32) -> u32 {
    const SYMLINK: u8 = Action::CreateSymlink as u8;
    const RENAME: u8 = Action::Rename as u8;
    const LINK: u8 = Action::Link as u8;
    let Some(room) = scratch::room(number) else { return 1 };
    match room.case.action {
        SYMLINK => 1,
        RENAME | LINK => {
            let [old, new] = room.case.dentry;
            (kernel::is_link(old).unwrap_or(true) || kernel::is_link(new).unwrap_or(true)) as u32
        }
        _ => 0,
    }
}

/// Whether the own name of the room's object `which` is that of a shell.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_is_shell(number: u32, which: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 1 };
    let walk = &room.objects[which as usize & 1].walk;
    let (at, length) = walk.last();
    let mut name = 0_u64;
    if length == 0 || length > size_of::<u64>() {
        return 0;
    }
    let from = walk.text().as_ptr().wrapping_add(masked::<{ 2 * TEXT as u32 - 1 }>(at));
    // The mask keeps 8 apart from 0: lengths are 1 to 8.
    let bounded = masked::<7>(length - 1) + 1;
    // SAFETY: the name has eight bytes; a fault leaves a name that no shell has.
    unsafe { kernel::copy((&raw mut name).cast(), bounded as u32, from) };
    decide::is_shell_packed(name.to_ne_bytes(), length) as u32
}
