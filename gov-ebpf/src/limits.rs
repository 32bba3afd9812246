//! Limits: what an act takes from its session's budgets, and what a refusal does to a session.

use crate::atomic;
use crate::bounds::masked;
use crate::guard::note;
use crate::maps::STATES;
use crate::scratch::{self, Case, Level};
use aya_ebpf::helpers::bpf_ktime_get_boot_ns;
use gov_common::abi::{MAX_NESTING, SESSION_RECORD_ONLY, State};
use gov_common::event::Action;
use gov_common::limits::{self, BUDGETS, Budget, Charge, UNLIMITED};
use gov_common::verdict::Reason;

const GRANTED: u32 = Reason::Granted as u32;
const EXHAUSTED: u32 = Reason::Exhausted as u32;
/// Attempts at counting a refusal while other CPUs count theirs.
const ATTEMPTS: u32 = 16;

/// Charges the room's act to its budget in every session: the reason that binds from here on. A session that cannot
/// pay decides, and those above it that have paid get it back.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_charge(number: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return EXHAUSTED };
    let budget = room.case.budget as usize;
    let mut paid = 0;
    let mut level = 0;
    while level < MAX_NESTING as u32 {
        if level < room.count.get() {
            let place = &mut room.levels[level as usize & (MAX_NESTING - 1)];
            match charge(place, budget) {
                Charge::Within => {}
                Charge::Warns => room.told.warned.set(room.told.warned.get() | 1 << level),
                Charge::Spends => room.told.spent.set(room.told.spent.get() | 1 << level),
                Charge::Over => {
                    place.reason = EXHAUSTED as u8;
                    room.decider.set(place.session.id);
                    gov_refund(number, paid);
                    return EXHAUSTED;
                }
            }
            paid += 1;
        }
        level += 1;
    }
    GRANTED
}

/// Gives the room's act back to its budget in the first `paid` sessions.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_refund(number: u32, paid: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    room.told.warned.set(0);
    room.told.spent.set(0);
    let mut level = 0;
    while level < MAX_NESTING as u32 {
        if level < paid {
            let session = &room.levels[level as usize & (MAX_NESTING - 1)].session;
            if let Some(used) = used(session.slot, room.case.budget as usize) {
                // SAFETY: an aligned word of the map value; adding -1 takes one away.
                unsafe { atomic::fetch_add(used, u64::MAX) };
            }
        }
        level += 1;
    }
    0
}

/// Counts a refusal in the room's session `level`, against its budget and its circuit breaker.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_suffer(number: u32, level: u32, reason: u32) -> u32 {
    if !limits::is_suffered(reason) {
        return 0;
    }
    let Some(room) = scratch::room(number) else { return 0 };
    let place = &room.levels[level as usize & (MAX_NESTING - 1)];
    match charge(place, Budget::Refusals as usize) {
        Charge::Within | Charge::Over => {}
        Charge::Warns => room.told.refusals_warned.set(room.told.refusals_warned.get() | 1 << level),
        Charge::Spends => {
            if let Some(state) = STATES.get_ptr_mut(place.session.slot) {
                // Nothing is granted from here on, by whatever road.
                open(state, u64::MAX);
            }
            room.told.refusals_spent.set(room.told.refusals_spent.get() | 1 << level);
        }
    }
    if place.session.limits.breaker_refusals != UNLIMITED && breaks(place) {
        room.told.broken.set(room.told.broken.get() | 1 << level);
    }
    0
}

/// Takes one from a session's budget.
#[inline(always)]
fn charge(place: &Level, budget: usize) -> Charge {
    let most = place.session.limits.most(masked::<7>(budget));
    if most == UNLIMITED || place.session.flags & SESSION_RECORD_ONLY != 0 {
        return Charge::Within;
    }
    // Fail closed: what cannot be counted is not there.
    let Some(used) = used(place.session.slot, budget) else { return Charge::Over };
    // SAFETY: an aligned word of the map value.
    let charge = limits::charge(unsafe { atomic::fetch_add(used, 1) }, most);
    if charge == Charge::Over && budget != Budget::Refusals as usize {
        // SAFETY: as above; adding -1 takes one away.
        unsafe { atomic::fetch_add(used, u64::MAX) };
    }
    charge
}

