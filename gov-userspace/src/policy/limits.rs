//! The limits of a policy: of each kind the strictest.

use gov_common::limits::{Budget, Limits, UNLIMITED};

use super::PolicyError;
use crate::scope::{Breaker, Limit, Scope, Seconds, most};

/// What holds of all limits among these scopes.
pub(super) fn strictest(scopes: &[Scope]) -> Result<Limits, PolicyError> {
    let budgets = Budget::ALL.map(|budget| most(scopes, budget).unwrap_or(UNLIMITED));
    let limits = Limits { most: budgets, ..Limits::NONE };
    let Some(Breaker { refusals, window, cooldown }) = breaker(scopes)? else { return Ok(limits) };
    Ok(Limits {
        breaker_refusals: refusals,
        breaker_window_s: window.0.get(),
        breaker_cooldown_s: cooldown.map_or(0, |Seconds(seconds)| seconds.get()),
        ..limits
    })
}

/// The one breaker, if there is one: of two that differ, neither is the stricter.
fn breaker(scopes: &[Scope]) -> Result<Option<Breaker>, PolicyError> {
    let mut found = None;
    for scope in scopes {
        let Scope::Limit(limit @ Limit::Breaker(breaker)) = scope else { continue };
        match found.replace(*breaker) {
            Some(other) if other != *breaker => {
                return Err(PolicyError::TwoBreakers(Limit::Breaker(other), *limit));
            }
            _first_or_same => {}
        }
    }
    Ok(found)
}
