//! The limits of a policy: of each kind the strictest.

use gov_common::limits::Limits;

use super::PolicyError;
use crate::scope::{Breaker, Limit, Scope, Seconds};

/// What holds of all limits among these scopes.
pub(super) fn strictest(scopes: &[Scope]) -> Result<Limits, PolicyError> {
    let mut limits = Limits::NONE;
    let mut breaker: Option<Breaker> = None;
    for scope in scopes {
        let Scope::Limit(limit) = scope else { continue };
        match *limit {
            Limit::Most(budget, most) => {
                if let Some(slot) = limits.most.get_mut(usize::from(budget as u8)) {
                    *slot = most.min(*slot);
                }
            }
            Limit::Breaker(other) => match breaker.replace(other) {
                Some(one) if one != other => {
                    return Err(PolicyError::TwoBreakers(Limit::Breaker(one), *limit));
                }
                _first_or_same => {}
            },
        }
    }
    if let Some(breaker) = breaker {
        limits.breaker_refusals = breaker.refusals;
        limits.breaker_window_s = breaker.window.0.get();
        limits.breaker_cooldown_s = breaker.cooldown.map_or(0, |Seconds(seconds)| seconds.get());
    }
    Ok(limits)
}
