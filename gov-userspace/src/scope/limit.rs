//! Limits: how much a session may do of what it may do at all. A limit grants nothing, it only restricts, so it goes
//! down a chain of delegations by itself: who names none of a kind has that of the one above.

use std::fmt;
use std::num::NonZeroU32;

use gov_common::limits::{Budget, UNLIMITED};
use thiserror::Error;

use super::Scope;

const BREAKER: &str = "breaker";
const FOREVER: &str = "forever";
/// Units of time and their seconds, the longest first.
const UNITS: [(char, u32); 3] = [('h', 3_600), ('m', 60), ('s', 1)];

/// One limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// `limit:BUDGET:N`: at most so much of a budget.
    Most(Budget, u32),
    /// `limit:breaker:REFUSALS:WINDOW:COOLDOWN`.
    Breaker(Breaker),
}

/// When too many refusals in too short a time cut the session off for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Breaker {
    /// How many refusals one window suffers; one more cuts the session off.
    pub refusals: u32,
    /// How long a window is.
    pub window: Seconds,
    /// For how long everything is refused then; for good if none.
    pub cooldown: Option<Seconds>,
}

/// A time in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(pub NonZeroU32);

/// Why a text is no limit, with what to write.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LimitFault {
    /// No such limit, or not its parts.
    #[error(
        "no limit: write limit:BUDGET:N, where BUDGET is one of {budgets}, or limit:breaker:REFUSALS:WINDOW:COOLDOWN, as in `limit:breaker:20:1m:5m`",
        budgets = Budget::ALL.map(Budget::name).join(", ")
    )]
    Form,
    /// Not a number of uses.
    #[error("`{0}` is no number of uses: write 0 to 4294967294, without zeros in front")]
    Number(String),
    /// Not a time.
    #[error("`{0}` is no time: write a whole number of seconds, minutes or hours, as in `90s`, `5m` or `1h`")]
    Time(String),
    /// Not a time to stay cut off.
    #[error("`{0}` is no time to stay cut off: write one as in `5m`, or `forever`")]
    Cooldown(String),
}

impl Limit {
    /// Reads what follows `limit:`.
    pub(super) fn parse(text: &str) -> Result<Self, LimitFault> {
        let parts: Vec<&str> = text.split(':').collect();
        match *parts.as_slice() {
            [BREAKER, refusals, window, cooldown] => Ok(Self::Breaker(Breaker {
                refusals: number(refusals)?,
                window: Seconds::parse(window).ok_or_else(|| LimitFault::Time(window.to_owned()))?,
                cooldown: match cooldown {
                    FOREVER => None,
                    time => Some(Seconds::parse(time).ok_or_else(|| LimitFault::Cooldown(time.to_owned()))?),
                },
            })),
            [name, most] => {
                let budget = Budget::ALL.into_iter().find(|budget| budget.name() == name);
                Ok(Self::Most(budget.ok_or(LimitFault::Form)?, number(most)?))
            }
            _ => Err(LimitFault::Form),
        }
    }

    /// Whether `other` is a limit of the same kind that lets through no more than this one.
    pub fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Most(budget, most), Self::Most(budget_below, below)) => {
                budget == budget_below && below <= most
            }
            _ => self == other,
        }
    }

    /// What is limited; `None` is the breaker.
    fn kind(self) -> Option<Budget> {
        match self {
            Self::Most(budget, _) => Some(budget),
            Self::Breaker(_) => None,
        }
    }
}

/// The most of a budget that these scopes leave, if they limit it.
pub fn most(scopes: &[Scope], budget: Budget) -> Option<u32> {
    let of_budget = limits(scopes).filter_map(|limit| match limit {
        Limit::Most(limited, most) if limited == budget => Some(most),
        _other => None,
    });
    of_budget.min()
}

/// Whether who holds these scopes may give `scope` on: one of them covers it, or it is a limit, and no wider than
/// any of its kind among them.
pub fn permits(held: &[Scope], scope: &Scope) -> bool {
    match scope {
        Scope::Limit(limit) => {
            limits(held).filter(|own| own.kind() == limit.kind()).all(|own| own.covers(*limit))
        }
        _grant => held.iter().any(|wide| wide.covers(scope)),
    }
}

/// These scopes, and the limits of a kind that they do not name from the scopes above them, the nearest first.
pub fn with_inherited<'a>(own: &[Scope], above: impl Iterator<Item = &'a [Scope]>) -> Vec<Scope> {
    let mut scopes = own.to_vec();
    for held in above {
        let known: Vec<Option<Budget>> = limits(&scopes).map(Limit::kind).collect();
        scopes.extend(limits(held).filter(|limit| !known.contains(&limit.kind())).map(Scope::Limit));
    }
    scopes
}

fn limits(scopes: &[Scope]) -> impl Iterator<Item = Limit> {
    scopes.iter().filter_map(|scope| match scope {
        Scope::Limit(limit) => Some(*limit),
        _grant => None,
    })
}

impl Seconds {
    fn parse(text: &str) -> Option<Self> {
        let (_, unit) = UNITS.iter().find(|(letter, _)| text.ends_with(*letter))?;
        let count = text.get(..text.len().checked_sub(1)?)?;
        let seconds = count.parse::<u32>().ok().filter(|parsed| parsed.to_string() == count)?;
        seconds.checked_mul(*unit).and_then(NonZeroU32::new).map(Self)
    }
}