/// What is used of a budget.
#[inline(always)]
fn used(slot: u32, budget: usize) -> Option<*mut u64> {
    let state = STATES.get_ptr_mut(slot)?;
    let budget = if budget < BUDGETS { budget } else { 0 };
    // SAFETY: the index is below the array's length.
    Some(unsafe { (&raw mut (*state).used).cast::<u64>().add(budget) })
}

/// Counts a refusal in a session's window; whether it opens the circuit.
#[inline(always)]
fn breaks(place: &Level) -> bool {
    let Some(state) = STATES.get_ptr_mut(place.session.slot) else { return false };
    if place.session.flags & SESSION_RECORD_ONLY != 0 {
        return false;
    }
    // SAFETY: the helper has no preconditions.
    let now = unsafe { bpf_ktime_get_boot_ns() };
    let mut attempt = 0;
    while attempt < ATTEMPTS {
        // SAFETY: an aligned word of the map value; volatile, because other CPUs change it.
        let before = unsafe { core::ptr::read_volatile(&raw const (*state).window) };
        let suffered = limits::suffer(&place.session.limits, before, now);
        // SAFETY: an aligned word of the map value.
        if unsafe { atomic::replace(&raw mut (*state).window, before, suffered.window) } {
            if suffered.opens {
                open(state, limits::open_until(&place.session.limits, now));
            }
            return suffered.opens;
        }
        attempt += 1;
    }
    // Fail closed: refusals that come faster than they can be counted are too many.
    open(state, limits::open_until(&place.session.limits, now));
    true
}

/// Opens the circuit.
#[inline(always)]
fn open(state: *mut State, until_ns: u64) {
    // SAFETY: an aligned word of the map value; volatile, because other CPUs read it.
    unsafe { core::ptr::write_volatile(&raw mut (*state).open_until_ns, until_ns) };
}

/// Tells what the room's act has done to budgets and circuits.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_tell(number: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    let (warned, spent) = (room.told.warned.get(), room.told.spent.get());
    let (refusals_warned, refusals_spent) = (room.told.refusals_warned.get(), room.told.refusals_spent.get());
    let broken = room.told.broken.get();
    if warned | spent | refusals_warned | refusals_spent | broken == 0 {
        return 0;
    }
    let budget = room.case.budget as u32;
    let refusals = Budget::Refusals as u32;
    let mut level = 0;
    while level < MAX_NESTING as u32 {
        let bit = 1 << level;
        if warned & bit != 0 {
            gov_tell_one(number, level, Action::Budget as u32, budget, 0);
        }
        if spent & bit != 0 {
            gov_tell_one(number, level, Action::Budget as u32, budget, 1);
        }
        if refusals_warned & bit != 0 {
            gov_tell_one(number, level, Action::Budget as u32, refusals, 0);
        }
        if refusals_spent & bit != 0 {
            gov_tell_one(number, level, Action::Budget as u32, refusals, 1);
        }
        if broken & bit != 0 {
            gov_tell_one(number, level, Action::Break as u32, 0, 0);
        }
        level += 1;
    }
    0
}

/// Records in the room's session `level` that a budget is at its end (`spent`) or at four fifths, or that the circuit
/// has opened.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn gov_tell_one(number: u32, level: u32, action: u32, budget: u32, spent: u32) -> u32 {
    let Some(room) = scratch::room(number) else { return 0 };
    let place = &room.levels[level as usize & (MAX_NESTING - 1)];
    let mask = 1_u32 << (place.at & 31);
    let broken = action == Action::Break as u32;
    let mut case = Case::new(mask, if broken { Action::Break } else { Action::Budget });
    case.detail = budget;
    case.target = if broken {
        place.session.limits.breaker_cooldown_s
    } else {
        let most = place.session.limits.most(masked::<7>(budget as usize));
        if spent != 0 { most } else { limits::warns_at(most) }
    };
    note(case);
    0
}
