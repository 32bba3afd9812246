//! Bounds that the verifier sees.
//!
//! The compiler takes a mask away when it knows already that the value fits, from a comparison that the verifier
//! does not connect with the value (6.1 loses many of them). A mask in assembly stays where it is written.

/// The bits of `value` in `MASK`: the value itself, for a caller that knows it to fit.
#[inline(always)]
pub fn masked<const MASK: u32>(value: usize) -> usize {
    let mut value = value;
    // SAFETY: one arithmetic instruction on a register of ours.
    unsafe {
        core::arch::asm!("{value} &= {mask}", value = inout(reg) value, mask = const MASK, options(pure, nomem, nostack));
    }
    value
}