/// In the longest unit that it is a whole number of.
impl fmt::Display for Seconds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.get();
        let (letter, unit) =
            UNITS.into_iter().find(|(_, unit)| seconds.is_multiple_of(*unit)).unwrap_or(('s', 1));
        write!(out, "{}{letter}", seconds.checked_div(unit).unwrap_or(seconds))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Most(budget, most) => write!(out, "limit:{}:{most}", budget.name()),
            Self::Breaker(Breaker { refusals, window, cooldown }) => {
                write!(out, "limit:{BREAKER}:{refusals}:{window}:")?;
                match cooldown {
                    Some(time) => write!(out, "{time}"),
                    None => out.write_str(FOREVER),
                }
            }
        }
    }
}

/// A decimal number in its one spelling, below the one that means no limit.
fn number(text: &str) -> Result<u32, LimitFault> {
    let parsed = text.parse::<u32>().ok();
    parsed
        .filter(|number| *number != UNLIMITED && number.to_string() == text)
        .ok_or_else(|| LimitFault::Number(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{LimitFault, permits, with_inherited};
    use crate::scope::{Fault, Scope};

    fn scopes(texts: &[&str]) -> Vec<Scope> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_time_is_shown_in_the_longest_unit_that_it_is_a_whole_number_of() {
        for (written, shown) in [
            ("limit:breaker:20:60s:3600s", "limit:breaker:20:1m:1h"),
            ("limit:breaker:20:90s:120m", "limit:breaker:20:90s:2h"),
            ("limit:breaker:0:1s:forever", "limit:breaker:0:1s:forever"),
            ("limit:breaker:1:4294967295s:25h", "limit:breaker:1:4294967295s:25h"),
        ] {
            let scope: Scope = written.parse().unwrap();
            assert_eq!(scope.to_string(), shown);
            assert_eq!(shown.parse::<Scope>().unwrap(), scope);
        }
    }

    #[test]
    fn what_is_no_limit_is_refused_by_its_fault() {
        for (text, fault) in [
            ("", LimitFault::Form),
            ("execs", LimitFault::Form),
            ("threads:5", LimitFault::Form),
            ("execs:5:6", LimitFault::Form),
            ("breaker:5", LimitFault::Form),
            ("breaker:5:1m", LimitFault::Form),
            ("breaker:5:1m:1m:1m", LimitFault::Form),
            ("execs:", LimitFault::Number(String::new())),
            ("execs:05", LimitFault::Number("05".into())),
            ("execs:+5", LimitFault::Number("+5".into())),
            ("execs:-1", LimitFault::Number("-1".into())),
            ("execs:4294967295", LimitFault::Number("4294967295".into())),
            ("breaker:x:1m:1m", LimitFault::Number("x".into())),
            ("breaker:5:0s:1m", LimitFault::Time("0s".into())),
            ("breaker:5:60:1m", LimitFault::Time("60".into())),
            ("breaker:5:1d:1m", LimitFault::Time("1d".into())),
            ("breaker:5:\u{e9}:1m", LimitFault::Time("\u{e9}".into())),
            ("breaker:5:forever:1m", LimitFault::Time("forever".into())),
            ("breaker:5:1m:01m", LimitFault::Cooldown("01m".into())),
            ("breaker:5:1m:1193047h", LimitFault::Cooldown("1193047h".into())),
            ("breaker:5:1m:never", LimitFault::Cooldown("never".into())),
        ] {
            let error = format!("limit:{text}").parse::<Scope>().unwrap_err();
            assert_eq!(error.fault, Fault::Limit(fault), "{text}");
            assert!(error.to_string().contains("write"), "{error}");
        }
        assert!("limit:execs:4294967294".parse::<Scope>().is_ok());
    }

    #[test]
    fn a_limit_may_be_given_on_if_it_is_no_wider_than_each_above() {
        let held = scopes(&["limit:execs:10", "limit:execs:5", "limit:breaker:20:1m:5m", "file:read:/a"]);
        for text in ["limit:execs:5", "limit:execs:0", "limit:forks:900", "limit:breaker:20:60s:300s"] {
            assert!(permits(&held, &text.parse().unwrap()), "{text}");
        }
        for text in ["limit:execs:6", "limit:execs:10", "limit:breaker:19:1m:5m", "file:read:/b"] {
            assert!(!permits(&held, &text.parse().unwrap()), "{text}");
        }
        assert!(permits(&[], &"limit:execs:5".parse().unwrap()), "where there is no limit, any narrows");
    }

    #[test]
    fn limits_that_are_not_named_are_those_of_the_nearest_that_names_them() {
        let own = scopes(&["file:read:/a", "limit:execs:3"]);
        let parent = scopes(&["file:read:/", "limit:execs:5", "limit:forks:7"]);
        let root = scopes(&["limit:forks:9", "limit:breaker:20:1m:5m", "shell:arbitrary"]);
        let all = with_inherited(&own, [parent.as_slice(), root.as_slice()].into_iter());
        let expected = ["file:read:/a", "limit:execs:3", "limit:forks:7", "limit:breaker:20:1m:5m"];
        assert_eq!(all, scopes(&expected));
    }
}
