//! What is in force, as a value.

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

impl Enforcement {
    /// The sum of hooks, of which those in `required` that are missing make it partial.
    pub(super) fn of(hooks: Vec<HookStatus>, required: impl Fn(&str) -> bool) -> Self {
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

    fn hook(name: &str, attached: bool) -> HookStatus {
        HookStatus { name: name.to_owned(), tag: String::new(), attached }
    }

    #[test]
    fn only_a_required_hook_that_is_missing_makes_enforcement_partial() {
        let required = |name: &str| name != "later";
        let sum = |hooks| Enforcement::of(hooks, required).status;
        assert_eq!(sum(vec![hook("a", true), hook("later", false)]), EnforcementStatus::Full);
        assert_eq!(
            sum(vec![hook("a", true), hook("b", false)]),
            EnforcementStatus::Partial(vec!["b".to_owned()])
        );
        assert_eq!(sum(vec![hook("a", false)]), EnforcementStatus::None);
    }
}
