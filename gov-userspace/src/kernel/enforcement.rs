//! What is in force, as a value.

use super::hooks::{HOOKS, Hook};

/// What this kernel enforces with this build of gov.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enforcement {
    /// The sum of it.
    pub status: EnforcementStatus,
    /// Each hook of this build.
    pub hooks: Vec<HookStatus>,
}

/// The sum of what is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnforcementStatus {
    /// Every hook that the guarantees need.
    Full,
    /// Some hooks that the guarantees need do not exist on this kernel: these.
    Partial(Vec<String>),
    /// Nothing.
    None,
}

/// One hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookStatus {
    /// The kernel's name of it.
    pub name: String,
    /// The kernel's digest of the program behind it, 16 hexadecimal digits; empty when it is not attached.
    pub tag: String,
    /// Whether it is in force.
    pub attached: bool,
}

impl HookStatus {
    /// A hook that is not in force.
    pub(super) fn absent(hook: &Hook) -> Self {
        Self { name: hook.name.to_owned(), tag: String::new(), attached: false }
    }

    /// One that is, by a program with this tag, where the kernel tells it.
    pub(super) fn attached(hook: &Hook, tag: Option<u64>) -> Self {
        let tag = tag.map_or_else(String::new, |tag| format!("{tag:016x}"));
        Self { name: hook.name.to_owned(), tag, attached: true }
    }
}

impl Enforcement {
    /// The sum of hooks, of which those that the guarantees need and that are missing make it partial.
    pub(super) fn of(hooks: Vec<HookStatus>) -> Self {
        let required = |name: &str| HOOKS.iter().any(|hook| hook.name == name && hook.required);
        let missing: Vec<String> = hooks
            .iter()
            .filter(|hook| !hook.attached && required(&hook.name))
            .map(|hook| hook.name.clone())
            .collect();
        let status = if !hooks.iter().any(|hook| hook.attached) {
            EnforcementStatus::None
        } else if missing.is_empty() {
            EnforcementStatus::Full
        } else {
            EnforcementStatus::Partial(missing)
        };
        Self { status, hooks }
    }
}

#[cfg(test)]
mod tests {
    use super::{Enforcement, EnforcementStatus, HookStatus};
    use crate::kernel::hooks::HOOKS;

    #[test]
    fn only_a_required_hook_that_is_missing_makes_enforcement_partial() {
        let hook = |name: &str| HOOKS.iter().find(|hook| hook.name == name).unwrap();
        let (open, later) =
            (HookStatus::attached(hook("file_open"), Some(1)), HookStatus::absent(hook("file_truncate")));
        let sum = |hooks| Enforcement::of(hooks).status;
        assert_eq!(sum(vec![open.clone(), later]), EnforcementStatus::Full);
        assert_eq!(
            sum(vec![open, HookStatus::absent(hook("capable"))]),
            EnforcementStatus::Partial(vec!["capable".to_owned()])
        );
        assert_eq!(sum(vec![HookStatus::absent(hook("capable"))]), EnforcementStatus::None);
    }
}
