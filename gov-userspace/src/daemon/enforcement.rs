//! What the kernel enforces, as a log, a peer and a person are told.

use crate::control::message::HookView;
use crate::kernel::{Enforcement, EnforcementStatus};
use crate::receipt::{EnforcementFacts, HookFacts};

/// What is enforced, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// `full`, `partial` or `none`.
    pub status: &'static str,
    /// What is missing for `full`.
    pub missing: Vec<String>,
    /// How many programs are attached.
    pub attached: usize,
}

impl Words {
    pub(super) fn of(enforcement: &Enforcement) -> Self {
        let (status, missing) = match &enforcement.status {
            EnforcementStatus::Full => ("full", Vec::new()),
            EnforcementStatus::Partial(missing) => ("partial", missing.clone()),
            EnforcementStatus::None => ("none", Vec::new()),
        };
        let attached = enforcement.hooks.iter().filter(|hook| hook.attached).count();
        Self { status, missing, attached }
    }

    /// In one line.
    pub fn in_words(&self) -> String {
        let missing = match self.missing.as_slice() {
            [] => String::new(),
            missing => format!(", missing {}", missing.join(", ")),
        };
        format!("enforcement {}: {} programs attached{missing}", self.status, self.attached)
    }
}

/// For a log: what held from `attached_ns` on, boot clock.
pub(super) fn facts(enforcement: &Enforcement, attached_ns: u64) -> EnforcementFacts {
    let Words { status, missing, attached: _ } = Words::of(enforcement);
    let hooks = enforcement
        .hooks
        .iter()
        .filter(|hook| hook.attached)
        .map(|hook| HookFacts { name: hook.name.clone(), tag: hook.tag.clone() })
        .collect();
    EnforcementFacts { attached: attached_ns.to_string(), hooks, missing, status }
}

/// For a peer.
pub(super) fn views(enforcement: &Enforcement) -> Vec<HookView> {
    let view = |hook: &crate::kernel::HookStatus| HookView {
        hook: hook.name.clone(),
        tag: hook.tag.clone(),
        attached: hook.attached,
    };
    enforcement.hooks.iter().map(view).collect()
}
